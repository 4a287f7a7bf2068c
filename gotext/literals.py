"""Numbers, characters and quoted text as Go reads them. Not for where they stand."""

import re

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"'])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.?))",
    re.DOTALL,
)
_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
}
_WHOLE = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|0[0-7_]*|[1-9][\d_]*)")
_LONGEST_DIGITS = 400


class _Bad(ValueError):
    """An escape that Go does not know."""


def unquoted(text: str) -> str | None:
    """What a quoted text means, in double or backward quotes; None when it means nothing."""
    if text.startswith("`"):
        return text[1:-1].replace("\r", "")
    return _unescaped(text[1:-1], other_quote="'")


def character(text: str) -> int | None:
    """The number of the character in single quotes."""
    meant = _unescaped(text[1:-1], other_quote='"')
    return ord(meant) if meant is not None and len(meant) == 1 else None


def number(text: str) -> int | float | None:
    """A whole number or a fraction; None for what is neither."""
    if len(text) > _LONGEST_DIGITS:
        return None
    if _WHOLE.fullmatch(text):
        value = _whole(text)
        return value if -(2**63) <= value < 2**64 else None
    try:
        return float(text)
    except ValueError:
        return None


def _whole(text: str) -> int:
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.removeprefix("+"))
    digits = digits.replace("_", "").lower()
    if digits[:2] in ("0x", "0b", "0o"):
        return sign * int(digits, 0)
    return sign * int(digits, 8 if digits[0] == "0" else 10)


def _unescaped(text: str, *, other_quote: str) -> str | None:
    if "\\" not in text:
        return text
    try:
        return _as_text(_ESCAPE.sub(lambda found: _meant(found, other_quote), text))
    except _Bad:
        return None


def _meant(found: "re.Match[str]", other_quote: str) -> str:
    simple, byte, short, long, octal, unknown = found.groups()
    if simple is not None:
        if simple == other_quote:
            raise _Bad
        return _SIMPLE[simple]
    if unknown is not None:
        raise _Bad
    if byte is not None or octal is not None:
        value = int(byte, 16) if byte is not None else int(octal, 8)
        if value > 255:
            raise _Bad
        return chr(value) if value < 0x80 else chr(0xDC00 + value)  # a lone byte, joined below
    code = int(short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise _Bad
    return chr(code)


def _as_text(text: str) -> str:
    """Bytes that were written one by one, read as UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
