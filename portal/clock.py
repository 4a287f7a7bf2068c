"""The one place that asks what time it is. Not for durations: those are measured on monotonic
time."""

import datetime


def now() -> datetime.datetime:
    """The present moment, with its zone. For showing and storing, never for leases (threat F18)."""
    return datetime.datetime.now(tz=datetime.UTC)
