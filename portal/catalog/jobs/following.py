"""A job as it is watched: what there is, what comes, how it ended. The same lines for everybody.

Not for rights: whoever calls `follow` has asked. Redis tells the lines; the row tells the end, so a
Redis that is away delays lines and nothing else.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from uuid import UUID

from channels.db import database_sync_to_async

from portal.catalog.jobs import acts, failures
from portal.catalog.models import OPEN_JOBS, Job, JobState
from portal.streams import jobs as streams
from portal.streams.connection import AWAY
from portal.streams.jobs import Line
from portal.streams.tasks import end_if_cancelled

LOOK_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
# What no attempt says: a watcher is told that time passes.
WAITING = Line(status="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The last of what a watcher is told. Texts are empty unless it failed."""

    state: JobState
    sentence: str = ""
    contract_text: str = ""
    contract_status: int = 500


Progress = Line | Ended


async def follow(
    job_id: UUID, *, heartbeat_seconds: float | None = None
) -> AsyncGenerator[Progress, None]:
    """The present state, then every line as it comes, then how it ended. A job that is gone has
    been cancelled.

    With `heartbeat_seconds`, `WAITING` comes whenever so long nothing did.
    """
    listener = streams.Listener(job_id)
    loop = asyncio.get_running_loop()
    quiet_since = loop.time()
    while True:
        end_if_cancelled()
        lines = await _heard(listener)
        for line in lines:
            yield line
        if lines:
            quiet_since = loop.time()
        if listener.has_heard_end or not lines:
            ended = await database_sync_to_async(_end_of)(job_id)
            if ended is not None:
                for line in await _heard(listener, block_seconds=0.001):
                    yield line
                yield ended
                return
        if heartbeat_seconds is not None and loop.time() - quiet_since >= heartbeat_seconds:
            quiet_since = loop.time()
            yield WAITING


@contextlib.asynccontextmanager
async def watched(job: Job) -> "AsyncGenerator[None, None]":
    """While this lasts somebody watches. When the last one leaves, a job that is not kept ends."""
    watcher = uuid.uuid4().hex
    task = asyncio.create_task(_keep_watching(job.id, watcher))
    try:
        yield
    finally:
        await asyncio.shield(_leave(job.id, watcher, task))


async def _keep_watching(job_id: UUID, watcher: str) -> None:
    while True:
        with contextlib.suppress(*AWAY):
            await streams.watch(job_id, watcher)
        await asyncio.sleep(streams.WATCHER_SECONDS / 3)


async def _leave(job_id: UUID, watcher: str, task: "asyncio.Task[None]") -> None:
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.05)
    try:
        others = await streams.leave(job_id, watcher)
    except AWAY:
        # Nobody can say who else watches; the work goes on, which harms nothing.
        return
    if not others:
        await database_sync_to_async(acts.cancel_unless_kept)(job_id)


async def _heard(listener: streams.Listener, *, block_seconds: float = LOOK_SECONDS) -> list[Line]:
    try:
        return await listener.next(block_seconds=block_seconds)
    except AWAY:
        await asyncio.sleep(block_seconds)
        return []


def _end_of(job_id: UUID) -> Ended | None:
    job = Job.objects.filter(id=job_id).first()
    if job is None:
        return Ended(state=JobState.CANCELLED)
    if job.state in OPEN_JOBS:
        return None
    return Ended(
        state=JobState(job.state),
        sentence=failures.sentence_about(job),
        contract_text=job.contract_text,
        contract_status=job.contract_status,
    )
