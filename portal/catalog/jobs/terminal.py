"""A job at a terminal: done here, shown as it goes. Not for what is done, nor for who may ask.

The command works on the job itself, so it needs no background worker; where one has it already, the
command watches. Ctrl-C ends the job unless others watch or want it; what has come is kept.
"""

import asyncio
import threading
from collections.abc import Mapping
from uuid import UUID

from django.db import connections
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from portal.catalog.jobs import acts
from portal.catalog.jobs.following import Ended, follow, watched
from portal.catalog.jobs.working import work
from portal.catalog.models import Job, JobState
from portal.streams import connection
from portal.streams.jobs import Line


def carried_out(kind: str, *, name: str, wants: Mapping[str, object], console: Console) -> Ended:
    """The end of this job, after every step of it was shown."""
    job = acts.start(None, kind, name=name, wants=wants, is_kept=False, is_sent=False)
    thread = threading.Thread(target=_work, args=(job.id,), name="job")
    thread.start()
    try:
        return asyncio.run(_shown(job, console=console))
    except KeyboardInterrupt:
        return Ended(state=JobState.CANCELLED)
    finally:
        thread.join()


def _work(job_id: UUID) -> None:
    try:
        work(job_id)
    finally:
        connections.close_all()


async def _shown(job: Job, *, console: Console) -> Ended:
    try:
        async with watched(job):
            return await _until_end(job, console=console)
    finally:
        await connection.close()


async def _until_end(job: Job, *, console: Console) -> Ended:
    with Bars(console) as bars:
        async for step in follow(job.id):
            if isinstance(step, Ended):
                return step
            bars.show(step)
    return Ended(state=JobState.CANCELLED)


class Bars:
    """A bar for each blob, with its rate and the time left; a line for every other step.

    Where nobody looks at it live, each step is one plain line, once.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: set[str] = set()
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            TaskProgressColumn(),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            SpinnerColumn(finished_text=" "),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, line: Line) -> None:
        if line.status not in self._seen and not (line.total and self._console.is_terminal):
            self._progress.console.print(line.status, highlight=False, markup=False)
        self._seen.add(line.status)
        # As in Ollama's own terminal, a line that says nothing of bytes yet makes no bar.
        if not line.completed:
            return
        if line.status not in self._tasks:
            self._tasks[line.status] = self._progress.add_task(f"{line.status}:", total=line.total)
        self._progress.update(self._tasks[line.status], completed=line.completed)
