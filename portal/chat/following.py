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
from portal.streams.events import Delta

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
    if generation.is_over:
        ended = end_from_row(generation)
        if (attempt, number + 1) >= (ended.attempt, ended.last):
            yield ended
            return
        if not await events.exists(generation.id):
            yield ended
            return
    over = partial(_end_if_over, generation.id)
    async for delta in events.follow(generation.id, attempt=attempt, number=number, over=over):
        yield delta


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
