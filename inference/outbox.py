"""What the worker writes to Redis: numbered events, ends, host reports, deaths.

Only this file and `inbox.py` import redis. Nothing here blocks the engine: the runner puts, a
thread sends. An event keeps its number and its bytes until Redis has it or has refused it, so
sending it again after a broken connection is harmless.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from inference import faults, protocol, waiting
from inference.inbox import pause
from inference.pacing import Pace, Pauses
from inference.waiting import HandBack, Sendable

log = logging.getLogger(__name__)

MAX_WAITING_BYTES = 4 * 1024 * 1024
MAX_ENTRIES = 512
MAX_DEATHS = 1_000
HOST_SECONDS = 5
# More than this of one answer, and the pieces that wait become one.
MAX_WAITING_PIECES = 64


@dataclass(slots=True, kw_only=True)
class _Stream:
    """One attempt's events that are not sent yet; those that can wait do so until `due_at`.

    At 0.0 everything that waits is due.
    """

    attempt: int
    number: int
    pace: Pace
    due_at: float = 0.0
    has_spoken: bool = False
    waiting: deque[Sendable] = field(default_factory=deque)

    def may_wait(self, event: Sendable) -> bool:
        """Whether nobody misses it for a moment: progress, and text after the first."""
        is_first = isinstance(event, protocol.Piece) and not self.has_spoken
        self.has_spoken = self.has_spoken or is_first
        return isinstance(event, protocol.Piece | protocol.Reading) and not is_first

    def keep(self, event: Sendable) -> int:
        """Bytes that this one adds. Pieces stay apart, so that they can leave one by one."""
        last = self.waiting[-1] if self.waiting else None
        is_apart = isinstance(event, protocol.Piece) and len(self.waiting) < MAX_WAITING_PIECES
        both = None if is_apart else waiting.merged(last, event)
        if both is None or last is None:
            self.waiting.append(event)
            return waiting.size(event)
        self.waiting[-1] = both
        return waiting.size(both) - waiting.size(last)

    def take(self, now: float) -> list[Sendable]:
        """What leaves now, in as few events as say the same; the rest waits for `due_at`."""
        count, after_seconds = self.pace.leaving(len(self.waiting))
        if self.due_at == 0.0:
            count = len(self.waiting)
        self.due_at = now + after_seconds
        return [self.waiting.popleft() for _ in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    generation_id: UUID
    attempt: int
    number: int
    data: bytes
    is_end: bool
    hand_back: HandBack | None = None


class Outbox:
    """One runner's event streams. `on_gone` hears of each attempt that ended or was refused."""

    def __init__(
        self,
        redis: Redis,
        *,
        on_gone: Callable[[UUID, int, bool], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._on_gone = on_gone
        self._clock = clock
        self._streams: dict[UUID, _Stream] = {}
        self._ready: dict[UUID, None] = {}  # an ordered set
        self._sending: list[_Entry] = []
        self._bytes = 0
        self._pauses = Pauses()
        self._looks_at = 0.0  # when the sender looks again by itself
        self._changed = threading.Condition()

    def open(self, generation_id: UUID, *, attempt: int, number: int) -> None:
        """Begin an attempt, with this number. What an earlier one left is dropped."""
        with self._changed:
            self._forget(generation_id)
            pace = Pace(pauses=self._pauses)
            self._streams[generation_id] = _Stream(attempt=attempt, number=number, pace=pace)

    def put(self, generation_id: UUID, event: Sendable) -> None:
        """Keep this for sending; `flush` wakes the sender. Of an unknown generation: dropped."""
        with self._changed:
            stream = self._streams.get(generation_id)
            if stream is None:
                return
            if isinstance(event, protocol.Piece):
                stream.pace.heard(self._clock())
            if not stream.may_wait(event):
                stream.due_at = 0.0
            self._bytes += stream.keep(event)
            self._ready[generation_id] = None

    def flush(self) -> None:
        """Wake the sender, if there is anything that cannot wait until it looks by itself."""
        with self._changed:
            soonest = self._soonest()
            if soonest is not None and soonest < self._looks_at:
                self._changed.notify_all()

    def drop(self, generation_id: UUID, *, attempt: int) -> None:
        """Say nothing more in this attempt."""
        with self._changed:
            stream = self._streams.get(generation_id)
            if stream is not None and stream.attempt == attempt:
                self._forget(generation_id)
            self._changed.notify_all()

    @property
    def is_full(self) -> bool:
        """Then the engine must wait: Redis is away or slow, and nothing may be lost."""
        with self._changed:
            return self._bytes >= MAX_WAITING_BYTES

    @property
    def is_empty(self) -> bool:
        with self._changed:
            return not self._ready and not self._sending

    def wait_for_room(self, *, wait_seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < MAX_WAITING_BYTES, timeout=wait_seconds)

    def run(self, is_over: threading.Event) -> None:
        """The sender's loop, in a thread of its own, until `is_over`."""
        backoff, failures = pause(), 0
        while not is_over.is_set():
            if not self._sending and not self._load(wait_seconds=0.2):
                continue
            try:
                self._send()
            except RedisError as error:
                failures += 1
                log.warning(
                    "events wait for Redis: %s (failure %d)", type(error).__name__, failures
                )
                is_over.wait(backoff.compute(failures))
            else:
                failures = 0

    def _forget(self, generation_id: UUID) -> None:
        stream = self._streams.pop(generation_id, None)
        if stream is not None:
            self._bytes -= sum(waiting.size(event) for event in stream.waiting)
        self._ready.pop(generation_id, None)

    def _soonest(self) -> float | None:
        return min((self._streams[each].due_at for each in self._ready), default=None)

    def _load(self, *, wait_seconds: float) -> bool:
        """Move what is due to `_sending`, numbered. False when nothing is."""
        with self._changed:
            now, soonest = self._clock(), self._soonest()
            if soonest is None or soonest > now:
                if soonest is not None:
                    wait_seconds = min(wait_seconds, soonest - now)
                self._looks_at = now + wait_seconds
                self._changed.wait(timeout=wait_seconds)
                self._looks_at = 0.0
                return False
            due = [each for each in self._ready if self._streams[each].due_at <= now]
            for generation_id in due:
                if len(self._sending) >= MAX_ENTRIES:
                    break
                stream = self._streams[generation_id]
                self._load_stream(generation_id, stream, now=now)
                if not stream.waiting:
                    del self._ready[generation_id]
        return True

    def _load_stream(self, generation_id: UUID, stream: _Stream, *, now: float) -> None:
        leaving = stream.take(now)
        self._bytes -= sum(map(waiting.size, leaving))
        for event in waiting.joined(leaving):
            is_hand_back = isinstance(event, HandBack)
            self._sending.append(
                _Entry(
                    generation_id=generation_id,
                    attempt=stream.attempt,
                    number=stream.number,
                    data=b"" if isinstance(event, HandBack) else protocol.encode(event),
                    is_end=isinstance(event, protocol.End),
                    hand_back=event if isinstance(event, HandBack) else None,
                )
            )
            stream.number += 0 if is_hand_back else 1

    def _send(self) -> None:
        """Everything in `_sending` is in Redis, or refused for good, when this returns.

        One transaction: when Redis is full or read-only, it refuses all of it at once, and no later
        event can slip in before an earlier one.
        """
        with self._changed:
            self._sending = [entry for entry in self._sending if self._is_wanted(entry)]
        events = [entry for entry in self._sending if entry.hand_back is None]
        refused: set[tuple[UUID, int]] = set()
        if events:
            with self._redis.pipeline(transaction=True) as pipe:
                for entry in events:
                    pipe.xadd(
                        protocol.events_key(entry.generation_id),
                        {protocol.EVENT_FIELD: entry.data},
                        id=protocol.event_id(entry.attempt, entry.number),
                        nomkstream=entry.number > 1,  # a stream that vanished must not go on
                    )
                answers = pipe.execute(raise_on_error=False)
            refused = self._refused(events, answers)
            faults.at("piece.published")
        self._close([entry for entry in self._sending if entry.is_end], refused=refused)
        self._hand_back([entry for entry in self._sending if entry.hand_back], refused=refused)
        with self._changed:
            self._sending = []
            self._changed.notify_all()
        for generation_id, attempt in refused:
            log.warning("generation %s attempt %d was closed by others", generation_id, attempt)
            self.drop(generation_id, attempt=attempt)
            self._on_gone(generation_id, attempt, False)

    def _is_wanted(self, entry: _Entry) -> bool:
        stream = self._streams.get(entry.generation_id)
        return stream is not None and stream.attempt == entry.attempt

    def _refused(self, events: Sequence[_Entry], answers: Sequence[Any]) -> set[tuple[UUID, int]]:
        refused: set[tuple[UUID, int]] = set()
        for entry, answer in zip(events, answers, strict=True):
            if answer is None or (isinstance(answer, ResponseError) and not self._is_there(entry)):
                refused.add((entry.generation_id, entry.attempt))
            elif isinstance(answer, Exception) and not isinstance(answer, ResponseError):
                raise answer
        return refused

    def _is_there(self, entry: _Entry) -> bool:
        """Whether exactly this event was written before, by us, on a connection that broke."""
        entry_id = protocol.event_id(entry.attempt, entry.number)
        try:
            found: Any = self._redis.xrange(
                protocol.events_key(entry.generation_id), min=entry_id, max=entry_id
            )
        except ResponseError:  # the key is no stream: nothing of ours
            return False
        return bool(found) and found[0][1] == {protocol.EVENT_FIELD: entry.data}

    def _close(self, ends: Sequence[_Entry], *, refused: set[tuple[UUID, int]]) -> None:
        over = [entry for entry in ends if (entry.generation_id, entry.attempt) not in refused]
        if not over:
            return
        faults.at("end.published")
        with self._redis.pipeline(transaction=True) as pipe:
            for entry in over:
                pipe.xadd(
                    protocol.NEWS,
                    {"generation": str(entry.generation_id)},
                    maxlen=10_000,
                    approximate=True,
                )
                pipe.delete(protocol.lease_key(entry.generation_id))
            pipe.execute()
        self._gone(over)

    def _hand_back(self, entries: Sequence[_Entry], *, refused: set[tuple[UUID, int]]) -> None:
        back = [entry for entry in entries if (entry.generation_id, entry.attempt) not in refused]
        if not back:
            return
        with self._redis.pipeline(transaction=True) as pipe:
            for entry in back:
                if entry.hand_back is None:
                    continue
                place = entry.hand_back
                pipe.delete(protocol.lease_key(entry.generation_id))
                pipe.zadd(
                    protocol.queue_key(place.queue),
                    {str(entry.generation_id): place.score},
                    nx=True,
                )
                pipe.xadd(protocol.WANTED, {"queue": place.queue}, maxlen=1_000, approximate=True)
            pipe.execute()
        self._gone(back)

    def _gone(self, entries: Sequence[_Entry]) -> None:
        for entry in entries:
            self.drop(entry.generation_id, attempt=entry.attempt)
            self._on_gone(entry.generation_id, entry.attempt, True)


class Reports:
    """What a supervisor says about its host. Kept until Redis has it; the newest state wins."""

    def __init__(self, redis: Redis, *, host: str) -> None:
        self._redis = redis
        self._host = host
        self._deaths: deque[protocol.Death] = deque()
        self._state: protocol.HostState | None = None
        self._changed = threading.Condition()

    def state(self, state: protocol.HostState) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def death(self, death: protocol.Death) -> None:
        with self._changed:
            if len(self._deaths) < MAX_DEATHS:  # the leases of the rest run out by themselves
                self._deaths.append(death)
            self._changed.notify_all()

    @property
    def is_empty(self) -> bool:
        with self._changed:
            return not self._deaths

    def run(self, is_over: threading.Event) -> None:
        """The reporter's loop, in a thread of its own, until `is_over`."""
        backoff, failures = pause(), 0
        while not is_over.is_set():
            try:
                self._send(wait_seconds=0.2)
            except RedisError as error:
                failures += 1
                log.warning("reports wait for Redis: %s", type(error).__name__)
                is_over.wait(backoff.compute(failures))
            else:
                failures = 0

    def leave(self) -> None:
        """This host is gone on purpose; nobody need wait for its key to expire."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.delete(protocol.host_key(self._host))
            pipe.srem(protocol.HOSTS, self._host)
            pipe.execute()

    def _send(self, *, wait_seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._deaths or self._state, timeout=wait_seconds)
            death = self._deaths[0] if self._deaths else None
            state = self._state
        if death is not None:
            self._redis.xadd(
                protocol.DEATHS,
                {protocol.DEATH_FIELD: protocol.encode(death)},
                maxlen=10_000,
                approximate=True,
            )
            with self._changed:
                self._deaths.popleft()
        if state is not None:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.set(protocol.host_key(self._host), protocol.encode(state), ex=HOST_SECONDS)
                pipe.sadd(protocol.HOSTS, self._host)
                pipe.execute()
            with self._changed:
                if self._state is state:
                    self._state = None
