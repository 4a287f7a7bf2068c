"""Who has a beginning of these tokens that this person may be given. Changes no memory.

A person's own are found first of all; of others' only what an administrator published, and no token
more (threat B12).
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from inference.engine.backend import Memory
from inference.engine.parking import Mark, Parked
from inference.engine.prefixes import Prefixes

# Below this, computing again is as quick as copying, and parking is not worth its bytes.
WORTH_MOVING_TOKENS = 32
EVERYBODY = ""


@dataclass(slots=True)
class Slot:
    """`tokens` are exactly those in the memory. `person` is whose they are, None when empty.

    Everybody may be given the first `shared` of them. A chunk must not go past one of `stops`:
    there the memory is marked, because it cannot be cut back to it later.
    """

    index: int
    tokens: list[int] = field(default_factory=list)
    person: str | None = None
    holder: UUID | None = None
    used: int = 0
    shared: int = 0
    marks: tuple[Mark, ...] = ()
    stops: tuple[int, ...] = ()

    @property
    def is_free(self) -> bool:
        return self.holder is None

    def room(self, count: int) -> int:
        """How many of `count` tokens may follow in one chunk."""
        held = len(self.tokens)
        return min([count, *(stop - held for stop in self.stops if stop > held)])


@dataclass(frozen=True, slots=True)
class Source:
    """Who has the first `length` tokens. Only `is_own` ones may be moved instead of copied."""

    kept: Slot | Parked
    length: int
    is_own: bool


class Finder:
    """`holder` gives the slot or the parked one of a number; slots have their index as number."""

    def __init__(self, memory: Memory, *, holder: Callable[[int], Slot | Parked]) -> None:
        self._memory = memory
        self._holder = holder
        self._own = Prefixes()
        self._published = Prefixes()

    def best(self, person: str, wanted: list[int], *, shared: int) -> Source | None:
        """Who has the longest beginning that this person may be given; `shared` as in `take`."""
        while True:
            own = self._longest(self._own.matches(person=person, tokens=wanted), is_own=True)
            published = self._longest(
                self._published.matches(person=EVERYBODY, tokens=wanted[:shared]), is_own=False
            )
            best = max((own, published), key=lambda found: 0 if found is None else found.length)
            if best is None or isinstance(best.kept, Parked):
                return best
            if best.kept.tokens[: best.length] == wanted[: best.length]:
                return best
            self.learn_again(best.kept)  # cut back and written anew since it was looked at

    def usable(self, kept: Slot | Parked, common: int, *, is_copied: bool = False) -> int:
        """How many of the first `common` tokens this memory can be brought back to exactly."""
        if isinstance(kept, Slot) and not is_copied:
            floor = self._memory.floor(kept.index)
        else:
            floor = self.floor_of_copy(len(kept.tokens))
        if common >= floor:
            return common
        return max((mark.length for mark in kept.marks if mark.length <= common), default=0)

    def floor_of_copy(self, held: int) -> int:
        """A saved state has of a sliding window only what its last token saw."""
        limits = self._memory.limits
        if not limits.can_cut:
            return held
        return held - 1 if 0 < limits.window < held else 0

    def is_elsewhere(self, slot: Slot, person: str) -> bool:
        """Whether all that the slot holds is somewhere else too."""
        held = len(slot.tokens)
        length, owners = next(self._own.matches(person=person, tokens=slot.tokens), (0, set()))
        others = owners - {slot.index} if length == held else ()
        return any(self.usable(self._holder(owner), held) == held for owner in others)

    def learn(self, slot: Slot) -> None:
        """What the slot has read since it was last looked at."""
        known = self._own.length(slot.index)
        if slot.person is None or known == len(slot.tokens):
            return
        if known == 0 or known > len(slot.tokens):
            self.learn_again(slot)
            return
        self._own.grow(slot.index, more=slot.tokens[known:])
        if self._published.length(slot.index) < min(slot.shared, len(slot.tokens)):
            self._publish(slot.index, slot.tokens, shared=slot.shared)

    def learn_again(self, slot: Slot) -> None:
        """All of it, whatever was known."""
        self.forget(slot.index)
        if slot.person is not None:
            self._own.hold(slot.index, person=slot.person, tokens=slot.tokens)
            self._publish(slot.index, slot.tokens, shared=slot.shared)

    def learn_of_parked(self, parked: Parked) -> None:
        if parked.person != EVERYBODY:
            self._own.hold(parked.number, person=parked.person, tokens=parked.tokens)
        self._publish(parked.number, parked.tokens, shared=parked.shared)

    def forget(self, number: int) -> None:
        self._own.drop(number)
        self._published.drop(number)

    def _longest(self, matches: Iterator[tuple[int, set[int]]], *, is_own: bool) -> Source | None:
        best: Source | None = None
        best_rank = (0, 0, 0)
        for common, owners in matches:
            if common <= best_rank[0]:
                break
            for owner in owners:
                kept = self._holder(owner)
                stays = is_own and isinstance(kept, Slot) and kept.is_free
                length = self.usable(kept, common, is_copied=not stays)
                rank = (length, *(_nearness(kept) if is_own else (-len(kept.tokens), 0)))
                if length and rank > best_rank:
                    best_rank, best = rank, Source(kept, length, is_own)
        return best

    def _publish(self, number: int, tokens: "Sequence[int] | array[int]", *, shared: int) -> None:
        if shared >= WORTH_MOVING_TOKENS:
            self._published.hold(number, person=EVERYBODY, tokens=tokens[:shared])


def _nearness(kept: Slot | Parked) -> tuple[int, int]:
    """An idle slot is there already, RAM is one copy away, a busy slot two, the disk further."""
    if isinstance(kept, Slot):
        return (3 if kept.is_free else 1, kept.used)
    return (0 if kept.state is None else 2, kept.number)
