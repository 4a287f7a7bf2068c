"""What a runner reads from Redis: requests, stops, leases. Not for events, which go out.

Only this file and `outbox.py` import redis. Every call has a time limit; what a broken connection
may have done twice is harmless the second time.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from inference import faults, protocol

log = logging.getLogger(__name__)

Away = RedisError  # what callers catch: Redis is away, full or read-only; try again later
Misfit = ResponseError  # a key holds something of another kind than it should
Client = Redis

CALL_SECONDS = 5.0
CLAIM_TRIES = 3
READ_ENTRIES = 100
LANE_WIDTH = 1e12  # a score is lane * LANE_WIDTH + virtual time


def connect(url: str) -> Redis:
    """A client for one thread. A call that breaks is tried once more, then raises `RedisError`."""
    return Redis.from_url(
        url,
        socket_timeout=CALL_SECONDS,
        socket_connect_timeout=CALL_SECONDS,
        retry=Retry(pause(), 1),
        health_check_interval=0,
    )


def pause() -> ExponentialWithJitterBackoff:
    """How long to wait after the n-th failure in a row: from 20 ms, and never over a second."""
    return ExponentialWithJitterBackoff(base=0.02, cap=1.0)


def steady_wall(
    *, wall: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
) -> Callable[[], float]:
    """Unix seconds by which nothing is over because the machine's clock jumped (threat F18).

    Set forward, it goes on from where it was; set back, new requests count by the new time.
    """
    offset = wall() - clock()
    return lambda: min(wall(), clock() + offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A request that is ours under a lease. `first_number` is the number of our first event.

    `is_stopped` and `is_expired` say that it must end before it begins.
    """

    request: protocol.Request
    score: float
    first_number: int
    is_stopped: bool = False
    is_expired: bool = False


class Inbox:
    """Takes requests of one queue, one at a time."""

    def __init__(
        self,
        redis: Redis,
        *,
        queue: str,
        runner: str,
        lease_seconds: float,
        wall: Callable[[], float],
        about_to_claim: Callable[[protocol.Request], None],
    ) -> None:
        self._redis = redis
        self._queue = queue
        self._runner = runner
        self._lease_ms = max(1, round(lease_seconds * 1000))
        self._wall = wall
        self._about_to_claim = about_to_claim
        self._popped: tuple[bytes, float] | None = None
        self._virtual_time = 0.0

    def take(self, *, wait_seconds: float) -> Claim | None:
        """The next request, or None when there is none or it was not for us.

        Raises `RedisError` when Redis is away; a popped entry is remembered and tried again first.
        """
        if self._popped is None:
            answer = self._redis.bzpopmin(protocol.queue_key(self._queue), timeout=wait_seconds)
            if not answer:
                return None
            _, member, score = cast("tuple[bytes, bytes, float]", answer)
            self._popped = (member, float(score))
        member, score = self._popped
        claim = self._claim_surely(member, score=score)
        self._popped = None
        return claim

    def first_lane(self) -> int | None:
        """The lane of whoever would be taken next; None when nobody waits."""
        first = cast(
            "list[tuple[bytes, float]]",
            self._redis.zrange(protocol.queue_key(self._queue), 0, 0, withscores=True),
        )
        return int(first[0][1] // LANE_WIDTH) if first else None

    def put_back(self) -> None:
        """Return an entry that was popped and not claimed. Called when nothing more is taken."""
        if self._popped is not None:
            member, score = self._popped
            self._redis.zadd(protocol.queue_key(self._queue), {member: score}, nx=True)
            self._popped = None

    def _claim_surely(self, member: bytes, *, score: float) -> Claim | None:
        """Claim it, or bury it after the third unexpected error: none may stop the loop (G9)."""
        for _ in range(CLAIM_TRIES):
            try:
                return self._claim(member, score=score)
            except ResponseError as error:
                if "WRONGTYPE" not in str(error):
                    raise
            except RedisError:
                raise
            except Exception as error:  # noqa: BLE001 - the top of a loop that must not die
                log.error("claiming failed: %s", type(error).__name__)
        self._bury("cannot be claimed")
        return None

    def _claim(self, member: bytes, *, score: float) -> Claim | None:
        try:
            generation_id = UUID(member.decode("ascii"))
        except (ValueError, UnicodeDecodeError):
            self._bury("not an id")
            return None
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(protocol.request_key(generation_id))
            pipe.exists(protocol.stop_key(generation_id))
            pipe.xrevrange(protocol.events_key(generation_id), count=1)
            data, stop, top = pipe.execute()
        if data is None:  # withdrawn, or over already
            return None
        try:
            request = protocol.decode_request(data)
        except protocol.ProtocolError as error:
            self._bury(f"request: {error}")
            return None
        if request.generation_id != generation_id or request.model.queue != self._queue:
            self._bury("request: another generation or queue")
            return None
        number = _first_number(top, attempt=request.attempt)
        if number is None:
            log.warning("generation %s attempt %d came too late", generation_id, request.attempt)
            return None
        self._about_to_claim(request)
        if not self._lease(request, score=score):
            return None
        faults.at("request.taken")
        return Claim(
            request=request,
            score=score,
            first_number=number,
            is_stopped=bool(stop),
            is_expired=request.expires_at < self._wall(),
        )

    def _lease(self, request: protocol.Request, *, score: float) -> bool:
        """Whether the lease is ours. A later attempt takes it from an earlier one only."""
        key = protocol.lease_key(request.generation_id)
        value = protocol.lease_value(request.attempt, self._runner)
        virtual_time = score - protocol.LANES.index(request.lane) * LANE_WIDTH
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(key, value, nx=True, px=self._lease_ms)
            pipe.get(key)
            if virtual_time > self._virtual_time:
                self._virtual_time = virtual_time
                pipe.set(protocol.virtual_time_key(self._queue), repr(virtual_time))
            is_new, held, *_ = pipe.execute()
        if is_new or held == value.encode():
            return True
        attempt, _, _ = (held or b"0").partition(b":")
        if attempt.isdigit() and int(attempt) >= request.attempt:
            log.warning("generation %s is held by another runner", request.generation_id)
            return False
        self._redis.set(key, value, px=self._lease_ms)
        return True

    def _bury(self, reason: str) -> None:
        bury(self._redis, source=protocol.queue_key(self._queue), reason=reason)


class Keeper:
    """Keeps the leases of one runner alive, and hears who is to stop."""

    def __init__(self, redis: Redis, *, runner: str, lease_seconds: float) -> None:
        self._redis = redis
        self._runner = runner
        self._lease_ms = max(1, round(lease_seconds * 1000))
        self._control: bytes | None = None

    def hear_stops(self, *, wait_seconds: float) -> list[UUID]:
        """Whom somebody stopped since the last call; waits for one at most this long."""
        if self._control is None:
            self._control = last_id(self._redis, protocol.CONTROL)
        entries = read(self._redis, {protocol.CONTROL: self._control}, wait_seconds=wait_seconds)
        stopped: list[UUID] = []
        for _, (entry_id, fields) in entries:
            self._control = entry_id
            try:
                stopped.append(UUID(fields[b"stop"].decode("ascii")))
            except (KeyError, ValueError, UnicodeDecodeError):
                bury(self._redis, source=protocol.CONTROL, reason="not a stop")
        return stopped

    def renew(self, held: Mapping[UUID, int]) -> tuple[set[UUID], set[UUID]]:
        """Renew these leases (attempt by generation). Returns (lost, stopped).

        A lease that ran out with nobody after us is taken again, so that a pause of Redis costs no
        answer; the ids of the stream keep that safe. A foreign lease, a fenced stream, or a stream
        that vanished means lost.
        """
        lost: set[UUID] = set()
        stopped: set[UUID] = set()
        with self._redis.pipeline(transaction=False) as pipe:
            for generation_id, (lease, stop, top) in self._look(held).items():
                key = protocol.lease_key(generation_id)
                value = protocol.lease_value(held[generation_id], self._runner).encode()
                if lease == value:
                    pipe.pexpire(key, self._lease_ms)  # never SET: it may be another's by now
                elif lease is None and self._is_ours_still(top, attempt=held[generation_id]):
                    pipe.set(key, value, px=self._lease_ms, nx=True)
                else:
                    lost.add(generation_id)
                if stop:
                    stopped.add(generation_id)
            pipe.execute()
        faults.at("lease.renewed")
        return lost, stopped

    def _look(self, held: Mapping[UUID, int]) -> dict[UUID, tuple[bytes | None, int, Any]]:
        if not held:
            return {}
        with self._redis.pipeline(transaction=False) as pipe:
            for generation_id in held:
                pipe.get(protocol.lease_key(generation_id))
                pipe.exists(protocol.stop_key(generation_id))
                pipe.xrevrange(protocol.events_key(generation_id), count=1)
            found = pipe.execute()
        return {
            generation_id: (found[3 * n], found[3 * n + 1], found[3 * n + 2])
            for n, generation_id in enumerate(held)
        }

    @staticmethod
    def _is_ours_still(top: Any, *, attempt: int) -> bool:
        """Whether the newest event is of this attempt and not its end."""
        if not top or protocol.parse_event_id(top[0][0])[0] != attempt:
            return False
        return not isinstance(_event(top[0][1]), protocol.End)


def _first_number(top: Any, *, attempt: int) -> int | None:
    """The number our first event may have, or None when this attempt may not speak any more.

    An earlier taker of the same attempt may have left `Taken` and `Reading` there; text never.
    """
    if not top:
        return 1
    entry_id, fields = top[0]
    top_attempt, top_number = protocol.parse_event_id(entry_id)
    if top_attempt < attempt or (top_attempt == attempt and top_number == 0):
        return 1
    if top_attempt > attempt:
        return None
    is_text_free = isinstance(_event(fields), protocol.Taken | protocol.Reading)
    return top_number + 1 if is_text_free else None


def _event(fields: Mapping[bytes, bytes]) -> protocol.Event | None:
    try:
        return protocol.decode_event(fields.get(protocol.EVENT_FIELD, b""))
    except protocol.ProtocolError:
        return None


Entry = tuple[bytes, dict[bytes, bytes]]


def read(
    redis: Redis, after: Mapping[str, bytes], *, wait_seconds: float
) -> list[tuple[str, Entry]]:
    """New entries of these streams, each behind the id that is named with it."""
    answer: Any = redis.xread(
        cast("Any", dict(after)), count=READ_ENTRIES, block=max(1, round(wait_seconds * 1000))
    )
    if not answer:
        return []
    streams = answer.items() if isinstance(answer, dict) else answer
    return [(name.decode("ascii"), entry) for name, entries in streams for entry in entries]


def last_id(redis: Redis, stream: str) -> bytes:
    """Behind which all that comes is new."""
    top: Any = redis.xrevrange(stream, count=1)
    return cast("bytes", top[0][0]) if top else b"0-0"


def bury(redis: Redis, *, source: str, reason: str) -> None:
    """Note what could not be read, and nothing of what it held; then the loop goes on."""
    log.warning("dead letter from %s: %s", source, reason)
    redis.xadd(protocol.DEAD_LETTERS, {"from": source, "reason": reason}, maxlen=10_000)
