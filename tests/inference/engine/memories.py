"""Memories of every kind without a model: they know who computed each token. Not a test itself.

A plain one, one with a sliding window, and a recurrent one, as strict as the real ones: what they
cannot do exactly they refuse, and reading on from what is not there is an error.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from inference.engine.backend import BackendError, Limits

Kind = Literal["plain", "window", "recurrent"]
WINDOW, SLACK = 40, 30


@dataclass(frozen=True, slots=True)
class Cell:
    """A token, and whose request computed it."""

    token: int
    person: str


@dataclass(slots=True)
class _Held:
    cells: list[Cell] = field(default_factory=list)
    begins: int = 0  # where what the window layers remember begins


class Memories:
    """The part of a backend that remembers. `read` stands for computing."""

    def __init__(self, kind: Kind, *, slots: int, context_length: int = 100_000) -> None:
        self.kind = kind
        self._held = [_Held() for _ in range(slots)]
        self.saved = 0
        self.computed = 0
        self.has_memory_left = True
        self._limits = Limits(
            slots=slots,
            context_length=context_length,
            batch_tokens=512,
            vocabulary_size=100_000,
            can_cut=kind != "recurrent",
            window=WINDOW if kind == "window" else 0,
        )

    @property
    def limits(self) -> Limits:
        return self._limits

    def cells(self, slot: int) -> list[Cell]:
        return list(self._held[slot].cells)

    def tokens(self, slot: int) -> list[int]:
        return [cell.token for cell in self._held[slot].cells]

    def read(self, slot: int, tokens: Sequence[int], *, person: str) -> None:
        """Compute these, which follow what the slot holds."""
        held = self._held[slot]
        if held.begins > max(0, len(held.cells) - WINDOW + 1):
            raise BackendError("what the window sees is not there")
        for token in tokens:
            held.cells.append(Cell(token, person))
        self.computed += len(tokens)
        if self.kind == "window":
            held.begins = max(held.begins, len(held.cells) - WINDOW - SLACK)

    def length(self, slot: int) -> int:
        return len(self._held[slot].cells)

    def floor(self, slot: int) -> int:
        held = self._held[slot]
        if self.kind == "recurrent":
            return len(held.cells)
        return held.begins + WINDOW - 1 if held.begins else 0

    def cut(self, slot: int, *, length: int) -> bool:
        held = self._held[slot]
        if length == 0:
            self._held[slot] = _Held()
            return True
        if length < self.floor(slot) or length > len(held.cells):
            return False
        del held.cells[length:]
        return True

    def mark(self, slot: int) -> bytes:
        held = self._held[slot]
        return json.dumps((len(held.cells), self._begins_when_saved(held))).encode()

    def rewind(self, slot: int, state: bytes, *, length: int) -> bool:
        marked, begins = json.loads(state)
        held = self._held[slot]
        if marked != length or length > len(held.cells):
            self._held[slot] = _Held()
            return False
        del held.cells[length:]
        held.begins = begins
        return True

    def saved_bytes(self, slot: int) -> int:
        return len(self._state(slot))

    def save(self, slot: int) -> bytes:
        if not self.has_memory_left:
            raise MemoryError
        self.saved += 1
        return self._state(slot)

    def restore(self, slot: int, state: bytes) -> bool:
        if self._held[slot].cells:
            raise BackendError("a slot to be filled is not empty")
        cells, begins = json.loads(state)
        self._held[slot] = _Held([Cell(*cell) for cell in cells], begins)
        return True

    def _state(self, slot: int) -> bytes:
        held = self._held[slot]
        cells = [(cell.token, cell.person) for cell in held.cells]
        return json.dumps((cells, self._begins_when_saved(held))).encode()

    def _begins_when_saved(self, held: _Held) -> int:
        return max(held.begins, len(held.cells) - WINDOW) if self.kind == "window" else 0


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with, read one by one."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
