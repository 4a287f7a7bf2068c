"""Pure: which models to load and which to let go, given memory, demand and keep-alive.

No clock, no Redis, no processes: the moment and the world come in, a plan goes out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MIN_BUSY_SECONDS = 20.0  # a model that is being used stays at least so long, or two would only swap
UNSERVED_SECONDS = 5.0  # a model just loaded waits so long for the request it was loaded for


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A queue with work and no runner. `size_bytes` is what it is expected to need."""

    queue: str
    waiting: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A queue with a runner. `idle_since`: the end of its last request, or when it became ready."""

    queue: str
    state: Literal["loading", "ready", "draining"]
    size_bytes: int
    running: int = 0
    waiting: int = 0
    ready_at: float = 0.0
    idle_since: float = 0.0
    has_served: bool = False

    @property
    def is_idle(self) -> bool:
        return self.state == "ready" and not self.running and not self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much may be loaded. `keep_alive_seconds` None keeps for ever."""

    max_models: int
    memory_bytes: int
    keep_alive_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """At most one load at a time. Those to unload finish what they run first."""

    load: str | None = None
    unload: tuple[str, ...] = ()


def decide(
    *, now: float, wanted: Sequence[Wanted], resident: Sequence[Resident], room: Room
) -> Plan:
    """What to do now. Asked again after every change, so it never needs to plan two steps."""
    expired = tuple(one.queue for one in resident if _is_expired(one, now=now, room=room))
    if not wanted or any(one.state == "loading" for one in resident):
        return Plan(unload=expired)
    first = max(wanted, key=lambda one: (one.waiting, one.queue))
    staying = [one for one in resident if one.queue not in expired]
    if _fits(first, resident=resident, room=room):
        return Plan(load=first.queue, unload=expired)
    if expired or any(one.state == "draining" for one in resident):
        return Plan(unload=expired)  # room is being made
    victim = _victim(staying, now=now)
    return Plan(unload=(victim.queue,) if victim else ())


def expires_at(resident: Resident, *, room: Room) -> float | None:
    """When this model will be let go if nobody asks; None while it works, or for ever."""
    if room.keep_alive_seconds is None or not resident.is_idle:
        return None
    keep = room.keep_alive_seconds
    if not resident.has_served:
        keep = max(keep, UNSERVED_SECONDS)
    return resident.idle_since + keep


def _is_expired(resident: Resident, *, now: float, room: Room) -> bool:
    moment = expires_at(resident, room=room)
    return moment is not None and now >= moment


def _fits(wanted: Wanted, *, resident: Sequence[Resident], room: Room) -> bool:
    """A model alone may always try: the estimate may be wrong, and nothing is left to evict."""
    if not resident:
        return True
    if len(resident) >= room.max_models:
        return False
    return sum(one.size_bytes for one in resident) + wanted.size_bytes <= room.memory_bytes


def _victim(resident: Sequence[Resident], *, now: float) -> Resident | None:
    """The idle one that has waited longest; if all work, the one that has been here longest."""
    idle = [one for one in resident if one.is_idle]
    if idle:
        return min(idle, key=lambda one: (one.idle_since, one.queue))
    busy = [
        one for one in resident if one.state == "ready" and now - one.ready_at >= MIN_BUSY_SECONDS
    ]
    return min(busy, key=lambda one: (one.ready_at, one.queue)) if busy else None
