"""Which running slots change places so that all who run are neighbours. Not for who runs.

Only neighbouring streams of memory are computed together: with a hole between them, weights are
read once more in every step. Moving is worth it when a few steps pay for it.
"""

from collections.abc import Callable
from collections.abc import Sequence as List

from inference.engine.slots import Slot, Slots

# A move must be paid for by this many steps, for nobody knows how long an answer becomes.
_STEPS_TO_PAY = 12
_LEARNING_SHARE = 0.25


class Gatherer:
    """`most_seconds` bounds what is moved before one step, as far as is known."""

    def __init__(self, slots: Slots, *, clock: Callable[[], float], most_seconds: float) -> None:
        self._slots = slots
        self._clock = clock
        self._most_seconds = most_seconds
        self._seconds_per_token = 0.0

    def gather(self, running: List[Slot], *, seconds_each: float) -> None:
        """Close holes between running slots. `seconds_each` is the price of a hole in a step."""
        holes = _runs([slot.index for slot in running]) - 1
        if holes < 1:
            return
        held = [len(slot.tokens) for slot in self._slots.all]
        pairs = plan({slot.index for slot in running}, held=held)
        cost = sum(held[one] + held[other] for one, other in pairs) * self._seconds_per_token
        if cost > min(self._most_seconds, holes * seconds_each * _STEPS_TO_PAY):
            return
        for one, other in pairs:
            started_at = self._clock()
            self._slots.exchange(one, other)
            self._learn(held[one] + held[other], seconds=self._clock() - started_at)

    def _learn(self, tokens: int, *, seconds: float) -> None:
        if tokens:
            seen = seconds / tokens
            known = self._seconds_per_token or seen
            self._seconds_per_token = known + _LEARNING_SHARE * (seen - known)


def plan(running: set[int], *, held: List[int]) -> list[tuple[int, int]]:
    """The exchanges that make neighbours of the running slots and move the fewest tokens."""
    count = len(running)

    def moved(first: int) -> int:
        inside = range(first, first + count)
        leaving = sum(held[index] for index in running if index not in inside)
        return leaving + sum(held[index] for index in inside if index not in running)

    first = min(range(len(held) - count + 1), key=moved, default=0)
    inside = range(first, first + count)
    outside = sorted(index for index in running if index not in inside)
    holes = [index for index in inside if index not in running]
    return list(zip(outside, holes, strict=True))


def _runs(indexes: List[int]) -> int:
    """How many groups of neighbours there are."""
    present = set(indexes)
    return sum(index - 1 not in present for index in present)
