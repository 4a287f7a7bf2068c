"""Lines of the parts, to the terminal and to bounded files. Knows nothing of processes."""

import contextlib
import logging
import re
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rich.console import Console
from rich.text import Text

FILE_BYTES = 10_000_000
OLD_FILES = 3
MAX_LINE_CHARS = 8_000

COLOURS = {
    "valkey": "red",
    "web": "cyan",
    "recorder": "magenta",
    "inference": "green",
    "celery": "yellow",
    "jobs": "bright_yellow",
    "beat": "blue",
}
# Whatever could move the cursor or recolour the operator's terminal.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Journal:
    """One file a part in `folder`; everything on the terminal, each line with its part's name."""

    def __init__(self, folder: Path, *, console: Console) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._console = console
        self._files: dict[str, _File] = {}

    def line(self, part: str, text: str) -> None:
        """Write one line of a part down, and show it."""
        clean = _CONTROL.sub("", text.rstrip("\r\n"))[:MAX_LINE_CHARS]
        self._file(part).handle(logging.makeLogRecord({"msg": clean}))
        self._show(Text.assemble((f"{part:>9} ", COLOURS.get(part, "white")), clean))

    def say(self, text: str) -> None:
        """A sentence of the group itself."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        self._file("group").handle(logging.makeLogRecord({"msg": f"{stamp} {text}"}))
        self._show(Text(text, style="bold"))

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _file(self, part: str) -> "_File":
        if part not in self._files:
            self._files[part] = _File(self._folder / f"{part}.log")
        return self._files[part]

    def _show(self, text: Text) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone; the files go on
            self._console.print(text, soft_wrap=True)


class _File(RotatingFileHandler):
    def __init__(self, path: Path) -> None:
        super().__init__(
            path, maxBytes=FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8", delay=True
        )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """A full disk must not end the group; the terminal still shows the line."""
