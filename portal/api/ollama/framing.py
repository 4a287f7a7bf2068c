"""How a native answer that is one object is written, and how a body is asked for: Ollama's framing.

Not for streams: those are in streaming.py and transfers.py.
"""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from inference import protocol
from portal.api.door import body_of
from portal.api.errors import Refused
from portal.api.go import gojson
from portal.api.go.goreading import NoBody


def as_json(value: dict[str, Any]) -> HttpResponse:
    return HttpResponse(gojson.dumps(value), content_type="application/json; charset=utf-8")


def native_body_of(request: HttpRequest) -> object:
    """The JSON value in the body. `null` counts as an empty request."""
    try:
        return body_of(request)
    except NoBody:
        raise Refused(status=400, message="missing request body") from None


def go_time(moment: datetime) -> str:
    """RFC 3339 as Go writes it: no trailing zeros, `Z` for no offset."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if moment.microsecond:
        text += f".{moment.microsecond:06d}".rstrip("0")
    offset = moment.strftime("%z")
    return text + ("Z" if offset in ("", "+0000") else f"{offset[:3]}:{offset[3:5]}")


def waited_ns(stats: protocol.Stats, total_ns: int) -> int:
    """`load_duration`: what passed before the model began to read. Every answer has one.

    Not what the loading took: the model tells that in its first answer, which may have been asked
    for long afterwards.
    """
    return max(1, total_ns - stats.prompt_ns - stats.answer_ns)
