"""What a grammar is made of: rules over bytes that call each other. Not for building or running it.

A rule is a few states. Each has edges over ranges of bytes, silent edges, and calls of other rules
with the state to go on at.
"""

from dataclasses import dataclass, field

import msgspec

# How deep calls may go; a nested array or object of JSON takes three of them.
MAX_FRAMES = 192

EVERY_BYTE = bytes(range(256))

Edge = tuple[int, int, int]  # lowest byte, highest byte, state
Call = tuple[int, int]  # rule, state to go on at


class NotKeepable(ValueError):
    """No grammar of bounded size can keep to what was asked. The text says why, in plain words."""


@dataclass(frozen=True, slots=True)
class States:
    """All states by number. In a final one, its rule may end."""

    edges: list[list[Edge]] = field(default_factory=list)
    silent: list[list[int]] = field(default_factory=list)
    calls: list[list[Call]] = field(default_factory=list)
    finals: list[bool] = field(default_factory=list)

    def add(self) -> int:
        self.edges.append([])
        self.silent.append([])
        self.calls.append([])
        self.finals.append(False)
        return len(self.finals) - 1


class Network(msgspec.Struct, frozen=True, array_like=True):
    """`needs` is how many frames of calls finishing from a state takes at least; -1: it never ends.

    Whoever never enters a state that needs more than is left, never comes to a dead end.
    """

    edges: list[list[Edge]]
    silent: list[list[int]]
    calls: list[list[Call]]
    finals: list[bool]
    needs: list[int]
    start: int
