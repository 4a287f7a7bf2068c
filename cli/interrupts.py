"""Ctrl-C while an answer comes, also where a library swallows it. Not for what is typed."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Fields = dict[str, Any]


class Heard:
    """Whether Ctrl-C came, whatever became of its exception."""

    def __init__(self) -> None:
        self._has_come = False

    def come(self, _number: int, _frame: FrameType | None) -> None:
        self._has_come = True
        raise KeyboardInterrupt

    def until(self, parts: Iterable[Fields]) -> Iterator[Fields]:
        for part in parts:
            if self._has_come:  # pydantic lets some exceptions in its callbacks go
                raise KeyboardInterrupt
            yield part


@contextmanager
def heard() -> Iterator[Heard]:
    ear = Heard()
    before = signal.signal(signal.SIGINT, ear.come)
    try:
        yield ear
    finally:
        signal.signal(signal.SIGINT, before)
