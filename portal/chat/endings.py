"""How a generation's row moves: begun, written down, tried again, ended. Each is one conditional
update.

The only code that writes answers into rows. Whoever loses the race learns it from the return value
and changes nothing more (threats F17, H7, H8). Not for Redis.
"""

from collections.abc import Mapping
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, TextField, Value, When

from inference import protocol
from portal import clock, statements
from portal.accounts import usage
from portal.audit.record import record
from portal.chat.models import OPEN, OVER, Conversation, Generation, State
from portal.statements import Statement
from portal.streams.transcript import Transcript

_STATE_BY_WHY: dict[str, State] = {
    "done": State.COMPLETE,
    "length": State.COMPLETE,
    "stopped": State.STOPPED,
    "failed": State.FAILED,
    "interrupted": State.INTERRUPTED,
}
LOST = protocol.End(why="interrupted", detail="lost")


# Written out, since it runs once a second for every answer on its way: to put it together out of
# Django's parts costs more than to run it.
_NOTE_PROGRESS = """
UPDATE {table} SET state = %s, started_at = COALESCE(started_at, %s), text = %s, thinking = %s,
    recorded_number = %s
WHERE id = %s AND attempt = %s AND recorded_number < %s AND state IN ({open})
""".format(table=Generation._meta.db_table, open=", ".join(["%s"] * len(OPEN)))


def note_progress(transcripts: Mapping[UUID, Transcript]) -> int:
    """Store what has been said so far. How many it was news of: none that is over, or of which a
    newer word is stored already."""
    now = connection.ops.adapt_datetimefield_value(clock.now())
    key = Generation._meta.pk
    rows = [
        (
            *(str(State.RUNNING), now, told.text, told.thinking, told.number),
            *(key.get_db_prep_value(generation_id, connection), told.attempt, told.number),
            *map(str, OPEN),
        )
        for generation_id, told in transcripts.items()
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_NOTE_PROGRESS, rows)
        return int(cursor.rowcount)


def end(generation_id: UUID, transcript: Transcript) -> bool:
    """Close this attempt with what its stream said. False when someone else closed it first.

    An end behind a hole in the stream is not believed: the text before the hole is kept, and the
    answer is marked as interrupted.
    """
    told = LOST if transcript.is_broken else transcript.end
    if told is None:
        raise ValueError("the transcript has no end")
    state = _STATE_BY_WHY[told.why]
    reason = "length" if told.why == "length" else told.detail
    return _close(generation_id, transcript, state=state, reason=reason, stats=told.stats)


@transaction.atomic
def _close(
    generation_id: UUID,
    transcript: Transcript,
    *,
    state: State,
    reason: str,
    stats: protocol.Stats | None,
) -> bool:
    if state not in OVER:
        raise ValueError(state)
    still_open = _attempt(generation_id, transcript.attempt).filter(state__in=OPEN)
    told = transcript.text
    is_ours = bool(
        still_open.update(
            state=state,
            reason=reason,
            # What an earlier attempt said and this one did not come to repeat.
            text=Value(told) if told else _kept_text(),
            thinking=transcript.thinking,
            recorded_number=transcript.number,
            stats=_stats(stats),
            request={},
            ended_at=clock.now(),
        )
    )
    if is_ours:
        generation = _WHOSE.first(generation_id)
        if generation is None:
            raise Generation.DoesNotExist
        _book(generation, stats)
        if generation.message_id is not None:
            _note_change(generation.message_id)
        record(None, "generation.ended", generation, state=str(state), reason=reason)
    return is_ours


# Asked at every end.
_WHOSE = Statement(
    Generation,
    lambda pk: Generation.objects.only("id", "owner_id", "key_id", "message_id").filter(pk=pk),
    statements.ID,
)


def _note_change(message_id: UUID) -> None:
    Conversation.objects.filter(messages=message_id).update(changed_at=clock.now())


def try_again(generation_id: UUID, *, attempt: int, deaths: int, so_far: str | None = None) -> bool:
    """Make the next attempt of an open generation. False when it moved on without us.

    `so_far` replaces the kept text; None leaves it, for an attempt that never said anything.
    """
    still_open = _attempt(generation_id, attempt).filter(state__in=OPEN)
    kept = {} if so_far is None else {"so_far": so_far}
    return bool(
        still_open.update(
            state=State.QUEUED,
            attempt=attempt + 1,
            deaths=deaths,
            text="",
            thinking="",
            recorded_number=0,
            started_at=None,
            **kept,
        )
    )


def _attempt(generation_id: UUID, attempt: int) -> QuerySet[Generation]:
    return Generation.objects.filter(id=generation_id, attempt=attempt)


def _kept_text() -> Case:
    return Case(When(text="", then=F("so_far")), default=F("text"), output_field=TextField())


def _book(generation: Generation, stats: protocol.Stats | None) -> None:
    """Also of an answer that was stopped, or whose client went away: the work was done."""
    if stats is not None:
        usage.book(
            generation.owner_id,
            generation.key_id,
            prompt_tokens=stats.prompt_tokens,
            answer_tokens=stats.answer_tokens,
        )


def _stats(stats: protocol.Stats | None) -> dict[str, int]:
    if stats is None:
        return {}
    return {name: getattr(stats, name) for name in stats.__struct_fields__}
