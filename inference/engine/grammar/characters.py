"""Sets of characters, and how a JSON string writes them, byte for byte. Not for patterns."""

from collections.abc import Iterable

from inference.engine.grammar.building import Builder, Piece, choice, literal

Span = tuple[int, int]
Characters = tuple[Span, ...]

_LAST = 0x10FFFF
_HALVES = (0xD800, 0xDFFF)  # of surrogate pairs: no characters
ANY: Characters = ((0, _HALVES[0] - 1), (_HALVES[1] + 1, _LAST))
_LENGTHS = (0x7F, 0x7FF, 0xFFFF, _LAST)
_FIRST_OF_CONTROL, _LAST_OF_CONTROL = 0x00, 0x1F
_SHORT = {
    0x22: b'\\"',
    0x5C: b"\\\\",
    0x08: b"\\b",
    0x09: b"\\t",
    0x0A: b"\\n",
    0x0C: b"\\f",
    0x0D: b"\\r",
}
_ESCAPED: Characters = ((_FIRST_OF_CONTROL, _LAST_OF_CONTROL), (0x22, 0x22), (0x5C, 0x5C))


def united(spans: Iterable[Span]) -> Characters:
    """In order, without overlaps, without halves of surrogate pairs."""
    joined: list[Span] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        elif low <= high:
            joined.append((low, high))
    return _without_halves(joined)


def without(characters: Characters, others: Characters) -> Characters:
    left = list(characters)
    for low, high in others:
        left = [
            span
            for begin, end in left
            for span in ((begin, min(end, low - 1)), (max(begin, high + 1), end))
            if span[0] <= span[1]
        ]
    return tuple(left)


def both(one: Characters, other: Characters) -> Characters:
    return without(one, without(ANY, other))


def in_string(characters: Characters) -> Piece:
    """One of these characters as JSON writes it, always in the same way."""
    plain = without(characters, _ESCAPED)
    escapes = [
        literal(_SHORT.get(code, f"\\u{code:04x}".encode()))
        for low, high in both(characters, _ESCAPED)
        for code in range(low, high + 1)
    ]

    def lay(builder: Builder, at: int) -> int:
        end = builder.state()
        for low, high in plain:
            _lay_span(builder, at, end, low, high)
        if escapes:
            builder.silent(choice(*escapes)(builder, at), end)
        return end

    return lay


def _without_halves(spans: list[Span]) -> Characters:
    return without(tuple(spans), (_HALVES,))


def _lay_span(builder: Builder, at: int, end: int, low: int, high: int) -> None:
    """The UTF-8 of a span: cut until each part has one length and free last bytes."""
    for longest in _LENGTHS[:-1]:
        if low <= longest < high:
            _lay_span(builder, at, end, low, longest)
            _lay_span(builder, at, end, longest + 1, high)
            return
    for bits in (6, 12, 18):
        mask = (1 << bits) - 1
        if low & ~mask == high & ~mask or high <= 0x7F:
            continue
        if low & mask:
            _lay_span(builder, at, end, low, low | mask)
            _lay_span(builder, at, end, (low | mask) + 1, high)
            return
        if high & mask != mask:
            _lay_span(builder, at, end, low, (high & ~mask) - 1)
            _lay_span(builder, at, end, high & ~mask, high)
            return
    _lay_bytes(builder, at, end, chr(low).encode(), chr(high).encode())


def _lay_bytes(builder: Builder, at: int, end: int, low: bytes, high: bytes) -> None:
    for place, (first, last) in enumerate(zip(low, high, strict=True)):
        to = end if place == len(low) - 1 else builder.state()
        builder.edge(at, first, last, to)
        at = to
