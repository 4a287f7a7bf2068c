"""Keeps one part running: starts it, starts it again, ends it. Decides no order."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from portal.ops.child import Child, how_it_ended, launch
from portal.ops.journal import Journal
from portal.ops.parts import Part

LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 30.0


def pause_before_start(quick_deaths: int) -> float:
    """Seconds to wait: none after the first death, then half a second, doubling."""
    if quick_deaths <= 1:
        return 0.0
    return min(0.5 * 2.0 ** min(quick_deaths - 2, 10), LONGEST_PAUSE_SECONDS)


class Keeper:
    """One part, kept alive until `end` is called."""

    def __init__(
        self, part: Part, *, journal: Journal, before_start: Callable[[], None] | None = None
    ) -> None:
        self.part = part
        self._journal = journal
        self._before_start = before_start
        self._child: Child | None = None
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name=self.part.name)

    async def end(self) -> None:
        """Ask the part to end, and kill what is left of its session after `stop_seconds`."""
        self._ending.set()
        if self._task is None:
            return
        if self._child is not None:
            self._child.terminate()
        done, _ = await asyncio.wait({self._task}, timeout=self.part.stop_seconds)
        if not done:
            self._journal.say(
                f"{self.part.name} did not end within {self.part.stop_seconds:g} s and was killed"
            )
            self.kill()
        await self._task

    def kill(self) -> None:
        """The whole session of the part, at once."""
        self._ending.set()
        if self._child is not None:
            self._child.kill()

    async def _keep(self) -> None:
        quick_deaths = 0
        while not self._ending.is_set():
            begun = time.monotonic()
            return_code = await self._run_once()
            if self._ending.is_set():
                return
            is_steady = time.monotonic() - begun > STEADY_SECONDS
            quick_deaths = 1 if is_steady else quick_deaths + 1
            await self._pause(how_it_ended(return_code), seconds=pause_before_start(quick_deaths))

    async def _pause(self, ended: str, *, seconds: float) -> None:
        when = f"is started again in {seconds:g} s" if seconds else "started again"
        self._journal.say(f"{self.part.name} ended ({ended}); {when}")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), timeout=seconds or 0.01)

    async def _run_once(self) -> int:
        if self._before_start is not None:
            self._before_start()
        self._child = await launch(
            self.part.command,
            environment=self.part.environment,
            say=lambda line: self._journal.line(self.part.name, line),
        )
        if self._ending.is_set():  # asked to end while it was being started
            self._child.terminate()
        return await self._child.wait()
