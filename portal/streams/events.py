"""Following generations as they are written: one reading task a process, any number of readers.

Not for the database and not for rights: whoever calls `follow` has asked access.py. Every reader
has one pending delta that grows while she is slow; past a bound it is dropped and she reads again
from Redis, from her own number, so memory stays flat whatever a tab does (threat C8).
"""

import asyncio
import logging
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from inference import protocol
from portal.streams import tasks
from portal.streams.connection import AWAY, AsyncClient, async_client, lone_client
from portal.streams.transcript import Entry, placed, read_event

log = logging.getLogger(__name__)

BLOCK_SECONDS = 1.0
# Few streams are passed on at once; from MANY_STREAMS on the process looks every PAUSE_SECONDS.
MANY_STREAMS = 8
PAUSE_SECONDS = 0.02
LINGER_SECONDS = 5.0
AWAY_SECONDS = 0.25
ENTRIES_A_READ = 200
MAX_PENDING_CHARS = 64_000
SILENCE_SECONDS = 10.0

Over = Callable[[], "Awaitable[Delta | None]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """Events `first` to `last` of one attempt, as one step for whoever shows them."""

    attempt: int
    first: int
    last: int
    text: str = ""
    thinking: str = ""
    state: Literal["reading", "writing"] | None = None
    read_fraction: float | None = None
    logprobs: tuple[protocol.TokenLogprob, ...] = ()
    calls: tuple[protocol.ToolCall, ...] = ()
    results: tuple[protocol.Vectors | protocol.Scores, ...] = ()
    end: protocol.End | None = None

    def and_then(self, later: "Delta") -> "Delta":
        """Both as one. A later attempt makes this one void."""
        if later.attempt != self.attempt:
            return later
        return Delta(
            attempt=self.attempt,
            first=self.first,
            last=later.last,
            text=self.text + later.text,
            thinking=self.thinking + later.thinking,
            state=later.state or self.state,
            read_fraction=later.read_fraction if later.state else self.read_fraction,
            logprobs=self.logprobs + later.logprobs,
            calls=self.calls + later.calls,
            results=self.results + later.results,
            end=later.end,
        )


async def follow(
    generation_id: UUID, *, attempt: int, number: int, over: Over | None = None
) -> AsyncGenerator[Delta, None]:
    """Everything behind (attempt, number), as it comes; returns after the end.

    Slow callers get fewer, larger deltas. `over` is asked after a silence: it may know from the row
    that the generation has ended although its stream is gone.
    """
    reader = Follower.of_this_loop().join(generation_id, attempt=attempt, number=number)
    try:
        while True:
            delta = await _next_or_over(reader, over)
            if delta is None:
                continue
            yield delta
            if delta.end is not None:
                return
    finally:
        reader.leave()


async def exists(generation_id: UUID) -> bool:
    """False when its stream is gone, and also when nobody can say, for then no event can come."""
    try:
        return bool(await async_client().exists(protocol.events_key(generation_id)))
    except AWAY:
        return False


async def close() -> None:
    """End this loop's reading task; whoever still follows hears nothing more."""
    follower = _followers.pop(asyncio.get_running_loop(), None)
    if follower is not None:
        await follower.close()


class Reader:
    """One reader's place in one stream. Made by `Follower.join`."""

    def __init__(self, stream: "_Stream", *, attempt: int, number: int, is_behind: bool) -> None:
        self._stream = stream
        self._delivered = (attempt, number)
        self._pending: Delta | None = None
        self._is_behind = is_behind
        self._arrived = asyncio.Event()
        if is_behind:
            self._arrived.set()

    async def next(self) -> Delta:
        while True:
            await self._arrived.wait()
            if self._is_behind:
                delta = await self._catch_up()
            else:
                delta, self._pending = self._pending, None
                self._arrived.clear()
            if delta is not None:
                self._delivered = (delta.attempt, delta.last)
                return delta

    def leave(self) -> None:
        self._stream.leave(self)

    def offer(self, delta: Delta) -> None:
        """Called by the follower, for all readers of the stream alike."""
        if self._is_behind:
            return
        pending = self._pending
        attempt, number = (pending.attempt, pending.last) if pending else self._delivered
        if (delta.attempt, delta.last) <= (attempt, number):
            return
        overlaps = delta.attempt == attempt and delta.first <= number
        is_full = pending is not None and _chars(pending) + _chars(delta) > MAX_PENDING_CHARS
        if overlaps or is_full:
            self._is_behind, self._pending = True, None
        else:
            self._pending = pending.and_then(delta) if pending else delta
        self._arrived.set()

    async def _catch_up(self) -> Delta | None:
        self._start_anew(is_behind=False)
        try:
            entries = await async_client().xrange(
                self._stream.key,
                min=f"({protocol.event_id(*self._delivered)}",
                count=ENTRIES_A_READ,
            )
        except AWAY:
            await asyncio.sleep(AWAY_SECONDS)
            entries, is_behind = [], True
        else:
            is_behind = len(entries) == ENTRIES_A_READ
        caught_up = deltas(entries, after=self._delivered)
        # What arrived meanwhile may stand in both; `offer` compared it with an older number.
        if is_behind or (caught_up and self._pending is not None):
            self._start_anew(is_behind=True)
        return caught_up[-1] if caught_up else None

    def _start_anew(self, *, is_behind: bool) -> None:
        self._is_behind, self._pending = is_behind, None
        if is_behind:
            self._arrived.set()
        else:
            self._arrived.clear()


class Follower:
    """Reads all followed streams of this event loop on one connection."""

    def __init__(self) -> None:
        self._streams: dict[bytes, _Stream] = {}
        self._task: asyncio.Task[None] | None = None
        self._waker: asyncio.Task[None] | None = None
        self._round = 0
        self._changed = asyncio.Event()
        self._connection_id: int | None = None

    @classmethod
    def of_this_loop(cls) -> "Follower":
        loop = asyncio.get_running_loop()
        if loop not in _followers:
            _followers[loop] = cls()
        return _followers[loop]

    @property
    def followed_count(self) -> int:
        return len(self._streams)

    def join(self, generation_id: UUID, *, attempt: int, number: int) -> Reader:
        key = protocol.events_key(generation_id)
        stream = self._streams.get(key.encode())
        is_new = stream is None
        if stream is None:
            stream = _Stream(self, key, attempt=attempt, number=number)
            self._streams[key.encode()] = stream
        reader = Reader(stream, attempt=attempt, number=number, is_behind=not is_new)
        stream.readers.add(reader)
        if is_new:
            self._wake()
        return reader

    def forget(self, stream: "_Stream") -> None:
        self._streams.pop(stream.key.encode(), None)

    async def close(self) -> None:
        self._streams.clear()
        await tasks.end(self._task, self._waker)

    def _wake(self) -> None:
        """Make the reading task look at its set of streams again."""
        self._changed.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="streams.events")
        elif self._connection_id is not None and (self._waker is None or self._waker.done()):
            self._waker = asyncio.create_task(self._unblock(self._round))

    async def _unblock(self, blocked_round: int) -> None:
        # More than once, since the first may reach Redis before the read it is meant for.
        while self._round == blocked_round and self._connection_id is not None:
            try:
                await async_client().client_unblock(self._connection_id)
            except AWAY:
                return
            await asyncio.sleep(0.005)

    async def _run(self) -> None:
        redis: AsyncClient | None = None
        try:
            while await self._has_work():
                try:
                    if redis is None:
                        redis = lone_client()
                        self._connection_id = await redis.client_id()
                    await self._read(redis)
                except AWAY as error:
                    log.warning("following waits for Redis: %s", type(error).__name__)
                    await self._drop(redis)
                    redis = None
                    await asyncio.sleep(AWAY_SECONDS)
        finally:
            await self._drop(redis)

    async def _has_work(self) -> bool:
        """False after nothing was followed for a while: then the task may end."""
        if self._streams:
            return True
        self._changed.clear()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            pass
        return bool(self._streams)

    async def _drop(self, redis: AsyncClient | None) -> None:
        self._connection_id = None
        if redis is not None:
            await redis.aclose()

    async def _read(self, redis: AsyncClient) -> None:
        self._round += 1
        if not self._streams:
            # The last reader left while we waited for Redis.
            return
        asked = dict(self._streams)
        answer = await redis.xread(
            {stream.key: stream.newest_id for stream in asked.values()},
            count=ENTRIES_A_READ,
            block=int(BLOCK_SECONDS * 1000),
        )
        for key, entries in answer or ():
            # Somebody may have left and come back meanwhile, to another place than we asked for.
            if self._streams.get(key) is asked[key]:
                asked[key].spread(entries)
        if len(self._streams) >= MANY_STREAMS:
            await asyncio.sleep(PAUSE_SECONDS)


class _Stream:
    """One followed stream: how far the process has read it, and for whom."""

    def __init__(self, follower: Follower, key: str, *, attempt: int, number: int) -> None:
        self.key = key
        self.newest_id = protocol.event_id(attempt, number)
        self.readers: set[Reader] = set()
        self._place = (attempt, number)
        self._follower = follower

    def spread(self, entries: list[Entry]) -> None:
        if not entries:
            return
        self.newest_id = entries[-1][0].decode("ascii")
        for delta in deltas(entries, after=self._place):
            self._place = (delta.attempt, delta.last)
            for reader in self.readers:
                reader.offer(delta)

    def leave(self, reader: Reader) -> None:
        self.readers.discard(reader)
        if not self.readers:
            self._follower.forget(self)


def deltas(entries: Iterable[Entry], *, after: tuple[int, int]) -> list[Delta]:
    """Entries in order as the fewest deltas: one an attempt."""
    found: list[Delta] = []
    place = after
    for entry_id, fields in entries:
        event = read_event(fields)
        attempt, number = placed(entry_id, event, after=place)
        place = (attempt, number)
        delta = _delta(attempt, number, event)
        if found and found[-1].attempt == attempt:
            found[-1] = found[-1].and_then(delta)
        else:
            found.append(delta)
    return found


def _delta(attempt: int, number: int, event: protocol.Event | None) -> Delta:
    match event:
        case protocol.Piece(text=text, kind=kind, logprobs=logprobs):
            is_thinking = kind == "thinking"
            return Delta(
                attempt=attempt,
                first=number,
                last=number,
                text="" if is_thinking else text,
                thinking=text if is_thinking else "",
                state="writing",
                logprobs=logprobs,
            )
        case protocol.Called(call=call):
            return Delta(attempt=attempt, first=number, last=number, state="writing", calls=(call,))
        case protocol.Vectors() | protocol.Scores():
            return Delta(
                attempt=attempt, first=number, last=number, state="writing", results=(event,)
            )
        case protocol.Reading():
            fraction = event.read_tokens / event.prompt_tokens if event.prompt_tokens else None
            return Delta(
                attempt=attempt,
                first=number,
                last=number,
                state="reading",
                read_fraction=None if fraction is None else min(fraction, 1.0),
            )
        case protocol.Taken():
            # Number 0 is the portal's own mark that the attempt was given up: waiting again.
            state: Literal["reading"] | None = "reading" if number else None
            return Delta(attempt=attempt, first=number, last=number, state=state)
        case _:
            return Delta(attempt=attempt, first=number, last=number, end=event)


async def _next_or_over(reader: Reader, over: Over | None) -> Delta | None:
    if over is None:
        return await reader.next()
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            return await reader.next()
    except TimeoutError:
        return await over()


def _chars(delta: Delta) -> int:
    return len(delta.text) + len(delta.thinking) + sum(len(c.arguments) for c in delta.calls)


_followers: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Follower]" = (
    weakref.WeakKeyDictionary()
)
