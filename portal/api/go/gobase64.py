"""Base64 as Go's decoder reads it: line ends are passed over, its words name the first bad byte.

Not for what the bytes are: images.py.
"""

import binascii
import re

_GOOD = re.compile(rb"[A-Za-z0-9+/\r\n]*")
_ENDS_OF_LINES = re.compile(rb"[\r\n]*")
_PADDING = ord("=")
_WITHOUT_LINE_ENDS = dict.fromkeys(b"\r\n")


class NotBase64(ValueError):
    """The message is in the words of Go."""


def decode(text: str) -> bytes:
    """With padding, and nothing behind it."""
    try:
        return binascii.a2b_base64(text.translate(_WITHOUT_LINE_ENDS), strict_mode=True)
    except (binascii.Error, ValueError):
        at = _first_bad_byte(text.encode("utf-8", "replace"))
        raise NotBase64(f"illegal base64 data at input byte {at}") from None


def _first_bad_byte(data: bytes) -> int:
    """Where Go stops reading: four digits at a time, the last of them perhaps padding."""
    at = _end_of(_GOOD, data, 0)
    digits = at - data.count(b"\r", 0, at) - data.count(b"\n", 0, at)
    if at < len(data):
        is_padding = data[at] == _PADDING and digits % 4 >= 2
        return _after_padding(data, at + 1, is_half=digits % 4 == 2) if is_padding else at
    # It counts back over the digits of the last group, line ends or not.
    return at - digits % 4


def _after_padding(data: bytes, at: int, *, is_half: bool) -> int:
    """Behind the first padding: a second one where only two digits came, then nothing."""
    at = _past_line_ends(data, at)
    if is_half:
        if at == len(data):
            return at
        if data[at] != _PADDING:
            return at - 1
        at = _past_line_ends(data, at + 1)
    return at


def _past_line_ends(data: bytes, at: int) -> int:
    return _end_of(_ENDS_OF_LINES, data, at)


def _end_of(run: re.Pattern[bytes], data: bytes, at: int) -> int:
    """Where a run of such bytes ends. Not byte by byte: everybody waits, and there are millions."""
    match = run.match(data, at)
    return match.end() if match else at
