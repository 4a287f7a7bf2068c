"""The verbs of printf. Not for print and println: those are in `functions.py`."""

import re
from collections.abc import Sequence
from math import isfinite

from gotext import showing
from gotext.errors import ExecError
from gotext.lexer import quoted
from gotext.values import Marks, Value, as_bytes, go_type

_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\d+)?(?:(?P<dot>\.)(?P<precision>\d*))?(?P<verb>.?)", re.S
)
# Go itself refuses more.
_MOST_WIDTH = 1_000_000


def formatted(form: str, values: Sequence[Value], *, marks: Marks) -> str:
    """As Go's Sprintf. What the template wrote in `form` stays marked as its own."""
    plain, pieces, used, position = marks.plain(form), [], 0, 0
    for found in _VERB.finditer(plain):
        pieces.append(form[position : found.start()])
        position = found.end()
        verb = found["verb"]
        if verb == "%":
            pieces.append(form[found.end() - 1])
        elif not verb:
            pieces.append("%!(NOVERB)")
        elif used >= len(values):
            pieces.append(f"%!{verb}(MISSING)")
        else:
            pieces.append(_one(found, values[used], marks=marks))
            used += 1
    pieces.append(form[position:])
    extra = values[used:]
    if extra:
        named = ", ".join(_typed(value, marks=marks) for value in extra)
        pieces.append(f"%!(EXTRA {named})")
    return "".join(pieces)


def _one(found: "re.Match[str]", value: Value, *, marks: Marks) -> str:
    width = int(found["width"][:8]) if found["width"] else 0
    precision = int((found["precision"] or "0")[:8]) if found["dot"] else None
    if width > _MOST_WIDTH or (precision or 0) > _MOST_WIDTH:
        raise ExecError("printf: too wide")
    flags = found["flags"]
    text = _verb(found["verb"], flags, precision, value, marks=marks)
    if text is None:
        return f"%!{found['verb']}({_typed(value, marks=marks)})"
    if len(text) >= width:
        return text
    if "-" in flags:
        return text.ljust(width)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if "0" in flags and is_number:
        sign = text[0] if text[:1] in ("-", "+") else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def _verb(
    verb: str, flags: str, precision: int | None, value: Value, *, marks: Marks
) -> str | None:
    if verb == "v":
        return _any(flags, value, marks=marks)
    if verb == "T":
        return "<nil>" if value is None else go_type(value)
    if isinstance(value, bool):
        return showing.plain_shown(value) if verb == "t" else None
    if isinstance(value, int):
        return _whole(verb, flags, value)
    if isinstance(value, float):
        return _real(verb, flags, precision, value)
    if value is None:
        return None
    return _textual(verb, precision, value, marks=marks)


def _any(flags: str, value: Value, *, marks: Marks) -> str:
    if "#" in flags and isinstance(value, str):
        return quoted(marks.plain(value))
    text = showing.shown(value, marks=marks)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _signed(text, flags) if is_number else text


def _whole(verb: str, flags: str, value: int) -> str | None:
    forms = {"d": "d", "x": "x", "X": "X", "o": "o", "b": "b"}
    if verb in forms:
        prefix = {"x": "#", "X": "#"}.get(verb, "") if "#" in flags else ""
        return _signed(f"{value:{prefix}{forms[verb]}}", flags)
    if verb in ("c", "q", "U"):
        letter = chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"
        if verb == "U":
            return f"U+{value:04X}"
        return letter if verb == "c" else "'" + quoted(letter)[1:-1].replace('\\"', '"') + "'"
    return None


def _real(verb: str, flags: str, precision: int | None, value: float) -> str | None:
    if verb not in "eEfFgG":
        return None
    if (verb in "gG" and precision is None) or not isfinite(value):
        return _signed(showing.float_text(value), flags)
    digits = 6 if precision is None else min(precision, 1_000)
    return _signed(f"{value:.{digits}{verb}}", flags)


def _textual(verb: str, precision: int | None, value: Value, *, marks: Marks) -> str | None:
    if verb == "s":
        text = showing.shown(value, marks=marks)
        return text if precision is None else text[:precision]
    if verb == "q":
        return showing.shown(value, marks=marks, quotes=True)
    if verb in ("x", "X") and isinstance(value, str):
        text = as_bytes(marks.plain(value)).hex()
        return text if verb == "x" else text.upper()
    return None


def _signed(text: str, flags: str) -> str:
    if text[:1] in ("-", "+"):
        return text
    if "+" in flags:
        return f"+{text}"
    return f" {text}" if " " in flags else text


def _typed(value: Value, *, marks: Marks) -> str:
    if value is None:
        return "<nil>"
    return f"{go_type(value)}={showing.shown(value, marks=marks)}"
