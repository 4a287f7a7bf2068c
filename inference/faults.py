"""Named points where a test may kill, pause or break the worker. In production every call is empty.

`PORTAL_FAULTS="step.before:3:kill,piece.published:10:pause"` acts at the third and tenth passing of
those points in one process.
"""

import os
import signal
from dataclasses import dataclass
from typing import Literal

POINTS = frozenset(
    {
        "request.taken",
        "lease.renewed",
        "prefill.chunk",
        "step.before",
        "step.after",
        "piece.published",
        "end.published",
    }
)
Deed = Literal["kill", "pause", "error"]


class FaultInjected(RuntimeError):
    """The error a test asked for."""


class BadFaultPlan(ValueError):
    """`PORTAL_FAULTS` is not a list of point:occurrence:deed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    point: str
    occurrence: int
    deed: Deed


def parse(text: str) -> tuple[Fault, ...]:
    """The plan in this text; an unknown point or deed is an error, never ignored."""
    return tuple(_parse_one(part.strip()) for part in text.split(",") if part.strip())


def at(point: str) -> None:
    """Passing a named point. Does nothing at all unless the environment held a plan at start."""
    if not _plan:
        return
    _passed[point] = _passed.get(point, 0) + 1
    for fault in _plan:
        if fault.point == point and fault.occurrence == _passed[point]:
            _do(fault.deed)


def _do(deed: Deed) -> None:
    if deed == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif deed == "pause":
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        raise FaultInjected


def _parse_one(part: str) -> Fault:
    point, _, rest = part.partition(":")
    occurrence, _, deed = rest.partition(":")
    if point not in POINTS or not occurrence.isascii() or not occurrence.isdigit():
        raise BadFaultPlan(part)
    if deed == "kill":
        return Fault(point=point, occurrence=int(occurrence), deed="kill")
    if deed == "pause":
        return Fault(point=point, occurrence=int(occurrence), deed="pause")
    if deed == "error":
        return Fault(point=point, occurrence=int(occurrence), deed="error")
    raise BadFaultPlan(part)


_plan = parse(os.environ.get("PORTAL_FAULTS", ""))
_passed: dict[str, int] = {}
