"""Text as it comes out of a file, made fit for databases and models. Knows no kinds of files."""

import re

from unpacking.said import MAX_CHARS, Unreadable

# Tabs and ends of lines stay. Libraries leave U+FFFE where a word was parted at the end of a line.
_PARTED = re.compile("[\u00ad\ufffe\x02]\n?")
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff\uffff]")
_BLANKS = re.compile(r"[ \t\u00a0]+\n")
_GAPS = re.compile(r"\n{4,}")


class Gathering:
    """Pieces of a document, in order, up to as much as is taken."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._chars = 0

    def add(self, piece: str) -> None:
        """One line or more, without the end of the last one."""
        if self._chars + len(piece) > MAX_CHARS:
            raise Unreadable("too-long")
        self._pieces.append(piece)
        self._chars += len(piece) + 1

    def text(self) -> str:
        return clean("\n".join(self._pieces))


def clean(text: str) -> str:
    """Without what no database takes and no reader sees; no gap longer than two empty lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\v", "\n").replace("\f", "\n")
    text = _NOT_TEXT.sub("", _PARTED.sub("", text))
    text = _GAPS.sub("\n\n\n", _BLANKS.sub("\n", text)).strip("\n")
    if len(text) > MAX_CHARS:
        raise Unreadable("too-long")
    return text
