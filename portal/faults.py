"""Named points where a test may kill, stop or break this process. Without PORTAL_FAULTS: nothing.

PORTAL_FAULTS is `point:occurrence:deed`, several separated by commas, such as
`message.committed:1:kill,end.recorded:3:error`. Deeds: kill (at once, nothing runs after it), error
(raises `Broken` here), pause (stops the process until somebody continues it). Not for tests inside
one process: those replace `at`.
"""

import os
import signal
from collections import Counter
from collections.abc import Mapping
from typing import Literal, get_args

Point = Literal[
    "message.stored",
    "message.committed",
    "request.published",
    "piece.recorded",
    "end.recorded",
    "stream.expired",
    "tab.sent",
    "tab.resumed",
    "upload.written",
    "upload.kept",
    "job.stored",
    "job.taken",
    "job.done",
    "pull.manifest_read",
    "chunk.written",
    "chunk.synced",
    "chunk.noted",
    "pull.blob_fetched",
    "pull.blob_published",
    "pull.manifest_written",
    "pull.model_known",
]
Deed = Literal["kill", "error", "pause"]
POINTS: tuple[str, ...] = get_args(Point)
DEEDS: tuple[str, ...] = get_args(Deed)


class Broken(Exception):
    """A fault that a test ordered."""


class BadSchedule(ValueError):
    """PORTAL_FAULTS names a point or a deed that does not exist."""


def at(point: Point) -> None:
    """Called where the threats page says. Does nothing unless a schedule was given at start."""
    if not _schedule:
        return
    _seen[point] += 1
    deed = _schedule.get((point, _seen[point]))
    if deed is not None:
        _do(deed, point)


def parse(text: str) -> dict[tuple[str, int], str]:
    """The schedule as (point, occurrence) → deed."""
    schedule: dict[tuple[str, int], str] = {}
    for order in filter(None, text.split(",")):
        match order.split(":"):
            case [point, occurrence, deed] if (
                point in POINTS and deed in DEEDS and occurrence.isascii() and occurrence.isdigit()
            ):
                schedule[point, int(occurrence)] = deed
            case _:
                raise BadSchedule(order)
    return schedule


def ours(environment: Mapping[str, str]) -> dict[tuple[str, int], str]:
    """The schedule in the environment; points of the other program are not ours to judge."""
    orders = environment.get("PORTAL_FAULTS", "").split(",")
    return parse(",".join(order for order in orders if order.split(":")[0] in POINTS))


def _do(deed: str, point: str) -> None:
    if deed == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == "pause":
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    raise Broken(point)


_seen: Counter[str] = Counter()
_schedule = ours(os.environ)
