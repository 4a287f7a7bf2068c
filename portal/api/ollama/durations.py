"""How long a model shall stay, as their clients write it. Not for keeping it so long."""

import re

_PART = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)", re.ASCII)
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
# The longest duration of Go.
_MOST_NANOSECONDS = 2**63 - 1


class NotADuration(ValueError):
    """The message is in the words of Go."""


def keep_alive_seconds(value: object) -> float | None:
    """None when nothing was said; negative means for ever; a bare number is seconds."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise NotADuration("Unsupported type: 'bool'")
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        return _parsed(value)
    kind = "[]interface {}" if isinstance(value, list) else "map[string]interface {}"
    raise NotADuration(f"Unsupported type: '{kind}'")


def _parsed(text: str) -> float:
    sign, rest = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
    if rest == "0":
        return 0.0
    if not rest:
        raise NotADuration(f"time: invalid duration {_quoted(text)}")
    total_ns, at = 0.0, 0
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None:
            raise NotADuration(f"time: invalid duration {_quoted(text)}")
        number, unit = part.groups()
        if not unit:
            raise NotADuration(f"time: missing unit in duration {_quoted(text)}")
        if unit not in _NANOSECONDS:
            raise NotADuration(f"time: unknown unit {_quoted(unit)} in duration {_quoted(text)}")
        total_ns += float(number) * _NANOSECONDS[unit]
        at = part.end()
    if total_ns > _MOST_NANOSECONDS:
        raise NotADuration(f"time: invalid duration {_quoted(text)}")
    return sign * total_ns / 1e9


def _quoted(text: str) -> str:
    """As Go's package `time` quotes: whatever is not plain ASCII stands there as its bytes."""
    return f'"{"".join(map(_shown, text.encode("utf-8", "replace")))}"'


def _shown(byte: int) -> str:
    if byte in b'"\\':
        return f"\\{chr(byte)}"
    return chr(byte) if 0x20 <= byte < 0x80 else f"\\x{byte:02x}"
