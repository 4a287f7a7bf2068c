"""What a template may hold, and how Go sees it: kinds, truth, fields, lengths. Not for text of it.

A closed set: nothing here asks a Python object for an attribute that a template names (threat E18).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from gotext.errors import ExecError

Value = Union[None, bool, int, float, str, "Record", "Table", "List"]


@dataclass(frozen=True, slots=True)
class Marks:
    """How a template's own text is told from text it was given: `mark` says that it is its own.

    `plain` gives marked text as people read it; letters keep their place in both. Everything is
    compared and looked up plain.
    """

    mark: Callable[[str], str]
    plain: Callable[[str], str]


NO_MARKS = Marks(mark=str, plain=str)


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A Go struct: its type's name, and its fields. A field that is not there is an error.

    `json` is what it is as JSON. With `shows_json` it prints so as well, else as Go prints structs.
    """

    go_type: str
    fields: Mapping[str, Value]
    json: Any = None
    shows_json: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A Go map with names as keys. One that is not there is nil.

    `json` and `shows_json` are as for a `Record`.
    """

    entries: Mapping[str, Value]
    go_type: str = "map[string]interface {}"
    json: Any = None
    shows_json: bool = False

    @property
    def keys(self) -> list[str]:
        """In the order Go goes through them."""
        return sorted(self.entries)


@dataclass(frozen=True, slots=True, eq=False)
class List:
    """A Go slice. `json` and `shows_json` are as for a `Record`."""

    items: Sequence[Value]
    go_type: str = "[]interface {}"
    json: Any = None
    shows_json: bool = False


def is_true(value: Value) -> bool:
    """As `if` sees it."""
    if isinstance(value, Record):
        return True
    if isinstance(value, Table):
        return bool(value.entries)
    return bool(value.items) if isinstance(value, List) else bool(value)


def go_type(value: Value) -> str:
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name
    if isinstance(value, Record | Table | List):
        return value.go_type
    return "nil"


_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float64"),
    (str, "string"),
)


def field_of(value: Value, name: str) -> Value:
    """`.name` of a value."""
    if isinstance(value, Table):
        return value.entries.get(name)
    if isinstance(value, Record):
        if name in value.fields:
            return value.fields[name]
    elif value is None:
        return None
    raise ExecError(f"can't evaluate field {name} in type {go_type(value)}")


def length_of(value: Value, *, marks: Marks) -> int:
    """As `len` counts: bytes of a text."""
    if isinstance(value, str):
        return len(as_bytes(marks.plain(value)))
    if isinstance(value, Table):
        return len(value.entries)
    if isinstance(value, List):
        return len(value.items)
    if value is None:
        raise ExecError("len of nil pointer")
    raise ExecError(f"len of type {go_type(value)}")


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
