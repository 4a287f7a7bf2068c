"""A request body as Go would read it into a struct: names in any case, kinds checked, Go's words.

Not for meaning: what the fields are for is in the file of their dialect.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from portal.api.go import goscan

MAX_DIGITS = 400
# Whoever sends more wants to keep us busy: everybody's streams wait while a body is read. A prompt
# of the longest context, number by number, has fewer.
MAX_VALUES = 1_500_000
MAX_ITEMS = 20_000
# In longer texts nobody looks for the first bad byte: it is looked for byte by byte.
MAX_EXPLAINED_BYTES = 64 * 1024
_SPACE = " \t\r\n"
_ESCAPED_NUL = "\\u0000"
_NUL_REFUSED = "the request holds the character NUL, which cannot be stored; send it without"
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_LONE = re.compile("[\ud800-\udfff]")


class NotReadable(ValueError):
    """The body is not what the struct wants. The message is for the client."""


class NoBody(NotReadable):
    """There was nothing to read."""


class Fields:
    """The fields of one Go struct. Unknown ones are ignored, `null` counts as absent.

    `within` is the place of this struct in another one; refusals name the whole way to a field.
    """

    def __init__(self, value: object, *, struct: str, go_type: str = "", within: str = "") -> None:
        if value is not None and not isinstance(value, dict):
            place = f"Go struct field {within}" if within else "Go value"
            raise NotReadable(
                f"json: cannot unmarshal {kind_of(value)} into {place} of type {go_type or struct}"
            )
        self._struct = within or struct
        self._values: dict[str, Any] = {}
        for name, item in (value or {}).items():
            if item is not None:
                self._values[name.lower()] = item

    def anything(self, name: str) -> Any:
        return self._values.get(name)

    def text(self, name: str) -> str:
        value = self._values.get(name, "")
        if not isinstance(value, str):
            self.refuse(name, "string")
        return value

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            self.refuse(name, "bool")
        return value

    def whole(self, name: str) -> int | None:
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(name, "int")
        if isinstance(value, float) or not -(2**63) <= value < 2**63:
            self.refuse(name, "int", literal=f" {_literal(value)}")
        return value

    def real(self, name: str) -> float | None:
        value = self._values.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            self.refuse(name, "float64")
        return value

    def items(self, name: str, *, go_type: str) -> Sequence[Any]:
        value = self._values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.refuse(name, go_type)
        if len(value) > MAX_ITEMS and go_type != "[]int":
            raise NotReadable(f"{self._struct}.{name} has more than {MAX_ITEMS} items")
        return value

    def mapping(self, name: str, *, go_type: str = "map[string]interface {}") -> Mapping[str, Any]:
        value = self._values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.refuse(name, go_type)
        return value

    def inner(self, name: str, value: object, *, go_type: str) -> "Fields":
        """A struct below the field `name`, or one of its items."""
        return Fields(value, struct=go_type, go_type=go_type, within=f"{self._struct}.{name}")

    def refuse(self, name: str, go_type: str, *, literal: str = "") -> NoReturn:
        kind = kind_of(self._values[name])
        raise NotReadable(
            f"json: cannot unmarshal {kind}{literal} into Go struct field"
            f" {self._struct}.{name} of type {go_type}"
        )


def parse(body: bytes) -> object:
    """The first JSON value in `body`; what follows it is ignored. Broken bytes become U+FFFD."""
    text = body.decode("utf-8", "replace").lstrip(_SPACE)
    if not text:
        raise NoBody("EOF")
    if _could_hold(text) > MAX_VALUES:
        raise NotReadable(f"the request holds more than {MAX_VALUES} values")
    try:
        value, _ = _DECODER.raw_decode(text)
        value = _mended(value) if _HALF.search(text) else value
        holds_nul = _ESCAPED_NUL in text and _holds_nul(value)
    except RecursionError:
        raise NotReadable("exceeded max depth") from None
    except _TooBig as error:
        raise NotReadable(str(error)) from None
    except ValueError:
        is_short = len(body) <= MAX_EXPLAINED_BYTES
        raise NotReadable((is_short and goscan.complaint(body)) or "invalid JSON") from None
    if holds_nul:
        raise NotReadable(_NUL_REFUSED)
    return value


def _could_hold(text: str) -> int:
    """How many values at most; counted without reading it."""
    return sum(map(text.count, ",[{")) if len(text) > MAX_VALUES else 0


def kind_of(value: object) -> str:
    """The name of a JSON kind, in Go's words."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _holds_nul(value: Any) -> bool:
    """No database takes it, so that it is refused at the door, wherever it stands (threat H13)."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    if isinstance(value, dict):
        return any(map(_holds_nul, value)) or any(map(_holds_nul, value.values()))
    return False


def go_type_of(value: object) -> str:
    """What Go calls the type of a JSON value that was read without knowing what it would be."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case int() | float():
            return "float64"
        case str():
            return "string"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"


def _mended(value: Any) -> Any:
    """Halves of characters, which only escapes can smuggle in, become U+FFFD as they do in Go."""
    if isinstance(value, str):
        return _LONE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(item) for name, item in value.items()}
    return value


class _TooBig(Exception):
    """A number that no type of theirs or ours can hold."""


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _TooBig(f"json: cannot unmarshal number {digits[:40]} into Go value of type float64")
    return value


def _whole(digits: str) -> int | float:
    # Python refuses very long whole numbers with an error of its own.
    return int(digits) if len(digits) <= MAX_DIGITS else _number(digits)


def _constant(word: str) -> NoReturn:
    raise ValueError(word)  # NaN and Infinity, which Python would accept


_DECODER = json.JSONDecoder(
    parse_float=_number, parse_int=_whole, parse_constant=_constant, strict=True
)


def _literal(value: float) -> str:
    return str(value)[:40]
