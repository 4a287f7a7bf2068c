"""Values as text: as Go prints them, and as JSON. Not for verbs of printf."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite, isnan
from typing import Any

from gotext.errors import ExecError
from gotext.lexer import quoted
from gotext.values import List, Marks, Record, Table, Value

NO_VALUE = "<no value>"
_NIL = "<nil>"
MAX_DEPTH = 100
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_JSON_ESCAPES = str.maketrans(
    {
        **{chr(code): f"\\u{code:04x}" for code in range(0x20)},
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
        '"': '\\"',
        "\\": "\\\\",
        **_HTML,
    }
)


def written(value: Value, *, marks: Marks) -> str:
    """What an action writes. Only nothing differs from how it prints."""
    return NO_VALUE if value is None else shown(value, marks=marks)


def shown(value: Value, *, marks: Marks, quotes: bool = False, depth: int = 0) -> str:
    """As `%v` prints it, and with `quotes` as `%q` does."""
    if depth > MAX_DEPTH:
        raise ExecError("nested too deep")
    if isinstance(value, str):
        return quoted(marks.plain(value)) if quotes else value
    if value is None or isinstance(value, bool | int | float):
        return plain_shown(value)
    if value.shows_json and not quotes:
        return json_text(as_json(value, marks=marks))

    def inner(each: Value) -> str:
        return shown(each, marks=marks, quotes=quotes, depth=depth + 1)

    if isinstance(value, Table):
        entries = [f"{inner(key)}:{inner(value.entries[key])}" for key in value.keys]
        return f"map[{' '.join(entries)}]"
    if isinstance(value, Record):
        return "{" + " ".join(inner(each) for each in value.fields.values()) + "}"
    return f"[{' '.join(inner(each) for each in value.items)}]"


def plain_shown(value: bool | int | float | None) -> str:
    if value is None:
        return _NIL
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else float_text(value)


def float_text(value: float) -> str:
    """The shortest digits, as `%v` writes them."""
    if not isfinite(value):
        return "NaN" if isnan(value) else ("+Inf" if value > 0 else "-Inf")
    return _float_text(value, least=-4, most=21, exponent_digits=2)


def _float_text(value: float, *, least: int, most: int, exponent_digits: int) -> str:
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + int(exponent) - 1 if value else 0
    minus = "-" if sign else ""
    if least <= power < most:
        return minus + _positional(text, power)
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    shown_power = f"{abs(power):0{exponent_digits}d}"
    return f"{minus}{text[0]}{fraction}e{'-' if power < 0 else '+'}{shown_power}"


def _positional(digits: str, power: int) -> str:
    if power < 0:
        return "0." + "0" * (-power - 1) + digits
    whole, fraction = digits[: power + 1].ljust(power + 1, "0"), digits[power + 1 :]
    return f"{whole}.{fraction}" if fraction else whole


def as_json(value: Value, *, marks: Marks, depth: int = 0) -> Any:
    """The JSON value that it is."""
    if depth > MAX_DEPTH:
        raise ExecError("nested too deep")
    if isinstance(value, str):
        return marks.plain(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if value.json is not None:
        return value.json
    if isinstance(value, List):
        return [as_json(each, marks=marks, depth=depth + 1) for each in value.items]
    entries = value.fields if isinstance(value, Record) else value.entries
    names = list(entries) if isinstance(value, Record) else sorted(entries)
    return {name: as_json(entries[name], marks=marks, depth=depth + 1) for name in names}


def json_text(value: Any, *, depth: int = 0) -> str:
    """Compact, HTML-escaped, in the order it has: as Go's encoder writes."""
    if depth > MAX_DEPTH:
        raise ExecError("nested too deep")
    if isinstance(value, str):
        return f'"{value.translate(_JSON_ESCAPES)}"'
    if isinstance(value, Mapping):
        pairs = [
            f"{json_text(str(name))}:{json_text(each, depth=depth + 1)}"
            for name, each in value.items()
        ]
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(json_text(each, depth=depth + 1) for each in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, float):
        return _json_float(value)
    return plain_shown(value)


def _json_float(value: float) -> str:
    if not isfinite(value):
        raise ExecError(f"json: unsupported value: {float_text(value)}")
    return _float_text(value, least=-6, most=21, exponent_digits=1)
