"""Conversations whose slot went to others: their states in RAM, and behind that on disk.

Not for which of them is wanted: `prefixes.py` finds that. Whatever falls out is computed again.
"""

import itertools
from array import array
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from inference.engine.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Mark:
    """A point that a memory can be put back to although it cannot be cut there."""

    length: int
    state: bytes


@dataclass(slots=True, eq=False, kw_only=True)
class Parked:
    """The first `shared` tokens may be given to everybody. `state` None: it lies on the shelf."""

    number: int
    person: str
    tokens: "array[int]"
    state: bytes | None
    shared: int = 0
    marks: tuple[Mark, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of RAM that the states take."""
        state = 0 if self.state is None else len(self.state)
        return state + sum(len(mark.state) for mark in self.marks)


class Parking:
    """States within a budget of bytes; what has lain unused longest goes first.

    `on_lost` hears of each that is gone altogether. `first_number` is where its numbers begin.
    """

    def __init__(
        self,
        budget_bytes: int,
        *,
        shelf: Shelf | None,
        on_lost: Callable[[Parked], None],
        first_number: int,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._shelf = shelf
        self._on_lost = on_lost
        self._numbers = itertools.count(first_number)
        self._kept: dict[int, Parked] = {}
        self._in_ram: OrderedDict[int, Parked] = OrderedDict()
        self.used_bytes = 0

    def new_number(self) -> int:
        return next(self._numbers)

    def get(self, number: int) -> Parked | None:
        return self._kept.get(number)

    def makes_room(self, size: int) -> bool:
        """Whether so many bytes fit now; others had to go for them, if it must be."""
        if size > self._budget_bytes:
            return False
        while self._in_ram and self.used_bytes + size > self._budget_bytes:
            self._evict(next(iter(self._in_ram.values())))
        return True

    def add(self, parked: Parked) -> bool:
        """Keep it, if it fits."""
        if not self.makes_room(parked.size):
            return False
        self._kept[parked.number] = self._in_ram[parked.number] = parked
        self.used_bytes += parked.size
        return True

    def state_of(self, parked: Parked) -> bytes | None:
        """What was saved; it counts as used just now. None, and gone, when it cannot be read."""
        if parked.number in self._in_ram:
            self._in_ram.move_to_end(parked.number)
            return parked.state
        state = self._shelf.read(parked.number) if self._shelf is not None else None
        if state is None:
            self.remove(parked)
        return state

    def remove(self, parked: Parked) -> None:
        """It is in a slot again, or of no use. A second time changes nothing."""
        if self._kept.pop(parked.number, None) is None:
            return
        self._leave_ram(parked)
        if self._shelf is not None:
            self._shelf.remove(parked.number)
        self._on_lost(parked)

    def close(self) -> None:
        if self._shelf is not None:
            self._shelf.close()

    def _leave_ram(self, parked: Parked) -> None:
        if self._in_ram.pop(parked.number, None) is not None:
            self.used_bytes -= parked.size

    def _evict(self, parked: Parked) -> None:
        """From RAM to the shelf; what does not fit there either is lost, the oldest first."""
        state = parked.state
        self._leave_ram(parked)
        if self._shelf is None or state is None or not self._shelf.put(parked.number, state):
            self.remove(parked)
            return
        parked.state, parked.marks = None, ()
        for number in self._shelf.fallen():
            fallen = self._kept.get(number)
            if fallen is not None:
                self.remove(fallen)
