"""Bars and spinners as `ollama pull` draws them: what is known, and the line that says it. Pure.

Not for a terminal: progress.py draws them.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from wcwidth import wcswidth

from cli import units

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAME_SECONDS = 0.1
_SAMPLES = 10
_SAMPLE_SECONDS = 1.0
# Beside the bar: the rest of the line's columns, and so many more.
_MARGIN = 5
_DONE_BLANKS = " " * 25
_NO_RATE = " " * 18


class Row(Protocol):
    """One line of what is drawn."""

    def line(self, *, columns: int, now: float) -> str: ...


@dataclass(slots=True)
class Spinner:
    """Something without a size that goes on until it is said to be over."""

    words: str
    began: float
    is_over: bool = False

    def line(self, *, columns: int, now: float) -> str:
        if self.is_over:
            return f"{self.words} "
        frame = _SPINNER[int(max(0.0, now - self.began) / _FRAME_SECONDS) % len(_SPINNER)]
        return f"{self.words} {frame} "


@dataclass(slots=True)
class Bar:
    """Something of `total` bytes. `told` says how many are there at a moment, in seconds."""

    words: str
    total: int
    completed: int = 0
    # A moment and what was there then, at most one a second.
    _samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_SAMPLES))

    def told(self, completed: int, *, now: float) -> None:
        self.completed = completed
        if not self._samples or now - self._samples[-1][0] >= _SAMPLE_SECONDS:
            self._samples.append((now, completed))

    @property
    def is_over(self) -> bool:
        return self.completed >= self.total

    def line(self, *, columns: int, now: float) -> str:
        share = min(1.0, self.completed / self.total) if self.total else 1.0
        before = f"{self.words} {math.floor(share * 100):3.0f}%"
        behind = self._amounts()
        width = max(0, columns - wcswidth(before) - len(behind) - _MARGIN)
        filled = int(width * share)
        return f"{before} ▕{'█' * filled}{' ' * (width - filled)}▏ {behind}"

    def _amounts(self) -> str:
        """The total once it is there; until then how much of it, how fast, and how long still."""
        if self.is_over:
            return f"{units.size(self.total):>6}{_DONE_BLANKS}"
        amounts = f"{units.size(self.completed):>6}/{units.size(self.total):>6}"
        rate = self._rate()
        if not rate:
            return amounts + _NO_RATE
        left = time_left((self.total - self.completed) / rate)
        return f"{amounts}  {units.size(int(rate)):>6}/s  {left:>6}"

    def _rate(self) -> float:
        """Bytes a second over the last samples; 0 while it is not known."""
        if len(self._samples) < 2:
            return 0.0
        (began, before), (ended, after) = self._samples[0], self._samples[-1]
        return max(0.0, (after - before) / (ended - began))


def time_left(seconds: float) -> str:
    """`5s`, `1m5s`, `2h3m`, `99h+`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours > 99:
        return "99h+"
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
