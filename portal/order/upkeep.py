"""What is done for conversations without anybody asking: titles, and removing what has been left.

A part of the recorder's loop (portal/chat/keeping.py). Says nothing about how either is done.
"""

from collections.abc import Callable

from portal.order.leaving import purge_left
from portal.order.titles import Titles, Wake

PURGE_SECONDS = 60.0


class Upkeep:
    """Call `step` again and again. `clock` is monotonic, in seconds."""

    def __init__(self, *, clock: Callable[[], float], wake: Wake, has_titles: bool = True) -> None:
        self._clock = clock
        self._titles = Titles(clock=clock, wake=wake) if has_titles else None
        self._next_purge = clock()

    def step(self) -> None:
        if self._titles is not None:
            self._titles.step()
        if self._clock() >= self._next_purge:
            self._next_purge = self._clock() + PURGE_SECONDS
            purge_left()
