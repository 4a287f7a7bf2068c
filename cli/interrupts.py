"""Ctrl-C in a conversation: it is noted, and ends what is asked for at a place of ours.

An exception out of a signal would land anywhere: in the middle of a library, or where Python throws
it away. Not for what is typed: there Ctrl-C is a key.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Fields = dict[str, Any]


class Heard:
    """Whether Ctrl-C came since the last line was sent. `hang_up` ends what waits for a server."""

    def __init__(self, *, hang_up: Callable[[], None], pick_up: Callable[[], None]) -> None:
        self._hang_up = hang_up
        self._pick_up = pick_up
        self._has_come = False

    def come(self, _number: int, _frame: FrameType | None) -> None:
        self._has_come = True
        self._hang_up()

    def forget(self) -> None:
        self._has_come = False
        self._pick_up()

    def until(self, parts: Iterable[Fields]) -> Iterator[Fields]:
        with self.minded():
            for part in parts:
                self._check()
                yield part

    @contextmanager
    def minded(self) -> Iterator[None]:
        """What ends in here after Ctrl-C, however it does, ends as Ctrl-C."""
        try:
            self._check()
            yield
        except Exception:
            self._check()
            raise
        self._check()

    def _check(self) -> None:
        if self._has_come:
            raise KeyboardInterrupt
