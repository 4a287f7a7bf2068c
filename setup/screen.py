"""What the person who typed `make` sees: sentences, and one line that is updated in place."""

import sys
import time


class Screen:
    """On a terminal the progress line is rewritten; elsewhere it is printed now and then."""

    def __init__(self, *, plain_every_seconds: float = 20.0) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._every = plain_every_seconds
        self._width = 0
        self._printed_at = 0.0

    def say(self, text: str) -> None:
        self._clear()
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def progress(self, text: str) -> None:
        if self._is_terminal:
            sys.stdout.write("\r" + text.ljust(self._width))
            self._width = max(self._width, len(text))
        elif time.monotonic() - self._printed_at >= self._every:
            sys.stdout.write(text + "\n")
            self._printed_at = time.monotonic()
        sys.stdout.flush()

    def _clear(self) -> None:
        if self._is_terminal and self._width:
            sys.stdout.write("\r" + " " * self._width + "\r")
        self._width = 0
