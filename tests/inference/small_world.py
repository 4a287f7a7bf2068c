"""Models that load, answer and end in time that a test counts; people who never stop asking."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from gguffile.size import Size
from inference.residency import Plan, Resident, Room, Wanted, decide


@dataclass
class _Model:
    queue: str
    size_bytes: int
    is_pinned: bool
    state: Literal["absent", "loading", "ready", "draining"] = "absent"
    ready_at: float = 0.0
    loads_until: float = 0.0
    answers_until: float = 0.0
    waits_since: float = 0.0
    is_hopeless: bool = False


@dataclass
class SmallWorld:
    """Each model always has people waiting; an answer takes up to `MOST_ANSWER` seconds."""

    sizes: list[int]
    pinned: set[int]
    seed: int
    waits: dict[str, float] = field(default_factory=dict)
    switches: int = 0
    MOST_ANSWER = 30.0
    MOST_LOAD = 15.0

    def __post_init__(self) -> None:
        self._dice = np.random.default_rng(self.seed)
        pinned = {one % len(self.sizes) for one in self.pinned}
        self._models = [
            _Model(f"m{number}", size_bytes, number in pinned)
            for number, size_bytes in enumerate(self.sizes)
        ]
        self.waits = {model.queue: 0.0 for model in self._models}
        self._most: dict[int, int] = {}

    def run(self, room: Room, *, seconds: int) -> None:
        for now in range(seconds):
            self._live(float(now))
            self._obey(self._ask(room, now=float(now)), now=float(now))
            self._look(now=float(now))

    def most_used(self, room: Room) -> int:
        """The most memory at any time with more than one model."""
        return max((used for used in self._most.values()), default=0)

    def _live(self, now: float) -> None:
        for model in self._models:
            if model.state == "loading" and now >= model.loads_until:
                model.state, model.ready_at = "ready", now
                model.answers_until = now + self._dice.uniform(1, self.MOST_ANSWER)
            elif model.state == "ready" and now >= model.answers_until:
                model.answers_until = now + self._dice.uniform(1, self.MOST_ANSWER)
            elif model.state == "draining" and now >= model.answers_until:
                model.state, model.waits_since = "absent", now

    def _ask(self, room: Room, *, now: float) -> Plan:
        return decide(
            now=now,
            wanted=[
                Wanted(
                    queue=model.queue,
                    waiting=3,
                    size=Size(ram_bytes=model.size_bytes),
                    since=model.waits_since,
                    is_pinned=model.is_pinned,
                )
                for model in self._models
                if model.state == "absent"
            ],
            resident=[
                resident
                for model in self._models
                if (resident := _resident(model, now=now)) is not None
            ],
            room=room,
        )

    def _obey(self, plan: Plan, *, now: float) -> None:
        for model in self._models:
            model.is_hopeless = model.queue in plan.hopeless
            if model.queue in plan.unload:
                model.state = "draining"
                self.switches += 1
            if model.queue in plan.load:
                model.state = "loading"
                model.loads_until = now + self._dice.uniform(1, self.MOST_LOAD)

    def _look(self, *, now: float) -> None:
        here = [model for model in self._models if model.state != "absent"]
        if len(here) > 1:
            self._most[int(now)] = sum(model.size_bytes for model in here)
        for model in self._models:
            if model.state == "absent" and not model.is_hopeless:
                wait = now - model.waits_since
                self.waits[model.queue] = max(self.waits[model.queue], wait)


def _resident(model: _Model, *, now: float) -> Resident | None:
    if model.state == "absent":
        return None
    return Resident(
        queue=model.queue,
        state=model.state,
        size=Size(ram_bytes=model.size_bytes),
        running=2 * (model.state != "loading"),
        waiting=3,
        ready_at=model.ready_at,
        moved_at=now,
        has_served=True,
        is_pinned=model.is_pinned,
    )
