"""A request body that its client has compressed with Zstandard. Not for answers: those stream.

A few bytes can unpack to gigabytes, so no more is unpacked than may be read.
"""

import zstandard
from django.http import HttpRequest

from portal.api import door
from portal.api.errors import Refused
from portal.api.go import goreading

MAX_UNPACKED_BYTES = 20 * 1024 * 1024
# How far back the packed text may point: memory that is held while unpacking.
MAX_WINDOW_BYTES = 8 * 1024 * 1024


def body_of(request: HttpRequest) -> object:
    """The JSON value in the body, packed or not."""
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding != "zstd":
        return door.body_of(request)
    return goreading.parse(_unpacked(door.raw_body_of(request)))


def _unpacked(packed: bytes) -> bytes:
    unpacking = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    try:
        with unpacking.stream_reader(packed, read_across_frames=True) as reader:
            body = reader.read(MAX_UNPACKED_BYTES + 1)
    except zstandard.ZstdError:
        raise Refused(status=400, message="the body is not what zstd makes") from None
    if len(body) > MAX_UNPACKED_BYTES:
        mebibytes = MAX_UNPACKED_BYTES // 2**20
        message = f"the request is larger than {mebibytes} MiB when it is unpacked"
        raise Refused(status=413, message=message)
    return body
