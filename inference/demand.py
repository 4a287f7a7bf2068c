"""What the supervisor reads from Redis: which models people wait for, are pinned, or must go now.

Not for deciding what is loaded (`residency.py`), and not for requests: runners take those.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID

from inference import inbox, protocol
from inference.measured import Measured

log = logging.getLogger(__name__)

WAIT_SECONDS = 1.0
PAUSE_SECONDS = 0.02  # many requests at once are one look
REREAD_SECONDS = 5.0  # how often a spec that made no sense is looked at again


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One queue with work, or whose model somebody wants in memory before she asks."""

    queue: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A model that people wait for, or that is pinned.

    `spec` None means that what it needs could not be read; `measured` is what its file says.
    """

    queue: str
    waiting: int
    spec: protocol.ModelSpec | None
    model_name: str
    read_at: float
    is_pinned: bool = False
    measured: Measured | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """All that is wanted now, and the queues whose models were to go since the last news."""

    wants: tuple[Want, ...]
    unload: tuple[str, ...] = ()


class Demand:
    """One connection's view of it. Raises `inbox.Away` when Redis is."""

    def __init__(self, redis: inbox.Client) -> None:
        self._redis = redis
        self._seen: dict[str, bytes] = {}

    def wait(self, *, wait_seconds: float) -> tuple[str, ...]:
        """Returns at once when somebody asked for something since the last call, or then.

        The queues whose models an administrator wants gone; the first call looks at nothing old.
        """
        if not self._seen:
            streams = (protocol.WANTED, protocol.UNLOAD)
            self._seen = {stream: inbox.last_id(self._redis, stream) for stream in streams}
            return ()
        unload = []
        for stream, (entry_id, fields) in inbox.read(
            self._redis, self._seen, wait_seconds=wait_seconds
        ):
            self._seen[stream] = entry_id
            if stream == protocol.UNLOAD:
                unload.append(fields.get(b"queue", b"").decode("ascii", "replace"))
        return tuple(unload)

    def waiting(self) -> tuple[Waiting, ...]:
        """Every queue that has work now."""
        members = cast("set[bytes]", self._redis.smembers(protocol.QUEUES))
        names = sorted(name.decode("ascii", "replace") for name in members)
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.zcard(protocol.queue_key(name))
                pipe.exists(protocol.awaited_key(name))
            answers = pipe.execute(raise_on_error=False)
        # One broken key must not hide the others.
        counts = [each if isinstance(each, int) else 0 for each in answers]
        found = [
            Waiting(queue=name, count=requests + awaited)
            for name, requests, awaited in zip(names, counts[::2], counts[1::2], strict=True)
        ]
        return tuple(each for each in found if each.count)

    def pinned(self) -> tuple[protocol.Pinned, ...] | None:
        """What is to stay loaded. None when nobody has said; what cannot be read pins nothing."""
        try:
            data = cast("bytes | None", self._redis.get(protocol.PINNED))
            return None if data is None else protocol.decode_pins(data).pinned
        except (protocol.ProtocolError, inbox.Misfit) as error:
            inbox.bury(self._redis, source=protocol.PINNED, reason=f"pins: {type(error).__name__}")
            return ()

    def spec(self, queue: str) -> protocol.ModelSpec | None:
        """What this queue needs, or None when that is absent or wrong (which is then buried)."""
        try:
            data = cast("bytes | None", self._redis.get(protocol.spec_key(queue)))
            spec = protocol.decode_spec(data or b"")
        except (protocol.ProtocolError, inbox.Misfit) as error:
            reason = f"spec: {type(error).__name__}"
            inbox.bury(self._redis, source=protocol.spec_key(queue), reason=reason)
            return None
        if spec.queue != queue:
            inbox.bury(self._redis, source=protocol.spec_key(queue), reason="spec: another queue")
            return None
        return spec

    def model_name(self, queue: str) -> str:
        """By what name the first in this queue asked for the model; for show only."""
        try:
            first = cast("list[bytes]", self._redis.zrange(protocol.queue_key(queue), 0, 0))
            data = self._redis.get(protocol.request_key(UUID(first[0].decode("ascii"))))
            return protocol.decode_request(cast("bytes | None", data) or b"").model_name
        except IndexError:
            return self._awaited_name(queue)
        except (ValueError, inbox.Misfit):
            return queue

    def _awaited_name(self, queue: str) -> str:
        try:
            name = cast("bytes | None", self._redis.get(protocol.awaited_key(queue))) or b""
        except inbox.Misfit:
            return queue
        return name.decode("utf-8", "replace")[:512] or queue


class Follower:
    """A loop for a thread: looks when somebody asks and once a second, and tells the news."""

    def __init__(
        self,
        redis: inbox.Client,
        *,
        tell: Callable[[News], None],
        measure: Callable[[protocol.ModelSpec], Measured],
        clock: Callable[[], float],
    ) -> None:
        self._demand = Demand(redis)
        self._tell = tell
        self._measure = measure
        self._clock = clock
        self._known: dict[str, Want] = {}
        self._pinned: tuple[protocol.Pinned, ...] = ()
        self._unload: tuple[str, ...] = ()

    def run(self, is_over: threading.Event) -> None:
        backoff, failures = inbox.pause(), 0
        while not is_over.is_set():
            try:
                self.turn(wait_seconds=WAIT_SECONDS)
            except inbox.Away as error:
                failures += 1
                log.warning("demand waits for Redis: %s", type(error).__name__)
                is_over.wait(backoff.compute(failures))
                continue
            failures = 0
            is_over.wait(PAUSE_SECONDS)

    def turn(self, *, wait_seconds: float) -> None:
        """Wait for something to happen, then look and tell."""
        self._unload += self._demand.wait(wait_seconds=wait_seconds)
        self._known = self._look(self._known)
        self._tell(News(wants=tuple(self._known.values()), unload=self._unload))
        self._unload = ()

    def _look(self, known: Mapping[str, Want]) -> dict[str, Want]:
        """A queue is named by the digest of its spec, so a spec once read stays right."""
        found: dict[str, Want] = {}
        for one in self._demand.waiting():
            want = known.get(one.queue) or self._read(one.queue)
            if want.spec is None and self._clock() - want.read_at > REREAD_SECONDS:
                want = self._read(one.queue)
            found[one.queue] = replace(want, waiting=one.count, is_pinned=False)
        # Redis that came back empty has not unpinned anything (threat G4).
        pinned = self._demand.pinned()
        self._pinned = self._pinned if pinned is None else pinned
        for pin in self._pinned:
            queue = pin.spec.queue
            seen = found.get(queue) or known.get(queue)
            want = seen if seen is not None and seen.spec else self._from_pin(pin)
            waiting = found[queue].waiting if queue in found else 0
            found[queue] = replace(want, waiting=waiting, is_pinned=True)
        return {queue: self._measured(want) for queue, want in found.items()}

    def _read(self, queue: str) -> Want:
        return Want(
            queue=queue,
            waiting=0,
            spec=self._demand.spec(queue),
            model_name=self._demand.model_name(queue),
            read_at=self._clock(),
        )

    def _from_pin(self, pin: protocol.Pinned) -> Want:
        return Want(
            queue=pin.spec.queue,
            waiting=0,
            spec=pin.spec,
            model_name=pin.model_name,
            read_at=self._clock(),
        )

    def _measured(self, want: Want) -> Want:
        """With what its file says, read here, where a slow disk holds up nobody."""
        return want if want.spec is None else replace(want, measured=self._measure(want.spec))
