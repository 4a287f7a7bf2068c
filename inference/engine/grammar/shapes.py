"""How objects and arrays of JSON are written: brackets, commas, a little space. Not for schemas."""

from collections.abc import Sequence

from inference.engine.grammar.building import (
    Builder,
    Piece,
    called,
    literal,
    nothing,
    optional,
    repeated,
    sequence,
)

_MAX_INDENT = 20


def _space(builder: Builder, at: int) -> int:
    """Nothing, one space, or a line break or two and some indentation."""
    return called(builder.rule("space", lambda: _some_space))(builder, at)


def _some_space(builder: Builder, at: int) -> int:
    # Few states, since many members of an object may be waited for at once.
    end = builder.state()
    builder.silent(at, end)
    builder.edge(at, ord(" "), ord(" "), end)
    first, second = builder.state(), builder.state()
    builder.edge(at, ord("\n"), ord("\n"), first)
    builder.edge(first, ord("\n"), ord("\n"), second)
    indents = [builder.state() for _ in range(_MAX_INDENT)]
    for byte in (ord(" "), ord("\t")):
        for before, behind in zip([first, *indents], indents, strict=False):
            builder.edge(before, byte, byte, behind)
        builder.edge(second, byte, byte, indents[0])
    for state in (first, second, *indents):
        builder.silent(state, end)
    return end


def never(builder: Builder, _: int) -> int:
    """What nothing satisfies: an end that cannot be reached."""
    return builder.state()


def member(key: Piece, value: Piece) -> Piece:
    return sequence(key, literal(b":"), _space, value)


def braced(members: Sequence[tuple[Piece, bool]], rest: Piece | None) -> Piece:
    """Members in order, those not required left out or not, then any others."""

    def lay(builder: Builder, at: int) -> int:
        # Two rows of places: before the first member that is written, and behind one.
        fresh = _space(builder, literal(b"{")(builder, at))
        behind = builder.state()
        end = builder.state()
        for member, is_required in members:
            key, next_behind = builder.state(), builder.state()
            builder.silent(fresh, key)
            builder.silent(sequence(literal(b","), _space)(builder, behind), key)
            builder.silent(member(builder, key), next_behind)
            next_fresh = builder.state()
            if not is_required:
                builder.silent(fresh, next_fresh)
                builder.silent(behind, next_behind)
            fresh, behind = next_fresh, next_behind
        if rest is not None:
            key = builder.state()
            builder.silent(fresh, key)
            builder.silent(sequence(literal(b","), _space)(builder, behind), key)
            builder.silent(rest(builder, key), behind)
        closing = builder.state()
        builder.silent(fresh, closing)
        builder.silent(_space(builder, behind), closing)
        builder.silent(literal(b"}")(builder, closing), end)
        return end

    return lay


def bracketed(
    firsts: Sequence[Piece], item: Piece | None, *, least: int, most: int | None
) -> Piece:
    """Items of their own first, in order, then others alike; so many in all."""
    comma = sequence(literal(b","), _space)
    if item is None:
        most = len(firsts) if most is None else min(most, len(firsts))
    firsts = firsts[:most]
    if most is not None and least > most:
        return never
    following = nothing()
    if item is not None:
        left = None if most is None else most - len(firsts)
        following = _others(
            item, comma, least=max(0, least - len(firsts)), most=left, is_first=not firsts
        )
    # From the last one inwards: what may be missing takes all behind it along.
    for place in range(len(firsts) - 1, -1, -1):
        lead = comma if place else nothing()
        following = sequence(lead, firsts[place], following)
        if place >= least:
            following = optional(following)
    return sequence(literal(b"["), _space, following, _space, literal(b"]"))


def _others(item: Piece, comma: Piece, *, least: int, most: int | None, is_first: bool) -> Piece:
    if most == 0:
        return nothing()
    if not is_first:
        return repeated(sequence(comma, item), least=least, most=most)
    some = sequence(
        item,
        repeated(
            sequence(comma, item), least=max(0, least - 1), most=None if most is None else most - 1
        ),
    )
    return some if least else optional(some)
