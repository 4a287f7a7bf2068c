"""What is done for conversations without anybody asking: titles, and removing what has been left.

A part of the recorder's loop (portal/chat/keeping.py). Says nothing about how either is done.
"""

from collections.abc import Callable

from portal.order.leaving import purge_left
from portal.order.titles import Titles, Wake

PURGE_SECONDS = 60.0
# A title is looked for after each answer, for this long; without any, now and then.
STIRRED_SECONDS = 2.0
SWEEP_SECONDS = 5.0


class Upkeep:
    """Call `step` again and again. `clock` is monotonic, in seconds."""

    def __init__(self, *, clock: Callable[[], float], wake: Wake, has_titles: bool = True) -> None:
        self._clock = clock
        self._titles = Titles(clock=clock, wake=wake) if has_titles else None
        self._next_purge = self._next_sweep = clock()
        self._stirred_until = clock()

    def hear(self) -> None:
        """An answer has ended somewhere."""
        self._stirred_until = self._clock() + STIRRED_SECONDS

    def step(self) -> None:
        if self._titles is not None and self._is_time_for(self._titles):
            self._next_sweep = self._clock() + SWEEP_SECONDS
            self._titles.step()
        if self._clock() >= self._next_purge:
            self._next_purge = self._clock() + PURGE_SECONDS
            purge_left()

    def _is_time_for(self, titles: Titles) -> bool:
        now = self._clock()
        return titles.is_busy or now < self._stirred_until or now >= self._next_sweep
