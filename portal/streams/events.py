"""Following generations as they are written: one reading task a process, any number of readers.

Not for the database and not for rights: whoever calls `follow` has asked access.py. Every reader
has one pending delta that grows while she is slow; past a bound it is dropped and she reads again
from Redis, from her own number, so memory stays flat whatever a tab does (threat C8).
"""

import asyncio
import logging
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from uuid import UUID

from inference import protocol
from portal.streams import tasks
from portal.streams.arrival import Arrival
from portal.streams.connection import AWAY, Line, async_client
from portal.streams.deltas import Delta, deltas
from portal.streams.transcript import Entry

log = logging.getLogger(__name__)

BLOCK_SECONDS = 1.0
# Few streams are passed on at once; from MANY_STREAMS on the process looks every PAUSE_SECONDS.
MANY_STREAMS = 32
PAUSE_SECONDS = 0.02
LINGER_SECONDS = 5.0
AWAY_SECONDS = 0.25
ENTRIES_A_READ = 200
MAX_PENDING_CHARS = 64_000
SILENCE_SECONDS = 10.0

Over = Callable[[], "Awaitable[Delta | None]"]


async def follow(
    generation_id: UUID, *, attempt: int, number: int, over: Over | None = None
) -> AsyncGenerator[Delta, None]:
    """Everything behind (attempt, number), as it comes; returns after the end.

    Slow callers get fewer, larger deltas. `over` is asked after a silence: it may know from the row
    that the generation has ended although its stream is gone.
    """
    following = Following(generation_id, attempt=attempt, number=number, over=over)
    try:
        while not following.is_over:
            delta = await following.next(within_seconds=SILENCE_SECONDS)
            if delta is not None:
                yield delta
    finally:
        following.leave()


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


class Following:
    """As `follow`, for whoever looks at the clock between two steps: giving up loses nothing.

    Must be left.
    """

    def __init__(
        self, generation_id: UUID, *, attempt: int, number: int, over: Over | None = None
    ) -> None:
        self._reader = Follower.of_this_loop().join(generation_id, attempt=attempt, number=number)
        self._over = over
        self._heard_at = asyncio.get_running_loop().time()
        self.is_over = False

    async def next(self, *, within_seconds: float) -> Delta | None:
        """What came, as one delta; None when nothing did in that time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_seconds
        while True:
            ask_at = self._heard_at + SILENCE_SECONDS
            delta = await self._reader.next(until=min(deadline, ask_at))
            if delta is None and loop.time() >= ask_at:
                self._heard_at = loop.time()
                delta = await self._over() if self._over is not None else None
            if delta is not None:
                self._heard_at = loop.time()
                self.is_over = delta.end is not None
                return delta
            if loop.time() >= deadline:
                return None

    def leave(self) -> None:
        self._reader.leave()


class Reader:
    """One reader's place in one stream. Made by `Follower.join`."""

    def __init__(self, stream: "_Stream", *, attempt: int, number: int, is_behind: bool) -> None:
        self._stream = stream
        self._delivered = (attempt, number)
        self._pending: Delta | None = None
        self._is_behind = is_behind
        self._arrived = Arrival()
        if is_behind:
            self._arrived.set()

    async def next(self, *, until: float) -> Delta | None:
        """None when nothing came until then, by the clock of this loop."""
        while await self._arrived.is_there(until):
            if self._is_behind:
                delta = await self._catch_up()
            else:
                delta, self._pending = self._pending, None
                self._arrived.clear()
            if delta is not None:
                self._delivered = (delta.attempt, delta.last)
                return delta
        return None

    def leave(self) -> None:
        self._arrived.forget()
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
        self._asked: dict[bytes, _Stream] = {}
        self._changed = asyncio.Event()
        self._connection_id: int | None = None
        self._waking: Line | None = None
        self._is_blocked = False

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
        elif self._is_blocked and (self._waker is None or self._waker.done()):
            self._waker = asyncio.create_task(self._unblock())

    async def _unblock(self) -> None:
        # More than once, since the first may reach Redis before the read it is meant for.
        while self._lacks_some() and self._connection_id is not None:
            try:
                if self._waking is None:
                    self._waking = await _opened()
                await self._waking.ask("CLIENT", "UNBLOCK", self._connection_id)
            except AWAY:
                await self._end_waking()
                return
            await asyncio.sleep(0.005)

    def _lacks_some(self) -> bool:
        """Whether it waits for Redis without having asked for every stream."""
        if not self._is_blocked:
            return False
        return any(self._asked.get(key) is not each for key, each in self._streams.items())

    async def _run(self) -> None:
        line: Line | None = None
        try:
            while await self._has_work():
                try:
                    if line is None:
                        line = await _opened()
                        self._connection_id = int(await line.ask("CLIENT", "ID"))
                    await self._read(line)
                except AWAY as error:
                    log.warning("following waits for Redis: %s", type(error).__name__)
                    await self._drop(line)
                    line = None
                    await asyncio.sleep(AWAY_SECONDS)
        finally:
            await self._drop(line)
            await self._end_waking()

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

    async def _drop(self, line: Line | None) -> None:
        self._connection_id = None
        if line is not None:
            await line.close()

    async def _end_waking(self) -> None:
        waking, self._waking = self._waking, None
        if waking is not None:
            await waking.close()

    async def _read(self, line: Line) -> None:
        if not self._streams:
            # The last reader left while we waited for Redis.
            return
        asked = self._asked = dict(self._streams)
        self._is_blocked = True
        try:
            answer = await line.ask(
                *("XREAD", "COUNT", ENTRIES_A_READ, "BLOCK", int(BLOCK_SECONDS * 1000), "STREAMS"),
                *asked,
                *(stream.newest_id for stream in asked.values()),
            )
        finally:
            self._is_blocked = False
        for key, entries in answer or ():
            # Somebody may have left and come back meanwhile, to another place than we asked for.
            if self._streams.get(key) is asked[key]:
                asked[key].spread([(entry_id, _fields(flat)) for entry_id, flat in entries])
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


async def _opened() -> Line:
    line = Line()
    try:
        await line.open()
    except BaseException:
        await line.close()
        raise
    return line


def _fields(flat: list[bytes]) -> dict[bytes, bytes]:
    """Names and values, which Redis sends in one row."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _chars(delta: Delta) -> int:
    return len(delta.text) + len(delta.thinking) + sum(len(c.arguments) for c in delta.calls)


_followers: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Follower]" = (
    weakref.WeakKeyDictionary()
)
