"""Vectors as clients get them: of length one, cut, in the digits they expect. Not for fetching."""

import base64
import math
import struct
from array import array
from collections.abc import Sequence

from portal.api.errors import Refused
from portal.api.go import gojson

_SINGLE = struct.Struct("<f")
_SMALLEST_LENGTH = 1e-12
_MOST_DIGITS = 9  # that a 32-bit number can need


def read(raw: bytes) -> "array[float]":
    """The numbers of a vector as the worker sends it. Refuses what JSON has no word for."""
    values = array("f")
    values.frombytes(raw)
    if not all(map(math.isfinite, values)):
        raise Refused(status=400, message="embedding contains NaN or Inf values")
    return values


def normalised(values: "array[float]", *, dimensions: int) -> "array[float]":
    """Of length one. With fewer dimensions wanted than there are, the first of them alone.

    Computed in 64 bits and rounded once, to 32.
    """
    wanted = values[:dimensions] if 0 < dimensions < len(values) else values
    length = math.sqrt(math.fsum(value * value for value in wanted))
    factor = 1 / max(length, _SMALLEST_LENGTH)
    return array("f", [value * factor for value in wanted])


def as_json(values: Sequence[float]) -> str:
    """A list of 32-bit numbers, each in the fewest digits that tell it from its neighbours."""
    return f"[{','.join(map(shortest, values))}]"


def as_json_of_doubles(values: Sequence[float]) -> str:
    """The same numbers as 64-bit ones, which need more digits."""
    return f"[{','.join(map(gojson.number, values))}]"


def as_base64(values: "array[float]") -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")


def shortest(value: float) -> str:
    """`value` is one that 32 bits can hold."""
    if value == 0:
        return gojson.number(value)
    packed = _SINGLE.pack(value)
    digits = _MOST_DIGITS
    # Almost all need eight or nine, so looking downwards is quick.
    while digits > 1 and _SINGLE.pack(float(f"{value:.{digits - 1}g}")) == packed:
        digits -= 1
    text = f"{value:.{digits}g}"
    return gojson.number(float(text)) if "e" in text else text
