"""What a job says of itself while it runs: numbered lines, the present state, and who watches.

Not for states: the database has those. Redis may be away or come back empty; then watchers miss
some lines, and nothing else happens.
"""

import logging
import time
from collections.abc import Iterable
from uuid import UUID

import msgspec

from portal.streams.connection import AWAY, Refused, async_client, client

log = logging.getLogger(__name__)

KEPT_SECONDS = 3_600
KEPT_ENTRIES = 1_000
# A late watcher is shown this many lines at most: one for each layer, the newest ones.
MOST_PRESENT_LINES = 200
WATCHER_SECONDS = 15
AWAY_SECONDS = 5.0
SENT_SECONDS = 60
ENTRIES_A_READ = 200

_LINE, _OVER = "line", "over"
Place = tuple[int, int]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a job, as every watcher is shown it. Sizes in bytes; 0 means: nothing to say."""

    status: str
    digest: str = ""
    total: int = 0
    completed: int = 0


class _Present(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each line once with its newest figures, as they stand behind one entry of the stream."""

    attempt: int
    number: int
    lines: tuple[Line, ...] = ()


class Teller:
    """The voice of one attempt. Once a later one has spoken, or all is over, nobody hears it."""

    def __init__(self, job_id: UUID, *, attempt: int) -> None:
        self._job_id = job_id
        self._attempt = attempt
        self._number = 0
        self._lines: dict[tuple[str, str], Line] = {}
        self._silent_until = 0.0

    def tell(self, line: Line) -> None:
        """Say it to whoever watches. Never fails and never waits long: the work goes on without."""
        self._lines[line.status, line.digest] = line
        while len(self._lines) > MOST_PRESENT_LINES:
            del self._lines[next(iter(self._lines))]
        if time.monotonic() < self._silent_until:
            return
        self._number += 1
        try:
            self._send(line)
        except Refused as error:
            if "equal or smaller" not in str(error):
                raise
        except AWAY as error:
            log.warning("a job's progress is not told: %s", type(error).__name__)
            self._silent_until = time.monotonic() + AWAY_SECONDS

    def _send(self, line: Line) -> None:
        present = _Present(
            attempt=self._attempt, number=self._number, lines=tuple(self._lines.values())
        )
        with client().pipeline(transaction=True) as pipeline:
            pipeline.xadd(
                _lines_key(self._job_id),
                {_LINE: msgspec.json.encode(line)},
                id=f"{self._attempt}-{self._number}",
                maxlen=KEPT_ENTRIES,
                approximate=True,
            )
            pipeline.expire(_lines_key(self._job_id), KEPT_SECONDS)
            pipeline.set(_present_key(self._job_id), msgspec.json.encode(present), ex=KEPT_SECONDS)
            pipeline.execute()


def wake_watchers(job_id: UUID, *, attempt: int) -> None:
    """This attempt is over: watchers look at the row now, and hear no more of it."""
    try:
        client().xadd(_lines_key(job_id), {_OVER: "1"}, id=f"{attempt + 1}-0")
    except Refused:
        return  # Somebody said so before, or a later attempt has begun.
    except AWAY as error:
        log.warning("a job's end is not told: %s", type(error).__name__)


def forget(job_id: UUID) -> None:
    """The job begins anew; what was said of it before would only confuse."""
    try:
        client().delete(_lines_key(job_id), _present_key(job_id))
    except AWAY as error:
        log.warning("a job's old lines are still there: %s", type(error).__name__)


def present(job_ids: Iterable[UUID]) -> dict[UUID, tuple[Line, ...]]:
    """What each of these says at this moment; one round trip. The silent ones are left out."""
    wanted = list(job_ids)
    found = client().mget([_present_key(job_id) for job_id in wanted]) if wanted else []
    return {
        job_id: msgspec.json.decode(data, type=_Present).lines
        for job_id, data in zip(wanted, found, strict=True)
        if data is not None
    }


def mark_sent(job_id: UUID, *, again: bool) -> bool:
    """Whether a message about this job should go to the workers now; with `again`, not too often.

    Kept where the messages are: a Redis that comes back empty has lost both.
    """
    return bool(client().set(_sent_key(job_id), "1", ex=SENT_SECONDS, nx=again or None))


class Listener:
    """One watcher's place in what a job says. Not for knowing whether it is over: ask the row."""

    def __init__(self, job_id: UUID) -> None:
        self._job_id = job_id
        self._place: Place | None = None
        self._told: dict[tuple[str, str], Line] = {}
        self.has_heard_end = False

    async def next(self, *, block_seconds: float) -> list[Line]:
        """The present state first, then what comes. Nothing when nothing came in that time."""
        self.has_heard_end = False
        if self._place is None:
            return await self._catch_up()
        answer = await async_client().xread(
            {_lines_key(self._job_id): f"{self._place[0]}-{self._place[1]}"},
            count=ENTRIES_A_READ,
            block=max(1, int(block_seconds * 1000)),
        )
        lines: list[Line] = []
        for entry_id, fields in answer[0][1] if answer else ():
            place = _place_of(entry_id)
            if not _follows(place, self._place):
                lines += await self._catch_up()
            if place <= self._place:
                continue
            self._place = place
            if (line := _line_of(fields)) is None:
                self.has_heard_end = True
            else:
                lines += self._noted([line])
        return lines

    async def _catch_up(self) -> list[Line]:
        data = await async_client().get(_present_key(self._job_id))
        self._place = self._place or (0, 0)
        if data is None:
            return []
        present = msgspec.json.decode(data, type=_Present)
        self._place = max(self._place, (present.attempt, present.number))
        return self._noted(
            [line for line in present.lines if self._told.get((line.status, line.digest)) != line]
        )

    def _noted(self, lines: list[Line]) -> list[Line]:
        self._told.update({(line.status, line.digest): line for line in lines})
        return lines


async def watch(job_id: UUID, watcher: str) -> None:
    """Somebody watches, for whom the job may be stopped when she goes. Say so again and again."""
    async with async_client().pipeline(transaction=True) as pipeline:
        pipeline.sadd(_watchers_key(job_id), watcher)
        pipeline.expire(_watchers_key(job_id), KEPT_SECONDS)
        pipeline.set(_watcher_key(watcher), "1", ex=WATCHER_SECONDS)
        await pipeline.execute()


async def leave(job_id: UUID, watcher: str) -> int:
    """She went. How many others watch."""
    redis = async_client()
    await redis.srem(_watchers_key(job_id), watcher)
    await redis.delete(_watcher_key(watcher))
    others = [str(each, "ascii") for each in await redis.smembers(_watchers_key(job_id))]
    return int(await redis.exists(*map(_watcher_key, others))) if others else 0


def _follows(place: Place, before: Place) -> bool:
    """False when entries between the two were trimmed before they were read."""
    if place[0] == before[0]:
        return place[1] == before[1] + 1
    return place[1] <= 1


def _place_of(entry_id: bytes) -> Place:
    attempt, _, number = entry_id.partition(b"-")
    return int(attempt), int(number)


def _line_of(fields: dict[bytes, bytes]) -> Line | None:
    data = fields.get(_LINE.encode())
    return None if data is None else msgspec.json.decode(data, type=Line)


def _lines_key(job_id: UUID) -> str:
    return f"portal:job:{job_id}:lines"


def _present_key(job_id: UUID) -> str:
    return f"portal:job:{job_id}:present"


def _sent_key(job_id: UUID) -> str:
    return f"portal:job:{job_id}:sent"


def _watchers_key(job_id: UUID) -> str:
    return f"portal:job:{job_id}:watchers"


def _watcher_key(watcher: str) -> str:
    return f"portal:watcher:{watcher}"
