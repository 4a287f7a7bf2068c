"""Readers of one stream, fast, slow and late: each gets every number once, in order."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID, uuid4

import pytest

from inference import protocol
from portal.streams import connection, events
from portal.streams.deltas import Delta
from portal.streams.events import ENTRIES_A_READ, MAX_PENDING_CHARS

pytestmark = pytest.mark.threat("C9")

PIECE = "0123456789" * 100
Deltas = AsyncGenerator[Delta, None]


@pytest.fixture
async def stream() -> AsyncIterator["Stream"]:
    stream = Stream(uuid4())
    yield stream
    await events.close()
    await connection.async_client().delete(protocol.events_key(stream.id))
    await connection.close()


class Stream:
    """A runner's side of one generation, in its first attempt."""

    def __init__(self, generation_id: UUID) -> None:
        self.id = generation_id
        self.text = ""
        self._number = 0

    def followed(self) -> Deltas:
        return events.follow(self.id, attempt=1, number=0)

    async def says(self, *texts: str) -> None:
        for text in texts:
            await self._publish(protocol.Piece(text=text))
            self.text += text

    async def ends(self) -> None:
        await self._publish(protocol.End(why="done"))

    async def _publish(self, event: protocol.Event) -> None:
        self._number += 1
        await connection.async_client().xadd(
            protocol.events_key(self.id),
            {protocol.EVENT_FIELD: protocol.encode(event)},
            id=protocol.event_id(1, self._number),
        )


async def read(deltas: Deltas, *, after: int = 0, chars: int | None = None) -> tuple[str, int]:
    """Text and last number, to the end or until so many characters are there."""
    text, number = "", after
    async for delta in deltas:
        assert delta.first == number + 1
        number = delta.last
        text += delta.text
        if chars is not None and len(text) >= chars:
            break
    return text, number


async def test_a_reader_too_slow_to_be_waited_for_reads_again_and_misses_nothing(
    stream: Stream,
) -> None:
    slow, quick = stream.followed(), stream.followed()
    await stream.says("first ")
    begun, number = await read(slow, chars=1)
    count = 3 * MAX_PENDING_CHARS // len(PIECE)
    assert count < ENTRIES_A_READ

    # Piece by piece, so that what waits for the slow one grows past its bound.
    heard, last = await read(quick, chars=1)
    for _ in range(count):
        await stream.says(PIECE)
        more, last = await read(quick, after=last, chars=1)
        heard += more
    await stream.ends()
    more, _ = await read(quick, after=last)

    assert heard + more == stream.text
    rest, _ = await read(slow, after=number)
    assert begun + rest == stream.text


async def test_a_late_reader_gets_a_long_stream_from_its_beginning_and_without_a_gap(
    stream: Stream,
) -> None:
    early, late = stream.followed(), stream.followed()
    await stream.says(*["word "] * (3 * ENTRIES_A_READ))
    heard, number = await read(early, chars=len(stream.text))

    begun, late_number = await read(late, chars=1)
    await stream.says("more")
    more, number = await read(early, after=number, chars=1)
    await stream.ends()

    rest, _ = await read(late, after=late_number)
    await read(early, after=number)
    assert begun + rest == heard + more == stream.text


async def test_a_reader_goes_on_from_her_number_after_the_connection_was_cut(
    stream: Stream,
) -> None:
    reading = stream.followed()
    await stream.says("first ")
    begun, number = await read(reading, chars=1)

    await connection.async_client().client_kill_filter(_type="normal", skipme=True)
    await stream.says("second ", "third")
    await stream.ends()

    rest, _ = await read(reading, after=number)
    assert begun + rest == stream.text == "first second third"


async def test_who_joins_while_the_process_waits_for_others_is_not_kept_waiting(
    stream: Stream,
) -> None:
    """One connection waits for all streams at once: it is woken to ask for one more."""
    silent = Stream(uuid4())
    waiting = asyncio.create_task(read(silent.followed(), chars=1))
    reading = stream.followed()
    await stream.says("at once")
    await stream.ends()

    heard, _ = await read(reading)

    assert heard == "at once"
    await silent.says("and then")
    await silent.ends()
    assert (await waiting)[0] == "and then"
    await connection.async_client().delete(protocol.events_key(silent.id))


async def test_a_line_that_was_closed_is_not_opened_again_silently() -> None:
    line = connection.Line()
    await line.open()
    assert await line.ask("PING") == b"PONG"

    await line.close()

    with pytest.raises(connection.AWAY):
        await line.ask("PING")
    await line.close()
