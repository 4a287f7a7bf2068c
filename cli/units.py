"""Sizes, counts, times and durations in the words of `ollama list` and its kin. Pure."""

from datetime import datetime, timedelta

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_FOREVER_DAYS = 20 * 365


def size(count: int) -> str:
    """Decimal units: `999 B`, `1.5 KB`, `13 GB`."""
    for unit, letters in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
        if count >= unit:
            if count >= 10 * unit:
                return f"{count // unit} {letters}"
            return (
                f"{count // unit} {letters}" if count % unit == 0 else _tenths(count, unit, letters)
            )
    return f"{count} B"


def _tenths(count: int, unit: int, letters: str) -> str:
    return f"{count / unit:.1f} {letters}"


def number(count: int) -> str:
    """Of parameters: `7B`, `7.2B`, `133.70M`, `12K`, `999`."""
    for unit, letter, digits in ((10**9, "B", 1), (10**6, "M", 2)):
        if count >= unit:
            return f"{count / unit:.{0 if count % unit == 0 else digits}f}{letter}"
    return f"{count / 1000:.0f}K" if count >= 1000 else str(count)


def ago(moment: datetime, *, now: datetime) -> str:
    """`10 minutes ago`, `4 minutes from now`, `Forever`, `Never`."""
    if moment.year == 1:
        return "Never"
    seconds = (now - moment).total_seconds()
    if -seconds > timedelta(days=_FOREVER_DAYS).total_seconds():
        return "Forever"
    return f"{_span(abs(seconds))} {'ago' if seconds >= 0 else 'from now'}"


def _span(seconds: float) -> str:
    whole = int(seconds)
    if whole < _HOUR:
        return _short_span(whole)
    hours = round(seconds / _HOUR)
    if hours == 1:
        return "About an hour"
    steps = (
        (48, hours, "hours"),
        (24 * 7 * 2, hours // 24, "days"),
        (24 * 30 * 2, hours // 24 // 7, "weeks"),
        (24 * 365 * 2, hours // 24 // 30, "months"),
    )
    for below, count, unit in steps:
        if hours < below:
            return f"{count} {unit}"
    return f"{int(seconds // _DAY // 365)} years"


def _short_span(seconds: int) -> str:
    if seconds < 1:
        return "Less than a second"
    if seconds < _MINUTE:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    minutes = seconds // _MINUTE
    return "About a minute" if minutes == 1 else f"{minutes} minutes"


def duration(nanoseconds: int) -> str:
    """As Go writes it: `2.345678901s`, `812.3ms`, `45.1µs`, `1h2m3s`."""
    for unit, letters in ((10**9, ""), (10**6, "ms"), (10**3, "µs"), (1, "ns")):
        if nanoseconds >= unit and letters:
            return f"{_trimmed(nanoseconds, unit)}{letters}"
        if nanoseconds >= unit:
            break
    else:
        return "0s"
    minutes, rest = divmod(nanoseconds, _MINUTE * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{_trimmed(rest, 10**9)}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _trimmed(count: int, unit: int) -> str:
    """count / unit exactly, without zeros at the end."""
    whole, rest = divmod(count, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if unit > 1 else ""
    return f"{whole}.{digits}" if digits else str(whole)
