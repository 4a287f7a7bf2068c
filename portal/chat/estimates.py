"""Pure: how long a place in a queue takes, from how long the answers before it took.

Not for promises: it is told as "about", and not at all before a few answers have been seen. What a
process has not shown to anybody it has not seen; each has its own memory, and that is enough.
"""

import math
from collections import deque

REMEMBERED = 20
FEWEST = 3


class Durations:
    """The last answers of each queue, in seconds of a model's work."""

    def __init__(self) -> None:
        self._by_queue: dict[str, deque[float]] = {}

    def note(self, queue: str, seconds: float) -> None:
        if seconds > 0:
            self._by_queue.setdefault(queue, deque(maxlen=REMEMBERED)).append(seconds)

    def wait_seconds(self, queue: str, *, position: int | None, slots: int) -> int | None:
        """Until this place is taken; None where nobody can say.

        With so many answers at once one of them ends, on average, after the slots' share of one.
        """
        known = self._by_queue.get(queue, ())
        if position is None or slots < 1 or len(known) < FEWEST:
            return None
        return math.ceil(position * (sum(known) / len(known)) / slots)
