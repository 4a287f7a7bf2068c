"""How far a pull, push or create is, drawn on stderr. Not for what the lines look like: bars.py.

On a terminal: bars and spinners, drawn over themselves. Elsewhere: each new status once, a line
each.
"""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from wcwidth import wcswidth

from cli.bars import Bar, Row, Spinner

DRAWN_EVERY_SECONDS = 0.1
_USUAL_COLUMNS = 80
# Held together, so that nobody sees half a picture; the cursor is hidden meanwhile.
_BEGIN, _END = "\x1b[?2026h\x1b[?25l", "\x1b[?25h\x1b[?2026l"
_LINE_START, _CLEAR_REST = "\x1b[1G", "\x1b[K"
_PULLING = "pulling "

Line = dict[str, Any]


class Rows:
    """What is shown of a stream of progress: one row a status, the newest at the end."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rows: dict[str, Bar | Spinner] = {}
        self._last: Spinner | None = None

    def take(self, line: Line) -> None:
        """A line of the server. What has no size is over when the next thing begins.

        A line of ours may say by `row` which row it is about, when its words change.
        """
        status = str(line.get("status") or "")
        total, completed = line.get("total") or 0, line.get("completed") or 0
        if not total:
            self._spin(status, row=str(line.get("row") or status))
        elif completed:  # a bar begins with its first byte
            self._advance(_label(status, line), total=int(total), completed=int(completed))

    def end(self) -> None:
        self._stop_spinning()

    def picture(self, *, columns: int, height: int) -> list[str]:
        """The lowest rows, as many as a terminal of this height shows."""
        now = self._clock()
        rows: list[Row] = list(self._rows.values())
        return [row.line(columns=columns, now=now) for row in rows[-max(1, height) :]]

    def _spin(self, status: str, *, row: str) -> None:
        if (known := self._rows.get(row)) is not None:
            known.words = status
            return
        self._stop_spinning()
        self._last = Spinner(status, self._clock())
        self._rows[row] = self._last
        if status == "success":
            self._stop_spinning()

    def _advance(self, label: str, *, total: int, completed: int) -> None:
        self._stop_spinning()
        bar = self._rows.get(label)
        if not isinstance(bar, Bar):
            bar = self._rows[label] = Bar(label, total)
        bar.total = total
        bar.told(completed, now=self._clock())

    def _stop_spinning(self) -> None:
        if self._last is not None:
            self._last.is_over = True
            self._last = None


class Screen:
    """A terminal on which a picture is drawn over the one before it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn = 0

    def draw(self, rows: Rows, *, is_last: bool = False) -> None:
        """A line too long for the terminal is cut, or it would take two rows and the next picture
        would begin one too low; the last picture has all of it."""
        size = shutil.get_terminal_size((_USUAL_COLUMNS, 24))
        picture = rows.picture(columns=size.columns, height=size.lines - 1)
        if not is_last:
            picture = [_cut(line, size.columns - 1) for line in picture]
        up = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
        lines = "\n".join(f"{line}{_CLEAR_REST}" for line in picture)
        self._stream.write(f"{_BEGIN}{up}{_LINE_START}{lines}{_END}")
        self._stream.flush()
        self._drawn = len(picture)

    def end(self) -> None:
        if self._drawn:
            self._stream.write("\n")
            self._stream.flush()


def show(lines: Iterable[Line]) -> None:
    """Draws until the lines end. What they raise goes on to whoever called."""
    with telling() as tell:
        for line in lines:
            tell(line)


@contextmanager
def telling() -> Iterator[Callable[[Line], None]]:
    """Draws what it is told while the block runs."""
    if not sys.stderr.isatty():
        yield _Plain().tell
        return
    rows = Rows()
    with _drawn(rows):
        yield rows.take
        rows.end()


@contextmanager
def _drawn(rows: Rows) -> Iterator[None]:
    """Again and again while the block runs, for its spinners turn and its rates change."""
    screen, is_over = Screen(sys.stderr), threading.Event()

    def draw() -> None:
        while not is_over.wait(DRAWN_EVERY_SECONDS):
            screen.draw(rows)

    drawing = threading.Thread(target=draw, daemon=True)
    drawing.start()
    try:
        yield
    finally:
        is_over.set()
        drawing.join()
        screen.draw(rows, is_last=True)
        screen.end()


class _Plain:
    """Each new status once, a line each."""

    def __init__(self) -> None:
        self._told: str | None = None

    def tell(self, line: Line) -> None:
        words = str(line.get("row") or line.get("status") or "")
        if words != self._told:
            sys.stderr.write(f"{words}\n")
            sys.stderr.flush()
            self._told = words


def _cut(line: str, columns: int) -> str:
    while line and wcswidth(line) > columns:
        line = line[:-1]
    return line


def _label(status: str, line: Line) -> str:
    """`pulling 8eeb52dfb3bb:` for what is fetched, else the server's own words."""
    is_pulling = status.startswith(_PULLING) and line.get("digest")
    return f"{status}:" if is_pulling else status
