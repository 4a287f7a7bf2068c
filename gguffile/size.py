"""Two budgets of memory, and how they are added. What needs how much is told by `memory.py`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Bytes beside the processor and on the accelerators: two budgets, neither of them borrows."""

    ram_bytes: int = 0
    vram_bytes: int = 0

    @classmethod
    def total(cls, sizes: Iterable["Size"]) -> Self:
        listed = tuple(sizes)
        return cls(
            ram_bytes=sum(one.ram_bytes for one in listed),
            vram_bytes=sum(one.vram_bytes for one in listed),
        )

    def fits(self, room: "Size") -> bool:
        return self.ram_bytes <= room.ram_bytes and self.vram_bytes <= room.vram_bytes

    def less(self, other: "Size") -> "Size":
        """What is left of this when the other is taken out; never below zero."""
        return Size(
            ram_bytes=max(0, self.ram_bytes - other.ram_bytes),
            vram_bytes=max(0, self.vram_bytes - other.vram_bytes),
        )

    def times(self, ram: float, vram: float) -> "Size":
        return Size(ram_bytes=round(self.ram_bytes * ram), vram_bytes=round(self.vram_bytes * vram))
