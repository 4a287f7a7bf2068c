"""KV slots: taken, their prefixes reused by the same person only, parked in RAM, cleared.

Not for order or fairness: who gets a slot is the scheduler's decision. A slot of another person, or
one whose memory cannot be cut exactly, is cleared and proved empty before it is used (B12, B13).
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from inference.engine.backend import Backend, BackendError

# Below this, computing again is as quick as copying, and parking is not worth its bytes.
_WORTH_MOVING_TOKENS = 32
# Share of an idle slot that must be wanted again; below it the slot is kept, and copied from.
_WORTH_CUTTING_SHARE = 0.5


@dataclass(slots=True)
class Slot:
    """`tokens` are exactly those in the memory. `person` is whose they are, None when empty."""

    index: int
    tokens: list[int] = field(default_factory=list)
    person: str | None = None
    holder: UUID | None = None
    used: int = 0

    @property
    def is_free(self) -> bool:
        return self.holder is None


@dataclass(frozen=True, slots=True)
class _Parked:
    person: str
    tokens: tuple[int, ...]
    state: bytes


class Slots:
    def __init__(self, backend: Backend, *, park_bytes: int) -> None:
        self._backend = backend
        self._slots = [Slot(index) for index in range(backend.limits.slots)]
        self._parking = _Parking(park_bytes)
        self._turn = 0

    @property
    def free_count(self) -> int:
        return sum(slot.is_free for slot in self._slots)

    @property
    def parked_bytes(self) -> int:
        return self._parking.used_bytes

    def take(self, holder: UUID, *, person: str, tokens: Sequence[int]) -> Slot:
        """A free slot whose memory holds a beginning of `tokens`, never all of them.

        What it holds already is `slot.tokens`. There must be a free slot.
        """
        wanted = tokens[: len(tokens) - 1]
        slot = self._own_idle(person, wanted) or self._emptied(person, wanted)
        if not slot.tokens:
            self._fill_from_others(slot, person=person, wanted=wanted)
        self._turn += 1
        slot.holder, slot.person, slot.used = holder, person, self._turn
        if self._backend.length(slot.index) != len(slot.tokens):
            raise BackendError("a slot holds what nobody put there")
        return slot

    def release(self, slot: Slot) -> None:
        """Free for others. What it holds stays, for the same person's next message."""
        self._turn += 1
        slot.holder, slot.used = None, self._turn
        self.settle(slot)

    def settle(self, slot: Slot) -> None:
        """Make the memory agree with `slot.tokens` after a batch that went wrong."""
        held, person = self._backend.length(slot.index), slot.person
        if held < len(slot.tokens):
            self.clear(slot)
        elif held > len(slot.tokens):
            self._cut(slot, length=len(slot.tokens))
        if not slot.is_free:
            slot.person = person

    def park(self, slot: Slot) -> None:
        """Give the slot up and keep what it holds in RAM, as far as the budget goes."""
        self._park(slot)
        self.clear(slot)
        slot.holder = None

    def clear(self, slot: Slot) -> None:
        self._backend.cut(slot.index, length=0)
        slot.tokens.clear()
        slot.person = None
        if self._backend.length(slot.index) != 0:
            raise BackendError("a cleared slot is not empty")

    def _own_idle(self, person: str, wanted: Sequence[int]) -> Slot | None:
        """A free slot of the same person, cut to what is wanted of it."""
        own = [slot for slot in self._slots if slot.is_free and slot.person == person]
        if not own:
            return None
        best = max(own, key=lambda slot: (common_prefix(slot.tokens, wanted), slot.used))
        length = common_prefix(best.tokens, wanted)
        if length == 0 or length < _WORTH_CUTTING_SHARE * len(best.tokens):
            return None
        if length < self._best_elsewhere(person, wanted):
            return None
        self._cut(best, length=length)
        return best

    def _best_elsewhere(self, person: str, wanted: Sequence[int]) -> int:
        busy = [slot.tokens for slot in self._slots if slot.person == person and not slot.is_free]
        parked = [kept.tokens for kept in self._parking.of(person)]
        return max((common_prefix(tokens, wanted) for tokens in [*busy, *parked]), default=0)

    def _emptied(self, person: str, wanted: Sequence[int]) -> Slot:
        """The free slot that is missed least, without what is not wanted; that may be parked.

        Empty ones first, then the one used longest ago; a source of the prefix only if it must be.
        """
        free = [slot for slot in self._slots if slot.is_free]

        def missed(slot: Slot) -> tuple[bool, bool, int]:
            is_source = slot.person == person and common_prefix(slot.tokens, wanted) > 0
            return (bool(slot.tokens), is_source, slot.used)

        slot = min(free, key=missed)
        self._park(slot)
        if slot.person == person:
            self._cut(slot, length=common_prefix(slot.tokens, wanted))
        else:
            self.clear(slot)
        return slot

    def _fill_from_others(self, slot: Slot, *, person: str, wanted: Sequence[int]) -> None:
        """Copy the longest beginning that the same person has in another slot or parked."""
        best_length = _WORTH_MOVING_TOKENS - 1
        best: Slot | _Parked | None = None
        sources: list[Slot | _Parked] = [
            other for other in self._slots if other.person == person and other is not slot
        ]
        for source in [*sources, *self._parking.of(person)]:
            length = common_prefix(source.tokens, wanted)
            if length > best_length:
                best_length, best = length, source
        if best is None:
            return
        state = best.state if isinstance(best, _Parked) else self._backend.save(best.index)
        if not self._backend.restore(slot.index, state):
            self.clear(slot)
            return
        slot.tokens = list(best.tokens)
        slot.person = person
        if isinstance(best, _Parked) and best_length >= _WORTH_CUTTING_SHARE * len(best.tokens):
            self._parking.remove(best)
        self._cut(slot, length=best_length)

    def _cut(self, slot: Slot, *, length: int) -> None:
        if self._backend.cut(slot.index, length=length):
            del slot.tokens[length:]
        else:
            self.clear(slot)

    def _park(self, slot: Slot) -> None:
        if slot.person is None or len(slot.tokens) < _WORTH_MOVING_TOKENS:
            return
        self.settle(slot)
        size = self._backend.saved_bytes(slot.index)
        if slot.tokens and self._parking.makes_room(size):
            state = self._backend.save(slot.index)
            self._parking.add(_Parked(slot.person, tuple(slot.tokens), state))


class _Parking:
    """Saved states within a budget of bytes; the one parked first goes first."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._kept: OrderedDict[int, _Parked] = OrderedDict()
        self.used_bytes = 0

    def of(self, person: str) -> list[_Parked]:
        return [kept for kept in self._kept.values() if kept.person == person]

    def makes_room(self, size: int) -> bool:
        if size > self._budget_bytes:
            return False
        while self._kept and self.used_bytes + size > self._budget_bytes:
            self.remove(next(iter(self._kept.values())))
        return True

    def add(self, kept: _Parked) -> None:
        self._kept[id(kept)] = kept
        self.used_bytes += len(kept.state)
        self.makes_room(0)

    def remove(self, kept: _Parked) -> None:
        del self._kept[id(kept)]
        self.used_bytes -= len(kept.state)


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with. By halves, since comparing slices is quick."""
    low, high = 0, min(len(one), len(other))
    if list(one[:high]) == list(other[:high]):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if list(one[low:middle]) == list(other[low:middle]):
            low = middle
        else:
            high = middle
    return low
