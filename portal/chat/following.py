"""Following one generation to its end, whether its stream still exists or only its row. Asks no
rights.

Use this wherever a person or a program waits for an answer; events.py alone cannot know that a
stream is gone because everything in it was recorded long ago.
"""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Literal
from uuid import UUID

import msgspec
from channels.db import database_sync_to_async

from inference import protocol
from portal.chat.models import Generation, State
from portal.streams import events
from portal.streams.deltas import Delta

Why = Literal["done", "length", "stopped", "failed", "interrupted"]
_WHY_BY_STATE: dict[str, Why] = {
    State.COMPLETE: "done",
    State.STOPPED: "stopped",
    State.FAILED: "failed",
    State.INTERRUPTED: "interrupted",
}


async def follow(
    generation: Generation, *, attempt: int, number: int
) -> AsyncGenerator[Delta, None]:
    """Everything behind (attempt, number), as it comes; returns after the end. `generation` is
    fresh."""
    following = Following(generation, attempt=attempt, number=number)
    try:
        while not following.is_over:
            delta = await following.next(within_seconds=events.SILENCE_SECONDS)
            if delta is not None:
                yield delta
    finally:
        following.leave()


class Following:
    """As `follow`, for whoever looks at the clock between two steps: giving up loses nothing.

    Must be left.
    """

    def __init__(self, generation: Generation, *, attempt: int, number: int) -> None:
        self._generation = generation
        self._place = (attempt, number)
        self._events: events.Following | None = None
        self.is_over = False

    async def next(self, *, within_seconds: float) -> Delta | None:
        """What came, as one delta; None when nothing did in that time."""
        if self._events is None:
            ended = await self._ended()
            if ended is not None:
                self.is_over = True
                return ended
            self._events = self._opened()
        delta = await self._events.next(within_seconds=within_seconds)
        self.is_over = self._events.is_over
        return delta

    def leave(self) -> None:
        if self._events is not None:
            self._events.leave()

    def _opened(self) -> events.Following:
        attempt, number = self._place
        over = partial(_end_if_over, self._generation.id)
        return events.Following(self._generation.id, attempt=attempt, number=number, over=over)

    async def _ended(self) -> Delta | None:
        """Its end, where nothing else is left to be read."""
        if not self._generation.is_over:
            return None
        ended = end_from_row(self._generation)
        attempt, number = self._place
        if (attempt, number + 1) >= (ended.attempt, ended.last):
            return ended
        return None if await events.exists(self._generation.id) else ended


def end_from_row(generation: Generation) -> Delta:
    """The last event, as the row knows it. For a reader who has less than that it is a gap, so she
    reads the conversation again and finds the whole text."""
    return Delta(
        attempt=generation.attempt,
        first=generation.recorded_number,
        last=generation.recorded_number,
        end=protocol.End(
            why=_why(generation),
            detail="" if generation.reason == "length" else generation.reason,
            stats=msgspec.convert(generation.stats, protocol.Stats) if generation.stats else None,
        ),
    )


def _why(generation: Generation) -> Why:
    is_length = generation.state == State.COMPLETE and generation.reason == "length"
    return "length" if is_length else _WHY_BY_STATE[generation.state]


async def _end_if_over(generation_id: UUID) -> Delta | None:
    row = await database_sync_to_async(Generation.objects.get)(id=generation_id)
    return end_from_row(row) if row.is_over else None
