"""Generation events to database rows, watched or not: the only process that writes answers as they
grow.

It keeps what it has read in memory until the end is stored, so that a Redis that comes back empty
takes nothing with it. Killed anywhere, it starts again from the rows: every write is conditional on
attempt and number, so repeating is harmless (threat H7). Deaths and sweeps are in reaper.py.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from inference import protocol
from portal import faults
from portal.chat import endings, queries
from portal.chat.models import Generation
from portal.chat.settling import transcript_of
from portal.streams import requests
from portal.streams import transcript as streams
from portal.streams.news import News
from portal.streams.transcript import Transcript

log = logging.getLogger(__name__)

# So many rows cost less one by one, with a statement that is ready, than together with a new one.
FEW = 4

Wake = Callable[[UUID, UUID], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often, in seconds.

    Reading is what a Redis that comes back empty cannot take away again, so it is more frequent
    than writing.
    """

    read_seconds: float = 0.2
    snapshot_seconds: float = 1.0
    scan_seconds: float = 5.0
    block_seconds: float = 0.25


@dataclass(slots=True, kw_only=True)
class Recorded:
    """An open generation: what was said, and how much of it the row has."""

    owner_id: UUID
    conversation_id: UUID | None
    transcript: Transcript
    stored: tuple[int, int]


class Recorder:
    """Call `step` for ever. `clock` is monotonic, in seconds; `wake` tells the owner's open
    tabs."""

    def __init__(self, *, clock: Callable[[], float], wake: Wake, pace: Pace | None = None) -> None:
        self._clock = clock
        self._wake = wake
        self._pace = pace or Pace()
        self._news = News()
        self._open: dict[UUID, Recorded] = {}
        self._next_read = self._next_snapshot = self._next_scan = clock()

    def step(self) -> None:
        """Wait a moment for news, write down ends at once, and everything else when it is time."""
        named = self._news.read(block_seconds=self._patience_seconds())
        self._meet(named - self._open.keys())
        is_time = self._clock() >= self._next_snapshot
        is_time_to_read = is_time or self._clock() >= self._next_read
        if self._clock() >= self._next_scan:
            self._scan()
            self._next_scan = self._clock() + self._pace.scan_seconds
        if is_time_to_read:
            self._next_read = self._clock() + self._pace.read_seconds
        self._read(self._open.keys() if is_time_to_read else named & self._open.keys())
        if is_time:
            self._snapshot()
            self._next_snapshot = self._clock() + self._pace.snapshot_seconds

    @property
    def open_ids(self) -> set[UUID]:
        return set(self._open)

    def heard(self, generation: Generation) -> Transcript:
        """Everything that was said in this attempt, up to this moment."""
        recorded = self._open.setdefault(generation.id, _recorded(generation))
        if recorded.transcript.attempt < generation.attempt:
            recorded = self._open[generation.id] = _recorded(generation)
        streams.read_on(generation.id, recorded.transcript)
        return recorded.transcript

    def close(self, generation: Generation, end: protocol.End) -> None:
        """End it for everybody: on the stream, then in the row. An end that came first stands."""
        streams.close(generation.id, attempt=generation.attempt, end=end)
        transcript = self.heard(generation)
        if transcript.end is not None or transcript.is_broken:
            self._finish(generation.id)

    def begin_again(self, generation: Generation) -> None:
        """The row is at its next attempt; forget what the last one said."""
        self._open[generation.id] = _recorded(generation)

    def _patience_seconds(self) -> float:
        """How long to wait for news: what is being said must be read, all else comes by itself."""
        return self._pace.block_seconds * (1 if self._open else 2)

    def _meet(self, generation_ids: Iterable[UUID]) -> None:
        """Take up those that are open; tidy up behind those that are over already."""
        unknown = set(generation_ids)
        if not unknown:
            return
        for row in _open_rows(unknown):
            self._open[row.id] = _recorded(row)
        streams.expire(unknown - self._open.keys())

    def _scan(self) -> None:
        """What the news did not tell: the database is the truth."""
        open_ids = set(queries.all_open().values_list("id", flat=True))
        self._meet(open_ids - self._open.keys())
        for generation_id in self._open.keys() - open_ids:
            self._tidy(generation_id)

    def _read(self, generation_ids: Iterable[UUID]) -> None:
        transcripts = {each: self._open[each].transcript for each in generation_ids}
        streams.read_all_on(transcripts)
        for generation_id, transcript in transcripts.items():
            if transcript.is_broken or transcript.end is not None:
                self._finish(generation_id)

    def _snapshot(self) -> None:
        grown = {
            generation_id: recorded
            for generation_id, recorded in self._open.items()
            if _place(recorded.transcript) > recorded.stored
        }
        if not grown:
            return
        with transaction.atomic():
            endings.note_progress({each: grown[each].transcript for each in grown})
        faults.at("piece.recorded")
        for recorded in grown.values():
            recorded.stored = _place(recorded.transcript)

    def _finish(self, generation_id: UUID) -> None:
        transcript = self._open[generation_id].transcript
        if transcript.is_broken:
            # Whoever still writes behind the hole is shut out; readers are told.
            requests.request_stop(generation_id)
            streams.close(generation_id, attempt=transcript.attempt, end=endings.LOST)
        is_ours = endings.end(generation_id, transcript)
        faults.at("end.recorded")
        moved_on = None if is_ours else queries.all_open().filter(id=generation_id).first()
        if moved_on is not None:
            self._open[generation_id] = _recorded(moved_on)
            return
        self._tidy(generation_id)

    def _tidy(self, generation_id: UUID) -> None:
        recorded = self._open[generation_id]
        is_bulky = recorded.transcript.is_bulky
        kept_seconds = streams.BULKY_KEPT_SECONDS if is_bulky else streams.KEPT_SECONDS
        streams.expire([generation_id], kept_seconds=kept_seconds)
        faults.at("stream.expired")
        del self._open[generation_id]
        if recorded.conversation_id is not None:
            self._wake(recorded.owner_id, recorded.conversation_id)


def _open_rows(generation_ids: set[UUID]) -> Iterable[Generation]:
    """Those of them that are not over. A few are what every question brings."""
    if len(generation_ids) > FEW:
        return queries.all_open().filter(id__in=generation_ids)
    found = (queries.open_one(each) for each in generation_ids)
    return [row for row in found if row is not None]


def _recorded(row: Generation) -> Recorded:
    transcript = transcript_of(row)
    return Recorded(
        owner_id=row.owner_id,
        conversation_id=row.message.conversation_id if row.message else None,
        transcript=transcript,
        stored=_place(transcript),
    )


def _place(transcript: Transcript) -> tuple[int, int]:
    return transcript.attempt, transcript.number
