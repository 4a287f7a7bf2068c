"""KV slots: taken, their prefixes reused by the same person only, parked, cleared.

Not for order or fairness: who gets a slot is the scheduler's decision. A slot of another person, or
one whose memory cannot be cut exactly, is cleared and proved empty before it is used (B12, B13).
What everybody may be given, and no token more, is what an administrator published (decision 9).
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from inference.engine.backend import BackendError, Memory
from inference.engine.finding import EVERYBODY, WORTH_MOVING_TOKENS, Finder, Slot, Source
from inference.engine.parking import Mark, Parked, Parking
from inference.engine.shelf import Shelf

__all__ = ["WORTH_MOVING_TOKENS", "Slot", "Slots"]

# Share of an idle slot that must be wanted again; below it the slot is kept, and copied from.
_WORTH_CUTTING_SHARE = 0.5
# A next turn has all of a prompt but its last tokens, which open the answer: a mark goes before.
_OPENING_TOKENS = 8
_MOST_MARKS = 4


@dataclass(frozen=True, slots=True)
class _Found:
    tokens: list[int]
    marks: tuple[Mark, ...]
    state: bytes


class Slots:
    """`park_bytes` is RAM for conversations without a slot; `shelf` is where they go from there."""

    def __init__(self, memory: Memory, *, park_bytes: int, shelf: Shelf | None = None) -> None:
        self._memory = memory
        limits = memory.limits
        self._slots = [Slot(index) for index in range(limits.slots)]
        self._has_marks = not limits.can_cut or limits.window > 0
        self._mark_bytes = park_bytes // 2 // limits.slots if self._has_marks else 0
        self._parking = Parking(
            park_bytes - self._mark_bytes * limits.slots,
            shelf=shelf,
            on_lost=lambda parked: self._finder.forget(parked.number),
            first_number=limits.slots,
        )
        self._finder = Finder(memory, holder=self._holder)
        self._turn = 0

    @property
    def all(self) -> Sequence[Slot]:
        """Every slot, by its index."""
        return tuple(self._slots)

    @property
    def free_count(self) -> int:
        return sum(slot.is_free for slot in self._slots)

    @property
    def parked_bytes(self) -> int:
        return self._parking.used_bytes

    def take(self, holder: UUID, *, person: str, tokens: Sequence[int], shared: int = 0) -> Slot:
        """A free slot whose memory holds a beginning of `tokens`, never all of them.

        What it holds already is `slot.tokens`. The first `shared` tokens come from a template and
        from published messages alone. There must be a free slot.
        """
        source = self._source(person, tokens, shared=shared)
        slot = self._in_place(source) or self._least_missed(source)
        self._prepare(slot, source, person=person)
        self._turn += 1
        slot.holder, slot.person, slot.used = holder, person, self._turn
        slot.shared = min(shared, len(tokens))
        slot.stops = self._stops(len(tokens), shared=slot.shared)
        self._finder.learn_again(slot)
        if self._memory.length(slot.index) != len(slot.tokens):
            raise BackendError("a slot holds what nobody put there")
        return slot

    def known(self, *, person: str, tokens: Sequence[int], shared: int = 0) -> int:
        """How many of these tokens `take` would find somewhere now."""
        source = self._source(person, tokens, shared=shared)
        return 0 if source is None else source.length

    def _source(self, person: str, tokens: Sequence[int], *, shared: int) -> Source | None:
        wanted = list(tokens[: len(tokens) - 1])
        for slot in self._slots:
            self._finder.learn(slot)
        return self._finder.best(person, wanted, shared=min(shared, len(wanted)))

    def extend(self, slot: Slot, tokens: Sequence[int]) -> None:
        """The memory has read these as well."""
        slot.tokens.extend(tokens)
        if len(slot.tokens) in slot.stops:
            self._mark(slot)

    def release(self, slot: Slot) -> None:
        """Free for others. What it holds stays, for the same person's next message."""
        self._turn += 1
        slot.holder, slot.used, slot.stops = None, self._turn, ()
        self.settle(slot)

    def settle(self, slot: Slot) -> None:
        """Make the memory agree with `slot.tokens` after a batch that went wrong."""
        held, person = self._memory.length(slot.index), slot.person
        if held < len(slot.tokens):
            self.clear(slot)
        elif held > len(slot.tokens):
            self._bring(slot, length=self._finder.usable(slot, len(slot.tokens)))
        if not slot.is_free:
            slot.person = person

    def park(self, slot: Slot) -> None:
        """Give the slot up and keep what it holds, as far as the budget goes."""
        self.settle(slot)
        self._park(slot)
        self.clear(slot)
        slot.holder, slot.stops = None, ()

    def exchange(self, one: int, other: int) -> None:
        """What these two places of the memory hold changes places. Slots stay whose they are."""
        slots = [self._slots[one], self._slots[other]]
        for slot in slots:
            self.settle(slot)
        states = [self._saved(slot) if slot.tokens else b"" for slot in slots]
        if None in states:
            return
        for slot in slots:
            self._finder.forget(slot.index)
            self._memory.cut(slot.index, length=0)
        for slot, index in zip(slots, (other, one), strict=True):
            slot.index, self._slots[index] = index, slot
        for slot, state in zip(slots, states, strict=True):
            person = slot.person
            is_there = not state or self._memory.restore(slot.index, state)
            if not is_there or self._memory.length(slot.index) != len(slot.tokens):
                self.clear(slot)
            if not slot.is_free:
                slot.person = person
            self._finder.learn_again(slot)

    def clear(self, slot: Slot) -> None:
        self._memory.cut(slot.index, length=0)
        slot.tokens.clear()
        slot.person, slot.shared, slot.marks = None, 0, ()
        self._finder.forget(slot.index)
        if self._memory.length(slot.index) != 0:
            raise BackendError("a cleared slot is not empty")

    def close(self) -> None:
        """Nothing of anybody stays on disk."""
        self._parking.close()

    def _holder(self, number: int) -> Slot | Parked:
        if number < len(self._slots):
            return self._slots[number]
        parked = self._parking.get(number)
        if parked is None:
            raise BackendError("a prefix is known of what is not there")
        return parked

    # ── Placing ─────────────────────────────────────────────────────────────────────────────────

    def _in_place(self, source: Source | None) -> Slot | None:
        """The source itself, if idle, when it keeps more than it loses or cannot be copied."""
        if source is None or not source.is_own or not isinstance(source.kept, Slot):
            return None
        slot, length = source.kept, source.length
        is_worth_it = length >= _WORTH_CUTTING_SHARE * len(slot.tokens)
        stays = is_worth_it or self._finder.usable(slot, length, is_copied=True) < length
        return slot if slot.is_free and stays else None

    def _least_missed(self, source: Source | None) -> Slot:
        """Empty free slots first, then the one used longest ago; the source only if it must be."""
        kept = None if source is None else source.kept

        def missed(slot: Slot) -> tuple[bool, bool, int]:
            return (bool(slot.tokens), slot is kept, slot.used)

        return min((slot for slot in self._slots if slot.is_free), key=missed)

    def _prepare(self, slot: Slot, source: Source | None, *, person: str) -> None:
        """Put what the source has into the slot, and what the slot had into the parking."""
        if source is not None and source.kept is slot and source.is_own:
            if source.length < _WORTH_CUTTING_SHARE * len(slot.tokens):
                self._park(slot)
            self._bring(slot, length=source.length)
            return
        # First, for parking what the slot has may push out what is wanted.
        found = None if source is None else self._fetch(source)
        self._park(slot)
        self.clear(slot)
        if source is not None and found is not None:
            self._fill(slot, found, person=person, length=source.length)
            if not source.is_own and len(found.tokens) > len(slot.tokens):
                self._keep_published(slot)

    def _fetch(self, source: Source) -> _Found | None:
        """A copy; of what was parked the only one, if most of it is wanted."""
        kept = source.kept
        if source.length < WORTH_MOVING_TOKENS:
            return None
        if isinstance(kept, Slot):
            state = self._saved(kept)
            return _found(kept.tokens, kept.marks, state)
        marks = kept.marks
        state = self._parking.state_of(kept)
        if source.is_own and source.length >= _WORTH_CUTTING_SHARE * len(kept.tokens):
            self._parking.remove(kept)
        return _found(kept.tokens, marks, state)

    def _fill(self, slot: Slot, found: _Found, *, person: str, length: int) -> None:
        if not self._memory.restore(slot.index, found.state):
            self.clear(slot)
            return
        slot.tokens, slot.person, slot.marks = found.tokens, person, found.marks
        is_whole = self._memory.length(slot.index) == len(slot.tokens)
        self._bring(slot, length=length if is_whole else 0)

    def _bring(self, slot: Slot, *, length: int) -> None:
        """Cut the slot back, or put it back to a mark. What cannot be done exactly is cleared."""
        if length == 0 or not self._is_brought(slot, length):
            self.clear(slot)
            return
        del slot.tokens[length:]
        slot.marks = tuple(mark for mark in slot.marks if mark.length <= length)

    def _is_brought(self, slot: Slot, length: int) -> bool:
        if length >= self._memory.floor(slot.index):
            return self._memory.cut(slot.index, length=length)
        states = [mark.state for mark in slot.marks if mark.length == length]
        return bool(states) and self._memory.rewind(slot.index, states[-1], length=length)

    def _stops(self, count: int, *, shared: int) -> tuple[int, ...]:
        """Where a prompt of so many tokens is marked, if this memory needs it."""
        if not self._has_marks:
            return ()
        points = {shared, count - _OPENING_TOKENS}
        return tuple(sorted(point for point in points if point >= WORTH_MOVING_TOKENS))

    def _mark(self, slot: Slot) -> None:
        """The newest marks stay, as far as their budget goes."""
        state = self._memory.mark(slot.index)
        marks = (*slot.marks, Mark(len(slot.tokens), state))[-_MOST_MARKS:]
        while sum(len(mark.state) for mark in marks) > self._mark_bytes:
            marks = marks[1:]
        slot.marks = marks

    # ── Keeping ─────────────────────────────────────────────────────────────────────────────────

    def _park(self, slot: Slot) -> None:
        if slot.person is None or len(slot.tokens) < WORTH_MOVING_TOKENS:
            return
        self._finder.learn(slot)
        if not self._finder.is_elsewhere(slot, slot.person):
            self._keep(slot, person=slot.person, shared=min(slot.shared, len(slot.tokens)))

    def _keep_published(self, slot: Slot) -> None:
        """A prompt of its own to copy from next time, for it is wanted again and again."""
        if len(slot.tokens) >= WORTH_MOVING_TOKENS:
            self._keep(slot, person=EVERYBODY, shared=len(slot.tokens))

    def _keep(self, slot: Slot, *, person: str, shared: int) -> None:
        marks = slot.marks
        size = self._memory.saved_bytes(slot.index) + sum(len(mark.state) for mark in marks)
        state = self._saved(slot) if self._parking.makes_room(size) else None
        if state is None:
            return
        parked = Parked(
            number=self._parking.new_number(),
            person=person,
            tokens=array("i", slot.tokens),
            state=state,
            shared=shared,
            marks=marks,
        )
        if self._parking.add(parked):
            self._finder.learn_of_parked(parked)

    def _saved(self, slot: Slot) -> bytes | None:
        try:
            return self._memory.save(slot.index)
        except MemoryError:
            return None


def _found(tokens: Sequence[int], marks: tuple[Mark, ...], state: bytes | None) -> _Found | None:
    return None if state is None else _Found(list(tokens), marks, state)
