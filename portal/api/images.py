"""Pictures in requests: from base64 to bytes, within bounds. Nothing is ever fetched (threat F23).

Not for what is in them: the engine finds out, where a bad one can do no harm.
"""

import base64
import binascii
import re
from collections.abc import Sequence

from inference import protocol
from portal.api.errors import Refused
from portal.api.go import gobase64
from portal.api.go.goreading import kind_of

# Where in its text a picture stands, when a message has it between its words.
PLACE = "[img]"
_LINKS = ("http://", "https://")
_DATA = re.compile(r"data:(?:image/(?:jpeg|jpg|png|webp))?;base64,")
_INVALID = "invalid image input"


def native(image: object, *, field: str) -> bytes:
    """As Ollama's own API has them: base64 alone. `field` is where it stood, for the refusal."""
    if not isinstance(image, str):
        place = f"Go struct field {field} of type api.ImageData"
        raise Refused(status=400, message=f"json: cannot unmarshal {kind_of(image)} into {place}")
    try:
        return _bounded(gobase64.decode(image))
    except gobase64.NotBase64 as error:
        raise Refused(status=400, message=str(error)) from None


def openai(image: object) -> bytes:
    """An `image_url`: a data: URL, alone or as the `url` of an object."""
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str):
        raise Refused(status=400, message="invalid message format")
    if url.startswith(_LINKS):
        message = "image URLs are not currently supported, please use base64 encoded data instead"
        raise Refused(status=400, message=message)
    head = _DATA.match(url)
    try:
        data = base64.b64decode(url[head.end() :], validate=True) if head else b""
    except (binascii.Error, ValueError):
        data = b""
    return _bounded(data)


def check_count(messages: Sequence[protocol.Message]) -> None:
    """Over the whole request, for all of it is looked at together."""
    if sum(len(message.images) for message in messages) > protocol.MAX_IMAGES:
        message = f"at most {protocol.MAX_IMAGES} images in one request"
        raise Refused(status=400, message=message)


def placed(message: protocol.Message) -> str:
    """Its words with a place for each of its pictures, so that they may stand behind others."""
    missing = len(message.images) - message.content.count(PLACE)
    return PLACE * missing + message.content


def _bounded(data: bytes) -> bytes:
    if not data:
        raise Refused(status=400, message=_INVALID)
    if len(data) > protocol.MAX_IMAGE_BYTES:
        mebibytes = protocol.MAX_IMAGE_BYTES // 2**20
        raise Refused(status=413, message=f"an image may have at most {mebibytes} MiB")
    return data
