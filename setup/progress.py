"""Reads the installer's log for a person: what is going on, and how long it will take."""

import re
from collections.abc import Callable, Iterable

_BUILT = re.compile(r"(?:DEBUG )?\s*\[(\d+)/(\d+)\] ")
_DOWNLOADING = re.compile(r"Downloading (\S+) \(([\d.]+ ?\w+)\)")
_PREPARED = re.compile(r"Prepared (\d+) packages?")
# The library's files differ much in size; below this many an estimate would jump about.
FILES_BEFORE_ESTIMATE = 8


class Progress:
    """Lines in, one sentence out; None when a line tells a person nothing."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun: float | None = None

    def read(self, line: str) -> str | None:
        if built := _BUILT.match(line):
            return self._compiling(done=int(built[1]), total=int(built[2]))
        if downloading := _DOWNLOADING.match(line):
            return f"Downloading {downloading[1]} ({downloading[2]})"
        if _PREPARED.match(line):
            return "Installing"
        return None

    def _compiling(self, *, done: int, total: int) -> str:
        if self._begun is None:
            self._begun = self._clock()
        sentence = f"Compiling the inference library: {done} of {total}"
        elapsed = self._clock() - self._begun
        if done < FILES_BEFORE_ESTIMATE or done >= total:
            return sentence
        return f"{sentence} ({in_words(elapsed / done * (total - done))})"


def in_words(seconds: float) -> str:
    if seconds < 50:
        return "less than a minute left"
    return f"about {round(seconds / 60) or 1} min left"


def last_words(lines: Iterable[str], *, count: int = 25) -> list[str]:
    """The end of a failed log without the installer's own chatter, for a person to read."""
    told = [line.removeprefix("DEBUG ").rstrip() for line in lines if not _is_chatter(line)]
    return [line[:300] for line in told if line][-count:]


def _is_chatter(line: str) -> bool:
    return line.startswith("TRACE ") or bool(
        re.match(r"DEBUG (Found|Searching|Adding|Using|Selecting|Trying|No cache|Released)", line)
    )
