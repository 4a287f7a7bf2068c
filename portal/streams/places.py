"""Where waiting generations stand: place in the queue, or how far the model is loaded.

Not for the answer itself. One poll a second for all waiting generations of this process, in one
pipeline, whatever their number.
"""

import asyncio
import logging
import weakref
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from inference import protocol
from portal.streams import tasks
from portal.streams.connection import AWAY, async_client
from portal.streams.requests import decode_hosts

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`position` 1 is next, None where there is no order; `progress` from 0 to 1 while loading.

    `slots`: how many answers of that queue are made at once, as far as hosts say.
    """

    state: Literal["queued", "loading"]
    position: int | None = None
    progress: float | None = None
    slots: int = 0


async def watch(generation_id: UUID, *, queue: str) -> AsyncGenerator[Place, None]:
    """Each change of its place, until the caller has had enough."""
    places = _Places.of_this_loop()
    waiter = _Waiter(generation_id=generation_id, queue=queue)
    places.add(waiter)
    try:
        while True:
            await waiter.changed.wait()
            waiter.changed.clear()
            if waiter.place is not None:
                yield waiter.place
    finally:
        places.remove(waiter)


async def close() -> None:
    places = _all.pop(asyncio.get_running_loop(), None)
    if places is not None:
        await places.close()


class _Waiter:
    def __init__(self, *, generation_id: UUID, queue: str) -> None:
        self.generation_id = generation_id
        self.queue = queue
        self.place: Place | None = None
        self.changed = asyncio.Event()

    def offer(self, place: Place) -> None:
        if place != self.place:
            self.place = place
            self.changed.set()


class _Places:
    def __init__(self) -> None:
        self._waiters: set[_Waiter] = set()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of_this_loop(cls) -> "_Places":
        loop = asyncio.get_running_loop()
        if loop not in _all:
            _all[loop] = cls()
        return _all[loop]

    def add(self, waiter: _Waiter) -> None:
        self._waiters.add(waiter)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="streams.places")

    def remove(self, waiter: _Waiter) -> None:
        self._waiters.discard(waiter)

    async def close(self) -> None:
        self._waiters.clear()
        await tasks.end(self._task)

    async def _run(self) -> None:
        while self._waiters:
            try:
                await self._poll()
            except AWAY as error:
                log.warning("places wait for Redis: %s", type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)

    async def _poll(self) -> None:
        redis = async_client()
        waiters = list(self._waiters)
        hosts = sorted(str(host, "utf-8") for host in await redis.smembers(protocol.HOSTS))
        async with redis.pipeline(transaction=False) as pipeline:
            for waiter in waiters:
                pipeline.zrank(protocol.queue_key(waiter.queue), str(waiter.generation_id))
            for host in hosts:
                pipeline.get(protocol.host_key(host))
            answers = await pipeline.execute()
        states = decode_hosts(answers[len(waiters) :])
        loading, slots = loading_by_queue(states), slots_by_queue(states)
        for waiter, rank in zip(waiters, answers[: len(waiters)], strict=True):
            queue = waiter.queue
            waiter.offer(place_of(rank, progress=loading.get(queue), slots=slots.get(queue, 0)))


def loading_by_queue(states: Iterable[protocol.HostState]) -> dict[str, float]:
    """Queue → progress, for queues that have a loading runner and none that is ready."""
    loading: dict[str, float] = {}
    ready: set[str] = set()
    for state in states:
        for runner in state.runners:
            if runner.state == "ready":
                ready.add(runner.queue)
            elif runner.state == "loading":
                loading[runner.queue] = max(runner.progress, loading.get(runner.queue, 0.0))
    return {queue: progress for queue, progress in loading.items() if queue not in ready}


def slots_by_queue(states: Iterable[protocol.HostState]) -> dict[str, int]:
    """Queue → how many of its answers are made at once, on all hosts that have it ready."""
    slots: dict[str, int] = {}
    for state in states:
        for runner in state.runners:
            if runner.state == "ready":
                slots[runner.queue] = slots.get(runner.queue, 0) + runner.slots
    return slots


def place_of(rank: int | None, *, progress: float | None, slots: int = 0) -> Place:
    """Without a rank it is on its way to the queue or from it, and has not begun: still waiting."""
    if rank is None:
        return Place(state="queued")
    if progress is not None:
        return Place(state="loading", position=rank + 1, progress=progress)
    return Place(state="queued", position=rank + 1, slots=slots)


_all: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Places]" = weakref.WeakKeyDictionary()
