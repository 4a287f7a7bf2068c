"""What an event stream says so far: text, state and end. Not for waiting: that is in events.py."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from inference import protocol
from portal.streams.connection import Refused, client

log = logging.getLogger(__name__)

KEPT_SECONDS = 600
# Vectors are read by the one who asked, once, and are large.
BULKY_KEPT_SECONDS = 30
PORTAL_RUNNER = "portal"
_MANY = 1_000

Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(slots=True)
class Transcript:
    """One generation as told by its events. Feed it entries in order; repeats change nothing.

    `is_broken` means that entries are missing (Redis lost its last second): the text is kept up to
    the hole and nothing behind it is believed.
    """

    attempt: int
    number: int = 0
    texts: list[str] = field(default_factory=list)
    thinkings: list[str] = field(default_factory=list)
    is_begun: bool = False
    is_broken: bool = False
    is_bulky: bool = False
    end: protocol.End | None = None
    # The id in Redis of the newest entry read, which is not always attempt-number.
    newest_id: str = "0-0"

    @classmethod
    def at(cls, *, attempt: int, number: int, text: str = "", thinking: str = "") -> "Transcript":
        """Where a row left off."""
        return cls(
            attempt=attempt,
            number=number,
            texts=[text] if text else [],
            thinkings=[thinking] if thinking else [],
            is_begun=number > 0,
            newest_id=protocol.event_id(attempt, number),
        )

    @property
    def text(self) -> str:
        if len(self.texts) > 1:
            self.texts[:] = ["".join(self.texts)]
        return self.texts[0] if self.texts else ""

    @property
    def thinking(self) -> str:
        if len(self.thinkings) > 1:
            self.thinkings[:] = ["".join(self.thinkings)]
        return self.thinkings[0] if self.thinkings else ""

    def feed(self, entries: Iterable[Entry]) -> None:
        for entry_id, fields in entries:
            self.newest_id = entry_id.decode("ascii")
            if self.end is None and not self.is_broken:
                self._feed_one(entry_id, read_event(fields))

    def _feed_one(self, entry_id: bytes, event: protocol.Event | None) -> None:
        attempt, number = placed(entry_id, event, after=(self.attempt, self.number))
        if (attempt, number) <= (self.attempt, self.number):
            return
        if attempt > self.attempt:
            self._begin(attempt)
        if number > self.number + 1:
            self.is_broken = True
            return
        self.number = number
        self._hear(event)

    def _begin(self, attempt: int) -> None:
        self.attempt, self.number, self.is_begun = attempt, 0, False
        self.texts.clear()
        self.thinkings.clear()

    def _hear(self, event: protocol.Event | None) -> None:
        match event:
            case protocol.End():
                self.end = event
            case protocol.Piece(kind="thinking"):
                self.thinkings.append(event.text)
            case protocol.Piece():
                self.texts.append(event.text)
            case protocol.Vectors():
                self.is_bulky = True
        if self.number > 0 and not isinstance(event, protocol.End):
            self.is_begun = True


def placed(
    entry_id: bytes, event: protocol.Event | None, *, after: tuple[int, int]
) -> tuple[int, int]:
    """Attempt and number of an entry. The portal's closing `(N+1)-0` is the next number of N."""
    attempt, number = protocol.parse_event_id(entry_id)
    if number == 0 and isinstance(event, protocol.End):
        attempt -= 1
        number = after[1] + 1 if after[0] == attempt else 1
    return attempt, number


def read_event(fields: dict[bytes, bytes]) -> protocol.Event | None:
    """None for what cannot be read: it keeps its number and says nothing (threat G2)."""
    try:
        return protocol.decode_event(fields[protocol.EVENT_FIELD])
    except (protocol.ProtocolError, KeyError):
        log.warning("an event could not be read")
        return None


def read_on(generation_id: UUID, transcript: Transcript) -> None:
    """Feed it everything that is in Redis behind it."""
    key = protocol.events_key(generation_id)
    while True:
        entries = client().xrange(key, min=f"({transcript.newest_id}", count=_MANY)
        transcript.feed(entries)
        if len(entries) < _MANY:
            return


def read_all_on(transcripts: dict[UUID, Transcript]) -> None:
    """As `read_on` for many, in one round trip for most."""
    if not transcripts:
        return
    order = list(transcripts)
    with client().pipeline(transaction=False) as pipeline:
        for generation_id in order:
            pipeline.xrange(
                protocol.events_key(generation_id),
                min=f"({transcripts[generation_id].newest_id}",
                count=_MANY,
            )
        answers = pipeline.execute()
    for generation_id, entries in zip(order, answers, strict=True):
        transcripts[generation_id].feed(entries)
        if len(entries) == _MANY:
            read_on(generation_id, transcripts[generation_id])


def exists(generation_id: UUID) -> bool:
    return bool(client().exists(protocol.events_key(generation_id)))


def count_unbegun(attempts: Mapping[UUID, int]) -> int:
    """Of these attempts, how many nobody has said a word of. One round trip."""
    with client().pipeline(transaction=False) as pipeline:
        for generation_id, attempt in attempts.items():
            # The mark with number 0 is our own: it is waiting again.
            behind = f"({protocol.event_id(attempt, 0)}"
            pipeline.xrange(protocol.events_key(generation_id), min=behind, count=1)
        return sum(not said for said in pipeline.execute())


def close(generation_id: UUID, *, attempt: int, end: protocol.End) -> bool:
    """End this attempt for whoever reads, and shut out whoever still writes (threat F17).

    False when the stream is already past that point: somebody closed it first.
    """
    return _fence(generation_id, attempt=attempt, event=end)


def reopen(generation_id: UUID, *, attempt: int) -> bool:
    """Shut out the attempts before this one; readers forget what those said."""
    return _fence(generation_id, attempt=attempt - 1, event=protocol.Taken(runner=PORTAL_RUNNER))


def tell_recorder(generation_id: UUID) -> None:
    client().xadd(
        protocol.NEWS, {"generation": str(generation_id)}, maxlen=10_000, approximate=True
    )


def expire(generation_ids: Iterable[UUID], *, kept_seconds: int = KEPT_SECONDS) -> None:
    """The row has everything: let the stream go after a while, and the request at once."""
    with client().pipeline(transaction=False) as pipeline:
        for generation_id in generation_ids:
            pipeline.expire(protocol.events_key(generation_id), kept_seconds)
            pipeline.delete(protocol.request_key(generation_id), protocol.stop_key(generation_id))
        pipeline.execute()


def forget(generation_ids: Iterable[object]) -> None:
    """Nothing of these generations stays: neither what was asked nor what was said."""
    with client().pipeline(transaction=False) as pipeline:
        for generation_id in generation_ids:
            each = UUID(str(generation_id))
            pipeline.delete(protocol.events_key(each), protocol.request_key(each))
        pipeline.execute()


def _fence(generation_id: UUID, *, attempt: int, event: protocol.Event) -> bool:
    try:
        client().xadd(
            protocol.events_key(generation_id),
            {protocol.EVENT_FIELD: protocol.encode(event)},
            id=protocol.event_id(attempt + 1, 0),
        )
    except Refused as error:
        if "equal or smaller" not in str(error):
            raise
        return False
    return True
