"""Numbers of JSON within bounds, digit by digit. Not for other kinds of values."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from inference.engine.grammar.building import (
    Piece,
    byte_of,
    choice,
    literal,
    nothing,
    optional,
    repeated,
    sequence,
)
from inference.engine.grammar.network import NotKeepable

_MAX_DIGITS = 16
_DIGIT = byte_of(("0", "9"))
_WHOLE = choice(
    literal(b"0"), sequence(byte_of(("1", "9")), repeated(_DIGIT, most=_MAX_DIGITS - 1))
)
_FRACTION = sequence(literal(b"."), repeated(_DIGIT, least=1, most=_MAX_DIGITS))
# Two digits at most, so that what is written is finite for whoever reads it.
_EXPONENT = sequence(
    byte_of(("e", "e"), ("E", "E")),
    optional(byte_of(("+", "+"), ("-", "-"))),
    repeated(_DIGIT, least=1, most=2),
)
_MINUS = optional(literal(b"-"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """None is no bound. A strict bound is not itself allowed."""

    low: Decimal | None = None
    high: Decimal | None = None
    is_low_strict: bool = False
    is_high_strict: bool = False

    @property
    def is_open(self) -> bool:
        return self.low is None and self.high is None

    def negated(self) -> "Bounds":
        return Bounds(
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
            is_low_strict=self.is_high_strict,
            is_high_strict=self.is_low_strict,
        )


def any_number() -> Piece:
    return sequence(_MINUS, _WHOLE, optional(_FRACTION), optional(_EXPONENT))


def any_integer() -> Piece:
    return sequence(_MINUS, _WHOLE)


def integer(bounds: Bounds) -> Piece:
    """Whole numbers of up to 16 digits within the bounds."""
    if bounds.is_open:
        return any_integer()
    return _signed(bounds, _natural)


def number(bounds: Bounds) -> Piece:
    """Numbers within the bounds, written without an exponent when there are bounds."""
    if bounds.is_open:
        return any_number()
    return _signed(bounds, _decimal)


def _signed(bounds: Bounds, lay: Callable[[Bounds], Piece | None]) -> Piece:
    """Numbers from zero up, and those below as a minus before the mirrored bounds."""
    found = [] if _is_below_zero(bounds) else [lay(_from_zero(bounds))]
    if bounds.low is None or bounds.low < 0:
        mirrored = lay(_from_zero(bounds.negated(), without_zero=True))
        found.append(None if mirrored is None else sequence(literal(b"-"), mirrored))
    pieces = [piece for piece in found if piece is not None]
    if not pieces:
        raise NotKeepable("no number is within the bounds of the schema")
    return choice(*pieces)


def _is_below_zero(bounds: Bounds) -> bool:
    return bounds.high is not None and (
        bounds.high < 0 or (bounds.high == 0 and bounds.is_high_strict)
    )


def _from_zero(bounds: Bounds, *, without_zero: bool = False) -> Bounds:
    if bounds.low is not None and bounds.low > 0:
        return bounds
    is_strict = without_zero or (bounds.low == 0 and bounds.is_low_strict)
    return Bounds(
        low=Decimal(0),
        high=bounds.high,
        is_low_strict=is_strict,
        is_high_strict=bounds.is_high_strict,
    )


def _natural(bounds: Bounds) -> Piece | None:
    """Whole numbers; the lower bound is there and not negative."""
    low = int(bounds.low or 0)
    if bounds.low is not None and (low < bounds.low or bounds.is_low_strict):
        low += 1
    if bounds.high is None:
        return _naturals(low, 10**_MAX_DIGITS - 1)
    high = int(bounds.high)
    if high == bounds.high and bounds.is_high_strict:
        high -= 1
    return _naturals(low, min(high, 10**_MAX_DIGITS - 1))


def _naturals(low: int, high: int) -> Piece | None:
    """Whole numbers from `low` to `high`, length by length."""
    pieces = []
    for length in range(len(str(low)), _MAX_DIGITS + 1):
        first = max(low, 10 ** (length - 1) if length > 1 else 0)
        last = min(high, 10**length - 1)
        if first <= last:
            pieces.append(_digits(str(first), str(last)))
    return choice(*pieces) if pieces else None


def _digits(low: str, high: str) -> Piece:
    """Texts of digits between two of one length."""
    if not low:
        return nothing()
    rest = len(low) - 1
    if low == "0" * len(low) and high == "9" * len(high):
        return repeated(_DIGIT, least=len(low), most=len(low))
    if low[0] == high[0]:
        return sequence(literal(low[0].encode()), _digits(low[1:], high[1:]))
    pieces = [
        sequence(literal(low[0].encode()), _digits(low[1:], "9" * rest)),
        sequence(literal(high[0].encode()), _digits("0" * rest, high[1:])),
    ]
    between = (chr(ord(low[0]) + 1), chr(ord(high[0]) - 1))
    if between[0] <= between[1]:
        free = repeated(_DIGIT, least=rest, most=rest)
        pieces.append(sequence(byte_of(between), free))
    return choice(*pieces)


def _decimal(bounds: Bounds) -> Piece | None:
    """Numbers with or without a fraction; the lower bound is there and not negative."""
    low, high = bounds.low or Decimal(0), bounds.high
    bottom = int(low)
    above = _Edge(_fraction_of(low), is_strict=bounds.is_low_strict)
    if high is not None and int(high) <= bottom:
        below = _Edge(_fraction_of(high), is_strict=bounds.is_high_strict)
        return _with_fraction(bottom, above, below) if int(high) == bottom else None
    pieces = [_with_fraction(bottom, above, None)]
    last = 10**_MAX_DIGITS - 1 if high is None else int(high) - 1
    between = _naturals(bottom + 1, last)
    if between is not None:
        pieces.append(sequence(between, optional(_FRACTION)))
    if high is not None:
        below = _Edge(_fraction_of(high), is_strict=bounds.is_high_strict)
        pieces.append(_with_fraction(int(high), None, below))
    found = [piece for piece in pieces if piece is not None]
    return choice(*found) if found else None


def _fraction_of(value: Decimal) -> str:
    digits = f"{value:f}".partition(".")[2].rstrip("0")
    if len(digits) > _MAX_DIGITS:
        raise NotKeepable("a bound of the schema has too many digits")
    return digits


@dataclass(frozen=True, slots=True)
class _Edge:
    """What is left of a bound: digits of its fraction, without zeros at the end."""

    digits: str
    is_strict: bool

    @property
    def first(self) -> int:
        return int(self.digits[:1] or "0")

    @property
    def rest(self) -> "_Edge":
        return _Edge(self.digits[1:], self.is_strict)

    @property
    def allows_nothing_more(self) -> bool:
        return not self.digits and not self.is_strict


def _with_fraction(whole: int, above: _Edge | None, below: _Edge | None) -> Piece | None:
    pieces = [nothing()] if _may_end(above, below) else []
    digits = _fraction(above, below, left=_MAX_DIGITS)
    if digits is not None:
        pieces.append(sequence(literal(b"."), digits))
    return sequence(literal(str(whole).encode()), choice(*pieces)) if pieces else None


def _may_end(above: _Edge | None, below: _Edge | None) -> bool:
    """Whether no further digit keeps to both bounds."""
    is_above = above is None or above.allows_nothing_more
    return is_above and (below is None or bool(below.digits) or below.allows_nothing_more)


def _fraction(above: _Edge | None, below: _Edge | None, *, left: int) -> Piece | None:
    """One digit or more between two bounds; None where there is no bound any more."""
    if left == 0:
        return None
    if above is not None and above.allows_nothing_more:
        above = None
    if above is None and below is None:
        return repeated(_DIGIT, least=1, most=left)
    lowest = 0 if above is None else above.first
    highest = 9 if below is None else below.first
    pieces = []
    for digit in {lowest, highest}:
        rest_above = above.rest if above is not None and digit == lowest else None
        rest_below = below.rest if below is not None and digit == highest else None
        more = _fraction(rest_above, rest_below, left=left - 1)
        ends = [nothing()] if _may_end(rest_above, rest_below) else []
        ways = ends if more is None else [*ends, more]
        if ways and lowest <= highest:
            pieces.append(sequence(literal(b"%d" % digit), choice(*ways)))
    if lowest + 1 < highest:
        between = byte_of((str(lowest + 1), str(highest - 1)))
        pieces.append(sequence(between, repeated(_DIGIT, most=left - 1)))
    return choice(*pieces) if pieces else None
