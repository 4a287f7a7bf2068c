"""JSON as their clients expect it, byte for byte: the dialect of Go's encoding/json.

Keys keep the order of the dict, as Go's structs do; a free-form map is sorted by whoever builds it.
"""

import json
import math
import re

_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_TABLE = str.maketrans(
    {
        **{chr(code): f"\\u{code:04x}" for code in range(0x20)},
        **_ESCAPES,
        **{chr(code): "\\ufffd" for code in range(0xD800, 0xE000)},
    }
)


def dumps(value: object) -> str:
    """One line, without spaces. Raises TypeError for what Go could not have written."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(str(k))}:{dumps(v)}" for k, v in value.items()) + "}"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    raise TypeError(type(value).__name__)


def dumps_ascii(value: object) -> str:
    """As `dumps`, with every character beyond ASCII escaped: for streams, whose readers may cut
    between any two bytes (threat C21)."""
    text = dumps(value)
    return text if text.isascii() else _BEYOND_ASCII.sub(_escaped, text)


def _quoted(text: str) -> str:
    return f'"{text.translate(_TABLE)}"'


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1]


def number(value: float) -> str:
    """The shortest digits that read back as this; an exponent only below 1e-6 and from 1e21."""
    if not math.isfinite(value):
        raise TypeError("a number that JSON has no word for")
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits = json.dumps(value)
    mantissa, has_exponent, exponent = digits.partition("e")
    if not 1e-6 <= abs(value) < 1e21:
        return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
    if has_exponent:
        return _without_exponent(mantissa, int(exponent))
    return digits.removesuffix(".0")


def _without_exponent(mantissa: str, exponent: int) -> str:
    sign, bare = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
    whole, _, fraction = bare.partition(".")
    point = len(whole) + exponent
    digits = whole + fraction
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}".rstrip("0")
    return f"{sign}{digits.ljust(point, '0')[:point]}"
