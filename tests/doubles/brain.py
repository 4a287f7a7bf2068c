"""Recorder and reaper, moved by hand with a clock of their own."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async

from portal import clock
from portal.catalog.trying.trials import Trials
from portal.chat.nexts import Nexts
from portal.chat.reaper import Reaper
from portal.chat.recorder import Pace, Recorder


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Brain:
    """`steps` moves both once; `later` lets time pass first. `restarts` forgets what was in
    memory."""

    wake: Any = lambda _owner_id, _conversation_id: None
    clock: Clock = field(default_factory=Clock)
    woken: list[tuple[UUID, UUID]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = self.clock.now
        self.restarts()

    def restarts(self) -> None:
        self.nexts = Nexts(clock=self.clock, wake=self._wake)
        self.recorder = Recorder(
            clock=self.clock, wake=self.nexts.wake, pace=Pace(block_seconds=0.001)
        )
        self.reaper = Reaper(self.recorder, clock=self.clock, unix_time=self._unix_time)
        self.trials = Trials(clock=self.clock)

    def steps(self, count: int = 1) -> None:
        for _ in range(count):
            self.recorder.step()
            self.nexts.step()
            self.reaper.step()

    def later(self, seconds: float) -> None:
        self.clock.now += seconds
        self.steps()

    def _unix_time(self) -> float:
        """The machine's own, and what was let pass beside it."""
        return clock.now().timestamp() + self.clock.now - self._began

    async def asteps(self, count: int = 1) -> None:
        await database_sync_to_async(self.steps)(count)

    async def alater(self, seconds: float) -> None:
        await database_sync_to_async(self.later)(seconds)

    def _wake(self, owner_id: UUID, conversation_id: UUID) -> None:
        self.woken.append((owner_id, conversation_id))
        self.wake(owner_id, conversation_id)
