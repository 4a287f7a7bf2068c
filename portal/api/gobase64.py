"""Base64 as Go's decoder reads it: line ends are passed over, its words name the first bad byte.

Not for what the bytes are: images.py.
"""

import binascii

_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_LINE_ENDS = frozenset(b"\r\n")
_PADDING = ord("=")
_WITHOUT_LINE_ENDS = dict.fromkeys(_LINE_ENDS)


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
    at, digits = 0, 0
    while at < len(data):
        byte = data[at]
        if byte in _ALPHABET:
            digits += 1
        elif byte == _PADDING and digits % 4 >= 2:
            return _after_padding(data, at + 1, is_half=digits % 4 == 2)
        elif byte not in _LINE_ENDS:
            return at
        at += 1
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
    while at < len(data) and data[at] in _LINE_ENDS:
        at += 1
    return at
