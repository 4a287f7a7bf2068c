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
        raise NotADuration(f'time: invalid duration "{text}"')
    total_ns, at = 0.0, 0
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None:
            raise NotADuration(f'time: invalid duration "{text}"')
        number, unit = part.groups()
        if not unit:
            raise NotADuration(f'time: missing unit in duration "{text}"')
        if unit not in _NANOSECONDS:
            raise NotADuration(f'time: unknown unit "{unit}" in duration "{text}"')
        total_ns += float(number) * _NANOSECONDS[unit]
        at = part.end()
    return sign * total_ns / 1e9
