"""Text, tables of values and code: bytes to letters, whatever they were written in. In the child.

Nothing is left out of them: who attaches code wants it read as it stands.
"""

import codecs

from unpacking.letters import clean
from unpacking.said import MAX_CHARS, Text, Unreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# No encoding needs more bytes for a letter.
_MAX_BYTES = 4 * MAX_CHARS
# A guess at the encoding is made from so much of it.
_GUESSED_BYTES = 256 * 1024
_MAX_CONTROL_SHARE = 0.002


def read(data: bytes) -> Text:
    if len(data) > _MAX_BYTES:
        raise Unreadable("too-long" if _looks_like_text(data[:_GUESSED_BYTES]) else "unknown")
    text = _decoded(data)
    if not _is_text(text):
        raise Unreadable("unknown")
    text = clean(text)
    if not text.strip():
        raise Unreadable("no-text")
    return Text(media_type="text/plain", text=text)


def _decoded(data: bytes) -> str:
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(marked)
    except UnicodeDecodeError:
        return _guessed(data)


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    if b"\0" in data:
        raise Unreadable("unknown")
    best = from_bytes(data[:_GUESSED_BYTES]).best()
    if best is None:
        raise Unreadable("unknown")
    # Chinese pages call by the name of the small set what is written in the large one.
    name = "gb18030" if best.encoding in ("gb2312", "gbk", "hz") else best.encoding
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        return data.decode(name, "replace")


def _looks_like_text(head: bytes) -> bool:
    return b"\0" not in head and _is_text(head.decode("latin-1"))


def _is_text(text: str) -> bool:
    """Hardly anything in it that no person writes."""
    odd = sum(1 for char in text if (char < " " and char not in "\t\n\r\f\v\x1b") or char == "\0")
    return "\0" not in text and odd <= len(text) * _MAX_CONTROL_SHARE
