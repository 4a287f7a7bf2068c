"""Builds networks of pieces: words, choices, repetitions, rules. Not for JSON, nor for running.

All of it is bounded while it is built, so a hostile schema is refused instead of computed (F7).
"""

import math
from collections.abc import Callable, Iterable

from inference.engine.grammar import proofs
from inference.engine.grammar.network import MAX_FRAMES, Network, NotKeepable, States

MAX_STATES = 20_000
MAX_EDGES = 60_000
_UNROLLED = 16

# A piece is laid from a state, and returns the state where it ends.
Piece = Callable[["Builder", int], int]


class Builder:
    """Takes states and edges until the bounds are reached."""

    def __init__(self) -> None:
        self._states = States()
        self._edge_count = 0
        self._rules: dict[object, int] = {}

    def state(self) -> int:
        if len(self._states.finals) >= MAX_STATES:
            raise NotKeepable("the schema is too large")
        return self._states.add()

    def edge(self, at: int, low: int, high: int, to: int) -> None:
        self._count_edge()
        self._states.edges[at].append((low, high, to))

    def silent(self, at: int, to: int) -> None:
        self._count_edge()
        self._states.silent[at].append(to)

    def call(self, at: int, rule: int, to: int) -> None:
        self._count_edge()
        self._states.calls[at].append((rule, to))

    def rule(self, key: object, make: Callable[[], Piece]) -> int:
        """The rule known by `key`, made at its first mention; it may mention itself."""
        if key not in self._rules:
            entry = self._rules[key] = self.state()
            self._states.finals[make()(self, entry)] = True
        return self._rules[key]

    def leave_out_unspelt(self, spelt: bytes) -> None:
        """All edges laid so far keep only these bytes; where that leaves none, nothing leads on."""
        runs = _runs(spelt)
        kept: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for edges in self._states.edges:
            laid, edges[:] = edges[:], []
            for low, high, to in laid:
                if (low, high) not in kept:
                    kept[low, high] = _within(runs, low, high)
                edges.extend([(first, last, to) for first, last in kept[low, high]])

    def finished(self, start: int) -> Network:
        """Raises NotKeepable for rules that call themselves first, or that can never end."""
        states = self._states
        proofs.refuse_left_recursion(self._rules.values(), states)
        needs = proofs.needs(states)
        if not 0 <= needs[start] < MAX_FRAMES // 2:
            raise NotKeepable("nothing that the model can write satisfies the schema")
        return Network(
            edges=states.edges,
            silent=states.silent,
            calls=states.calls,
            finals=states.finals,
            needs=needs,
            start=start,
        )

    def _count_edge(self) -> None:
        self._edge_count += 1
        if self._edge_count > MAX_EDGES:
            raise NotKeepable("the schema is too large")


def _runs(spelt: bytes) -> list[tuple[int, int]]:
    """These bytes as the first and last of each unbroken run."""
    runs: list[tuple[int, int]] = []
    for byte in sorted(set(spelt)):
        if runs and runs[-1][1] == byte - 1:
            runs[-1] = (runs[-1][0], byte)
        else:
            runs.append((byte, byte))
    return runs


def _within(runs: Iterable[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    return [(max(a, low), min(z, high)) for a, z in runs if a <= high and low <= z]


# ── Pieces ──────────────────────────────────────────────────────────────────────────────────────


def literal(data: bytes) -> Piece:
    def lay(builder: Builder, at: int) -> int:
        for byte in data:
            to = builder.state()
            builder.edge(at, byte, byte, to)
            at = to
        return at

    return lay


def byte_of(*ranges: tuple[str, str]) -> Piece:
    """One ASCII character of these ranges."""

    def lay(builder: Builder, at: int) -> int:
        to = builder.state()
        for low, high in ranges:
            builder.edge(at, ord(low), ord(high), to)
        return to

    return lay


def sequence(*pieces: Piece) -> Piece:
    def lay(builder: Builder, at: int) -> int:
        for piece in pieces:
            at = piece(builder, at)
        return at

    return lay


def choice(*pieces: Piece) -> Piece:
    def lay(builder: Builder, at: int) -> int:
        end = builder.state()
        for piece in pieces:
            # A state of its own for each, since a piece may come back to where it began.
            begin = builder.state()
            builder.silent(at, begin)
            builder.silent(piece(builder, begin), end)
        return end

    return lay


def nothing() -> Piece:
    return lambda _, at: at


def optional(piece: Piece) -> Piece:
    return choice(piece, nothing())


def called(rule: int) -> Piece:
    def lay(builder: Builder, at: int) -> int:
        to = builder.state()
        builder.call(at, rule, to)
        return to

    return lay


def repeated(piece: Piece, *, least: int = 0, most: int | None = None) -> Piece:
    """`piece` so many times; thousands of times cost states by the square root only."""

    def lay(builder: Builder, at: int) -> int:
        if most is None:
            return _endless(builder, _exactly(builder, at, piece, least), piece)
        return _at_most(builder, _exactly(builder, at, piece, least), piece, most - least)

    return lay


def words(texts: Iterable[bytes]) -> Piece:
    """One of these texts. Common beginnings are laid once, so a thousand of them stay cheap."""

    def lay(builder: Builder, at: int) -> int:
        end, nodes = builder.state(), {b"": builder.state()}
        builder.silent(at, nodes[b""])
        for text in sorted(set(texts)):
            for length in range(1, len(text) + 1):
                begun = text[:length]
                if begun not in nodes:
                    nodes[begun] = builder.state()
                    builder.edge(nodes[begun[:-1]], begun[-1], begun[-1], nodes[begun])
            builder.silent(nodes[text], end)
        return end

    return lay


def _endless(builder: Builder, at: int, piece: Piece) -> int:
    loop = builder.state()
    builder.silent(at, loop)
    builder.silent(piece(builder, loop), loop)
    end = builder.state()
    builder.silent(loop, end)
    return end


def _exactly(builder: Builder, at: int, piece: Piece, times: int) -> int:
    if times > _UNROLLED:
        size = math.isqrt(times)
        block = _block(builder, piece, size)
        for _ in range(times // size):
            at = called(block)(builder, at)
        times %= size
    for _ in range(times):
        at = piece(builder, at)
    return at


def _at_most(builder: Builder, at: int, piece: Piece, times: int) -> int:
    """Any number up to `times`: some whole blocks, then up to nearly two blocks one by one."""
    end = builder.state()
    if times > _UNROLLED:
        size = math.isqrt(times)
        block = _block(builder, piece, size)
        singles = builder.state()
        for _ in range(times // size - 1):
            builder.silent(at, singles)
            at = called(block)(builder, at)
        builder.silent(at, singles)
        at, times = singles, times % size + size
    for _ in range(times):
        builder.silent(at, end)
        at = piece(builder, at)
    builder.silent(at, end)
    return end


def _block(builder: Builder, piece: Piece, size: int) -> int:
    return builder.rule(object(), lambda: lambda b, at: _exactly(b, at, piece, size))
