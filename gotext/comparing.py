"""Comparing as Go's templates do: `eq`, `lt` and their kin. Not for truth: see `values.py`."""

from collections.abc import Sequence

from gotext.errors import ExecError
from gotext.values import List, Marks, Record, Table, Value

_UNLIKE = "incompatible types for comparison"
_NO_ORDER = "invalid type for comparison"


def equals(values: Sequence[Value], *, marks: Marks) -> bool:
    """Whether the first equals any of the others."""
    if len(values) < 2:
        raise ExecError("missing argument for comparison")
    first, *others = values
    return any(_are_equal(first, other, marks=marks) for other in others)


def is_less(one: Value, other: Value, *, marks: Marks) -> bool:
    kind = _kind(one)
    if kind not in ("int", "float", "string"):
        raise ExecError(_UNLIKE if kind == "bool" and _kind(other) != "bool" else _NO_ORDER)
    if _kind(other) != kind:
        raise ExecError(_UNLIKE if _kind(other) else _NO_ORDER)
    if isinstance(one, str) and isinstance(other, str):
        return marks.plain(one) < marks.plain(other)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one < other
    raise ExecError(_NO_ORDER)


def _are_equal(one: Value, other: Value, *, marks: Marks) -> bool:
    if one is None or other is None:
        return one is None and other is None
    if isinstance(one, Record | Table | List) or isinstance(other, Record | Table | List):
        raise ExecError("non-comparable types" if type(one) is type(other) else _UNLIKE)
    if _kind(one) != _kind(other):
        raise ExecError(_UNLIKE)
    if isinstance(one, str) and isinstance(other, str):
        return marks.plain(one) == marks.plain(other)
    return one == other


def _kind(value: Value) -> str:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, kind):
            return name
    return ""
