"""Lists and blocks for a terminal, laid out as Ollama lays them out (contract, section 8.3).

Text in, text out: knows no model and prints nothing.
"""

import textwrap
from collections.abc import Iterator, Sequence

GAP = "    "
MAX_CELL_CHARS = 30
_UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB"))
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, cell_chars: int = MAX_CELL_CHARS
) -> str:
    """Columns as wide as their widest cell. Without rows the header alone."""
    lines = [line for row in rows for line in _lines(row, cell_chars=cell_chars)]
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    text = GAP.join(_filled(header, widths)) + " \n"
    return text + "".join(f"{GAP.join(_filled(line, widths))}{GAP}\n" for line in lines)


def block(title: str, rows: Sequence[Sequence[str]], *, cell_chars: int = MAX_CELL_CHARS) -> str:
    """A title, its rows set in, and an empty line; nothing without rows."""
    if not rows:
        return ""
    columns = max(map(len, rows))
    even = [[*row, *[""] * (columns - len(row))] for row in rows]
    lines = [line for row in even for line in _lines(row, cell_chars=cell_chars)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    body = "".join(f"{GAP}{GAP.join(_filled(line, widths))}{GAP}\n" for line in lines)
    return f"  {title}\n{body}\n"


def human_bytes(size_bytes: int) -> str:
    """`999 B`, `1.5 KB`, `13 GB`: decimal units, whole from ten on."""
    for unit, name in _UNITS:
        if size_bytes >= unit:
            value = size_bytes / unit
            if value >= 10 or size_bytes % unit == 0:
                return f"{size_bytes // unit} {name}"
            return f"{value:.1f} {name}"
    return f"{size_bytes} B"


def ago(seconds: float) -> str:
    return f"{duration(seconds)} ago"


def duration(seconds: float) -> str:
    """How long, in the one unit that says most."""
    whole = int(seconds)
    for below, words in (
        (1, "Less than a second"),
        (2, "1 second"),
        (_MINUTE, f"{whole} seconds"),
        (2 * _MINUTE, "About a minute"),
        (_HOUR, f"{whole // _MINUTE} minutes"),
        (1.5 * _HOUR, "About an hour"),
        (2 * _DAY, f"{int(seconds / _HOUR + 0.5)} hours"),
        (14 * _DAY, f"{whole // _DAY} days"),
        (60 * _DAY, f"{whole // (7 * _DAY)} weeks"),
        (730 * _DAY, f"{whole // (30 * _DAY)} months"),
    ):
        if seconds < below:
            return words
    return f"{whole // (365 * _DAY)} years"


def first_lines(text: str, *, count: int = 2) -> list[list[str]]:
    """The first lines that say something, and a sign when there are more."""
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return [[line] for line in said[:count]] + ([["..."]] if len(said) > count else [])


def _lines(row: Sequence[str], *, cell_chars: int) -> Iterator[list[str]]:
    """A cell that is too long goes on below itself, cut between words only."""
    cells = [_wrapped(cell, cell_chars=cell_chars) for cell in row]
    for number in range(max(map(len, cells), default=0)):
        yield [cell[number] if number < len(cell) else "" for cell in cells]


def _wrapped(cell: str, *, cell_chars: int) -> list[str]:
    if len(cell) <= cell_chars:
        return [cell]
    wrapped = textwrap.wrap(cell, cell_chars, break_long_words=False, break_on_hyphens=False)
    return wrapped or [""]


def _filled(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
