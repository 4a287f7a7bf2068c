"""The functions a template may call: Go's own, and those that Ollama adds. Not for printf's verbs.

`and` and `or` are not here: they leave arguments unread, which only the renderer can do.
"""

import datetime
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

from gotext import comparing, formatting, showing, typescript
from gotext.errors import ExecError
from gotext.values import List, Marks, Record, Table, Value, as_bytes, go_type, is_true, length_of


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a function may look at besides its arguments. `spend` counts the text it makes."""

    marks: Marks
    today: datetime.date
    spend: Callable[[int], None]


Function = Callable[[Sequence[Value], Circumstances], Value]


def _not(values: Sequence[Value], at: Circumstances) -> Value:
    return not is_true(_only(values, "not"))


def _len(values: Sequence[Value], at: Circumstances) -> Value:
    return length_of(_only(values, "len"), marks=at.marks)


def _eq(values: Sequence[Value], at: Circumstances) -> Value:
    return comparing.equals(values, marks=at.marks)


def _ne(values: Sequence[Value], at: Circumstances) -> Value:
    return not comparing.equals(_two(values, "ne"), marks=at.marks)


def _lt(values: Sequence[Value], at: Circumstances) -> Value:
    return comparing.is_less(*_two(values, "lt"), marks=at.marks)


def _le(values: Sequence[Value], at: Circumstances) -> Value:
    one, other = _two(values, "le")
    less = comparing.is_less(one, other, marks=at.marks)
    return less or comparing.equals((one, other), marks=at.marks)


def _gt(values: Sequence[Value], at: Circumstances) -> Value:
    return not _le(_two(values, "gt"), at)


def _ge(values: Sequence[Value], at: Circumstances) -> Value:
    return not _lt(_two(values, "ge"), at)


def _index(values: Sequence[Value], at: Circumstances) -> Value:
    if not values:
        raise ExecError("wrong number of args for index: want at least 1 got 0")
    found, *places = values
    if found is None:
        raise ExecError("index of untyped nil")
    for place in places:
        found = _at(found, place, marks=at.marks)
    return found


def _at(value: Value, place: Value, *, marks: Marks) -> Value:
    if isinstance(value, Table):
        if not isinstance(place, str):
            raise ExecError(f"value has type {go_type(place)}; should be string")
        return value.entries.get(marks.plain(place))
    if value is None:
        raise ExecError("index of untyped nil")
    if not isinstance(value, List | str):
        raise ExecError(f"can't index item of type {go_type(value)}")
    held = as_bytes(marks.plain(value)) if isinstance(value, str) else value.items
    number = _place(place)
    if not 0 <= number < len(held):
        raise ExecError(f"index out of range: {number}")
    return held[number]


def _place(value: Value) -> int:
    if value is None:
        raise ExecError("cannot index slice/array with nil")
    if isinstance(value, bool) or not isinstance(value, int):
        raise ExecError(f"cannot index slice/array with type {go_type(value)}")
    return value


def _slice(values: Sequence[Value], at: Circumstances) -> Value:
    if not values:
        raise ExecError("wrong number of args for slice: want at least 1 got 0")
    value, *bounds = values
    if value is None:
        raise ExecError("slice of untyped nil")
    if len(bounds) > 3:
        raise ExecError(f"too many slice indexes: {len(bounds)}")
    if not isinstance(value, List | str):
        raise ExecError(f"can't slice item of type {go_type(value)}")
    if isinstance(value, str) and len(bounds) == 3:
        raise ExecError("cannot 3-index slice a string")
    start, end = _bounds(bounds, length=length_of(value, marks=at.marks))
    if isinstance(value, str):
        return _sliced(value, start, end, marks=at.marks)
    return List(value.items[start:end], go_type=value.go_type)


def _bounds(bounds: Sequence[Value], *, length: int) -> tuple[int, int]:
    numbers = [_place(bound) for bound in bounds]
    for number in numbers:
        if not 0 <= number <= length:
            raise ExecError(f"index out of range: {number}")
    start = numbers[0] if numbers else 0
    end = numbers[1] if len(numbers) > 1 else length
    if start > end:
        raise ExecError(f"invalid slice index: {start} > {end}")
    return start, end


def _sliced(text: str, start: int, end: int, *, marks: Marks) -> str:
    """By bytes, as Go does; what cuts a character leaves a sign of it."""
    plain = marks.plain(text)
    if plain.isascii() or (start, end) == (0, len(as_bytes(plain))):
        return text[start:end] if plain.isascii() else text
    kept, place = [], 0
    for letter, shown in zip(text, plain, strict=True):
        size = len(as_bytes(shown))
        if start <= place and place + size <= end:
            kept.append(letter)
        elif place < end and place + size > start:
            kept.append("\ufffd")
        place += size
    return "".join(kept)


def _print(values: Sequence[Value], at: Circumstances) -> Value:
    """A space stands between two that are both no text."""
    pieces: list[str] = []
    for number, value in enumerate(values):
        before = values[number - 1] if number else ""
        if number and not isinstance(value, str) and not isinstance(before, str):
            pieces.append(" ")
        pieces.append(showing.shown(value, marks=at.marks))
    return _counted("".join(pieces), at)


def _println(values: Sequence[Value], at: Circumstances) -> Value:
    shown = [showing.shown(value, marks=at.marks) for value in values]
    return _counted(" ".join(shown) + "\n", at)


def _printf(values: Sequence[Value], at: Circumstances) -> Value:
    if not values:
        raise ExecError("wrong number of args for printf: want at least 1 got 0")
    form, *others = values
    if not isinstance(form, str):
        raise ExecError(f"wrong type for value; expected string; got {go_type(form)}")
    return _counted(formatting.formatted(form, others, marks=at.marks), at)


def _json(values: Sequence[Value], at: Circumstances) -> Value:
    value = showing.as_json(_only(values, "json"), marks=at.marks)
    return _counted(showing.json_text(value), at)


def _html(values: Sequence[Value], at: Circumstances) -> Value:
    text = html.escape(_joined(values, at)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    return _counted(text.replace("\0", "\ufffd"), at)


def _js(values: Sequence[Value], at: Circumstances) -> Value:
    escaped = _joined(values, at).translate(_JS)
    shown = [each if each.isprintable() else f"\\u{ord(each):04X}" for each in escaped]
    return _counted("".join(shown), at)


def _urlquery(values: Sequence[Value], at: Circumstances) -> Value:
    return _counted(quote_plus(_joined(values, at)), at)


def _call(values: Sequence[Value], at: Circumstances) -> Value:
    """Nothing that a template is given can be called."""
    if not values or values[0] is None:
        raise ExecError("call of nil")
    raise ExecError(f"non-function of type {go_type(values[0])}")


def _current_date(values: Sequence[Value], at: Circumstances) -> Value:
    return at.today.isoformat()


def _yesterday_date(values: Sequence[Value], at: Circumstances) -> Value:
    return (at.today - datetime.timedelta(days=1)).isoformat()


def _to_typescript(values: Sequence[Value], at: Circumstances) -> Value:
    described = showing.as_json(_only(values, "toTypeScriptType"), marks=at.marks)
    return _counted(typescript.type_of(described), at)


_JS = str.maketrans(
    {
        **{chr(code): f"\\u{code:04X}" for code in range(0x20)},
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "<": "\\u003C",
        ">": "\\u003E",
        "&": "\\u0026",
        "=": "\\u003D",
    }
)


def _joined(values: Sequence[Value], at: Circumstances) -> str:
    """As `print` joins them, but nothing is written as actions write it."""
    said = [showing.NO_VALUE if value is None else value for value in values]
    return at.marks.plain(str(_print(said, at)))


def _counted(text: str, at: Circumstances) -> str:
    at.spend(len(text))
    return text


def _only(values: Sequence[Value], name: str) -> Value:
    if len(values) != 1:
        raise ExecError(f"wrong number of args for {name}: want 1 got {len(values)}")
    return values[0]


def _two(values: Sequence[Value], name: str) -> tuple[Value, Value]:
    if len(values) != 2:
        raise ExecError(f"wrong number of args for {name}: want 2 got {len(values)}")
    return values[0], values[1]


FUNCTIONS: Mapping[str, Function] = {
    "call": _call,
    "currentDate": _current_date,
    "eq": _eq,
    "ge": _ge,
    "gt": _gt,
    "html": _html,
    "index": _index,
    "js": _js,
    "json": _json,
    "le": _le,
    "len": _len,
    "lt": _lt,
    "ne": _ne,
    "not": _not,
    "print": _print,
    "printf": _printf,
    "println": _println,
    "slice": _slice,
    "toTypeScriptType": _to_typescript,
    "urlquery": _urlquery,
    "yesterdayDate": _yesterday_date,
}
LAZY = frozenset({"and", "or"})
NAMES = frozenset(FUNCTIONS) | LAZY

__all__ = ["FUNCTIONS", "LAZY", "NAMES", "Circumstances", "Function", "Record"]
