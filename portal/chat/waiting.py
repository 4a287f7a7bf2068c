"""The place of an answer in its queue, told to one tab while nothing has been heard of it yet.

Not for the answer itself: the tab follows that.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, Protocol
from uuid import UUID

from inference.protocol import End
from portal.chat.estimates import Durations
from portal.streams import places
from portal.streams.tasks import end


class Tab(Protocol):
    """Who is told."""

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...

    async def show_place(
        self, generation_id: UUID, place: places.Place, *, seconds: int | None
    ) -> None: ...


class Waiting:
    """From `begin` until something is `heard`, and again when the attempt begins anew."""

    def __init__(self, tab: Tab, generation_id: UUID, queue: str) -> None:
        self._tab = tab
        self._generation_id = generation_id
        self._queue = queue
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = self._tab.start(self._tell())

    def heard(self, number: int, *, ended: End | None) -> None:
        if ended is not None:
            self._note(ended)
        # Number 0 says that the attempt begins anew: it stands in the queue again.
        if number == 0 and ended is None:
            self.begin()
        elif self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        await end(self._task)

    def _note(self, ended: End) -> None:
        """What this answer took says how long others will wait for theirs."""
        if ended.stats is not None:
            nanoseconds = ended.stats.prompt_ns + ended.stats.answer_ns
            _durations.note(self._queue, nanoseconds / 1e9)

    async def _tell(self) -> None:
        told = places.watch(self._generation_id, queue=self._queue)
        async with aclosing(told):
            async for place in told:
                seconds = _durations.wait_seconds(
                    self._queue, position=place.position, slots=place.slots
                )
                await self._tab.show_place(self._generation_id, place, seconds=seconds)


_durations = Durations()
