"""The WebSocket vocabulary, both ways: the closed list. Bytes to commands, rows to frames.

asked.py and told.py say what frames look like; whoever has more joins them here. Not for doing
anything: commands.py and consumers.py act. A field that is not named is refused on the way in and
cannot leave on the way out.
"""

from typing import Any, get_args
from uuid import UUID

import msgspec
from django.utils import translation
from msgspec import Struct

from inference import protocol
from portal.accounts.models import Person
from portal.chat import asked, branches, queries, told
from portal.chat.errors import BadCommand, ChatError
from portal.chat.models import Conversation, Generation, NextQuestion, Rating, State
from portal.chat.vocabulary import MAX_FRAME_CHARS
from portal.context import frames as context
from portal.files import frames as files
from portal.files.queries import files_of
from portal.order import frames as order
from portal.presets import frames as presets
from portal.search import frames as search
from portal.sharing import frames as sharing
from portal.streams.deltas import Delta
from portal.streams.places import Place

Command = (
    asked.Command
    | presets.Command
    | context.Command
    | order.Command
    | search.Command
    | sharing.Command
)
COMMANDS: tuple[type[Struct], ...] = get_args(Command)

Frame = (
    told.Frame
    | presets.Frame
    | context.Frame
    | order.Frame
    | search.Frame
    | sharing.Frame
    | files.Frame
)


def parse(text: str | None) -> Command:
    """The command in this frame. Anything else is a `BadCommand`, whatever was sent (threat C7)."""
    if text is None or len(text) > MAX_FRAME_CHARS:
        raise BadCommand
    try:
        return _commands.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise BadCommand from None


def ref_of(text: str | None) -> int | None:
    """The number that a refused frame wants to be answered by, if it can be made out."""
    try:
        ref: Any = _any_object.decode(text or "").get("ref")
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    is_whole = isinstance(ref, int) and not isinstance(ref, bool)
    return ref if is_whole and 1 <= ref <= 2**53 else None


_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_any_object = msgspec.json.Decoder(dict[str, Any])


def encode(frame: Frame) -> str:
    return _encode(frame).decode("utf-8")


def conversation(row: Conversation) -> told.Conv:
    return told.Conv(
        id=row.id,
        title=row.title,
        model_name=row.model_name,
        created_at=row.created_at,
        changed_at=row.changed_at,
        running=queries.is_running(row),
        is_pinned=row.pinned_at is not None,
        is_archived=row.archived_at is not None,
        is_temporary=row.is_temporary,
        folder_id=row.folder_id,
    )


def message(turn: branches.Turn) -> told.Msg:
    return told.Msg(
        id=turn.message.id,
        text=turn.message.text,
        created_at=turn.message.created_at,
        after=turn.message.after_id,
        answers=[generation(answer) for answer in turn.answers],
        shown=turn.shown_id,
        versions=list(turn.versions),
        files=[files.file(row) for row in files_of(turn.message)],
    )


def opened(page: branches.Stretch, *, ref: int) -> told.OneConversation:
    return told.OneConversation(
        ref=ref,
        conversation=conversation(page.conversation),
        messages=[message(turn) for turn in page.turns],
        more=page.more,
        nexts=[next_question(row) for row in page.nexts],
        running=page.running_id,
    )


def next_question(row: NextQuestion) -> told.Next:
    return told.Next(
        id=row.id,
        text=row.text,
        model_name=row.model_name,
        created_at=row.created_at,
        reason=row.why_held,
        files=[files.file(each) for each in files_of(row)],
    )


def generation(row: Generation) -> told.Gen:
    # Nothing of this attempt is stored yet, but something was kept from before: show that as the
    # attempt before it, which the first event of this one will replace.
    shows_kept = bool(row.so_far) and row.recorded_number == 0 and not row.is_over
    return told.Gen(
        id=row.id,
        message_id=row.message_id,
        model_name=row.model_name,
        state=state_word(row),
        reason=row.reason,
        text=row.so_far if shows_kept else row.text,
        thinking=row.thinking,
        attempt=row.attempt - 1 if shows_kept else row.attempt,
        number=row.recorded_number,
        stats=row.stats,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        rating=_rating(row),
    )


def _rating(row: Generation) -> told.ShownRating | None:
    # Read together with its answer, where there is one.
    rating: Rating | None = getattr(row, "rating", None)
    if rating is None:
        return None
    return told.ShownRating(verdict=rating.verdict, reasons=rating.reasons, note=rating.note)


def state_word(row: Generation) -> str:
    if row.state == State.RUNNING:
        return "writing" if row.text or row.thinking else "reading"
    return "done" if row.state == State.COMPLETE else str(row.state)


def person(row: Person, *, language: str) -> told.ShownPerson:
    return told.ShownPerson(
        id=row.id, name=str(row), email=row.email, is_admin=row.is_staff, language=language
    )


def delta(generation_id: UUID, step: Delta) -> told.DeltaFrame:
    return told.DeltaFrame(
        generation_id=generation_id,
        attempt=step.attempt,
        first=step.first,
        last=step.last,
        text=step.text,
        thinking=step.thinking,
        state=step.state,
        read=step.read_fraction,
        end=None if step.end is None else _end(step.end),
    )


def status(generation_id: UUID, place: Place, *, seconds: int | None) -> told.Status:
    return told.Status(
        generation_id=generation_id,
        state=place.state,
        position=place.position,
        progress=place.progress,
        seconds=seconds,
    )


def refusal(error: ChatError, *, ref: int | None, language: str) -> told.Refusal:
    with translation.override(language):
        sentence = str(error)
    seconds = error.retry_after_seconds
    return told.Refusal(ref=ref, code=error.code, message=sentence, retry_after_seconds=seconds)


def _end(end: protocol.End) -> told.ShownEnd:
    return told.ShownEnd(
        state="done" if end.why == "length" else end.why,
        reason="length" if end.why == "length" else end.detail,
        stats={} if end.stats is None else msgspec.to_builtins(end.stats),
    )


_encode = msgspec.json.Encoder().encode
