"""Pure: which models to load and which to let go, given memory, demand, pins and keep-alive.

No clock, no Redis, no processes: the moment and the world come in, a plan goes out. How large a
model is, and in what shape it would be loaded, is told by `gguffile/memory.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from gguffile.size import Size

MIN_BUSY_SECONDS = 20.0  # a model that is being used stays at least so long, or two would only swap
UNSERVED_SECONDS = 5.0  # a model just loaded waits so long for the request it was loaded for
SLOW_LOAD_SECONDS = 5.0  # a load without progress for so long no longer holds up other loads
STUCK_LOAD_SECONDS = 30.0  # and for so long, it gives its memory to another model that is wanted
MAX_LOADING = 2  # more at once would only make each of them slower


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A model without a runner: people wait for it since `since`, or it is pinned, or both."""

    queue: str
    waiting: int
    size: Size
    since: float = 0.0
    is_pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A model with a runner. `idle_since`: the end of its last request, or when it became ready.

    `moved_at` is when its loading last made progress.
    """

    queue: str
    state: Literal["loading", "ready", "draining"]
    size: Size
    running: int = 0
    waiting: int = 0
    ready_at: float = 0.0
    idle_since: float = 0.0
    moved_at: float = 0.0
    has_served: bool = False
    is_pinned: bool = False

    @property
    def is_idle(self) -> bool:
        return self.state == "ready" and not self.running and not self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much may be loaded. `keep_alive_seconds` None keeps for ever."""

    max_models: int
    memory: Size
    keep_alive_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Those to unload finish what they run first. For the hopeless, pinned models leave no room."""

    load: tuple[str, ...] = ()
    unload: tuple[str, ...] = ()
    hopeless: tuple[str, ...] = ()


def decide(
    *, now: float, wanted: Sequence[Wanted], resident: Sequence[Resident], room: Room
) -> Plan:
    """What to do now. Asked again after every change, so it never needs to plan two steps.

    Whose people have waited longest is first, and what is cleared for it is not given to others:
    else small models would come and go for ever before a large one that waits.
    """
    world = _World(now=now, room=room, present=list(resident))
    for one in resident:
        if one.state != "draining":
            if _is_expired(one, now=now, room=room):
                world.unload.append(one.queue)
            else:
                world.staying.append(one)
    world.relieve()
    for want in sorted(wanted, key=_turn):
        world.consider(want)
    return Plan(load=tuple(world.load), unload=tuple(world.unload), hopeless=tuple(world.hopeless))


def expires_at(resident: Resident, *, room: Room) -> float | None:
    """When this model will be let go if nobody asks; None while it works or is pinned, or never."""
    if room.keep_alive_seconds is None or resident.is_pinned or not resident.is_idle:
        return None
    keep = room.keep_alive_seconds
    if not resident.has_served:
        keep = max(keep, UNSERVED_SECONDS)
    return resident.idle_since + keep


def _is_expired(resident: Resident, *, now: float, room: Room) -> bool:
    moment = expires_at(resident, room=room)
    return moment is not None and now >= moment


def _turn(wanted: Wanted) -> tuple[bool, float, str]:
    """Those that people wait for come before those that are only to be kept warm."""
    return (not wanted.waiting, wanted.since, wanted.queue)


@dataclass(slots=True, kw_only=True)
class _World:
    """`present` occupies memory now; `staying` will, once all that was decided has happened."""

    now: float
    room: Room
    present: list[Resident]
    staying: list[Resident] = field(default_factory=list)
    load: list[str] = field(default_factory=list)
    unload: list[str] = field(default_factory=list)
    hopeless: list[str] = field(default_factory=list)
    is_room_promised: bool = False

    def relieve(self) -> None:
        """Models that turned out larger than expected: the idle make room for the others."""
        idle = [one for one in self.staying if one.is_idle and not one.is_pinned]
        for victim in sorted(idle, key=lambda one: (one.idle_since, one.queue)):
            if len(self.staying) < 2 or self._total(self.staying).fits(self.room.memory):
                return
            self.unload.append(victim.queue)
            self.staying.remove(victim)

    def consider(self, one: Wanted) -> None:
        if self._fits(one, self.staying):
            if self._fits(one, self.present):
                self._begin(one)
            else:  # it is being cleared already
                self._promise(one)
                self.is_room_promised = True
            return
        if self.is_room_promised:
            return  # one at a time: the next is thought of when this one is in
        victims = self._victims(one, self._evictable(one))
        if victims is None and one.waiting:
            victims = self._wait_for_room(one)
        elif victims:
            self.unload += [victim.queue for victim in victims]
        if victims:
            self.staying = self._without(victims)
            self._promise(one)
            self.is_room_promised = True

    def _begin(self, one: Wanted) -> None:
        """Load it, unless so many are under way that its turn is still to come."""
        entry = self._promise(one)
        if self._loading() < MAX_LOADING:
            self.load.append(one.queue)
            self.present.append(entry)

    def _wait_for_room(self, one: Wanted) -> list[Resident] | None:
        """Nothing can go at this moment. Who will go for it, or None: nothing ever can."""
        here = [each for each in self.staying if each in self.present]
        later = self._victims(one, [each for each in here if _may_ever_go(each, one)])
        if later is None and self.staying == here:
            self.hopeless.append(one.queue)
        return later

    def _evictable(self, one: Wanted) -> list[Resident]:
        """Who may go for it now, the least missed first."""
        ranked = [(_rank(each, one, now=self.now), each) for each in self.staying]
        allowed = [(rank, each) for rank, each in ranked if rank is not None]
        return [each for _, each in sorted(allowed, key=lambda pair: (pair[0], pair[1].queue))]

    def _victims(self, one: Wanted, candidates: Sequence[Resident]) -> list[Resident] | None:
        """The first of these that suffice, without those that are not needed after all."""
        chosen: list[Resident] = []
        for candidate in candidates:
            if self._fits(one, self._without(chosen)):
                break
            chosen.append(candidate)
        if not self._fits(one, self._without(chosen)):
            return None
        for candidate in tuple(reversed(chosen)):
            fewer = [each for each in chosen if each is not candidate]
            if self._fits(one, self._without(fewer)):
                chosen = fewer
        return chosen

    def _without(self, gone: Sequence[Resident]) -> list[Resident]:
        names = {one.queue for one in gone}
        return [one for one in self.staying if one.queue not in names]

    def _fits(self, one: Wanted, others: Sequence[Resident]) -> bool:
        """A model alone may always try: the estimate may be wrong, and nothing is left to evict."""
        if not others:
            return True
        pinned = sum(each.is_pinned for each in others)
        if len(others) >= max(self.room.max_models, pinned + 1):
            return False
        return Size.total([self._total(others), one.size]).fits(self.room.memory)

    def _loading(self) -> int:
        """How many loads are under way; one that does not move holds up nobody."""
        return sum(
            one.state == "loading" and self.now - one.moved_at < SLOW_LOAD_SECONDS
            for one in self.present
        )

    def _promise(self, one: Wanted) -> Resident:
        entry = Resident(
            queue=one.queue,
            state="loading",
            size=one.size,
            moved_at=self.now,
            is_pinned=one.is_pinned,
        )
        self.staying.append(entry)
        return entry

    @staticmethod
    def _total(residents: Sequence[Resident]) -> Size:
        return Size.total(one.size for one in residents)


def _rank(resident: Resident, one: Wanted, *, now: float) -> tuple[bool, int, float] | None:
    """How little it would be missed, or None if it may not go for this one now."""
    pinned = resident.is_pinned
    if pinned and not (one.is_pinned and one.waiting):
        return None
    if resident.state == "loading":
        is_stuck = one.waiting and now - resident.moved_at >= STUCK_LOAD_SECONDS
        return (pinned, 1, resident.moved_at) if is_stuck else None
    is_expected = not resident.has_served and now - resident.ready_at < UNSERVED_SECONDS
    if resident.is_idle and not is_expected:
        return pinned, 0, resident.idle_since
    if one.waiting and now - resident.ready_at >= MIN_BUSY_SECONDS:
        return pinned, 2, resident.ready_at
    return None


def _may_ever_go(resident: Resident, one: Wanted) -> bool:
    return not resident.is_pinned or one.is_pinned
