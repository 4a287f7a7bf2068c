"""Ctrl-C while an answer comes, also where a library swallows it or calls it an error of its own.

Not for what is typed.
"""

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

    @property
    def has_come(self) -> bool:
        return self._has_come

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
    except Exception:
        if ear.has_come:  # pydantic makes it an error without a cause
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
