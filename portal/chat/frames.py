"""The WebSocket vocabulary, both ways: a closed list. Bytes to commands, rows to frames.

Not for doing anything: commands.py and consumers.py act. A field that is not named here is refused
on the way in and cannot leave on the way out.
"""

import datetime
from typing import Annotated, Any, get_args
from uuid import UUID

import msgspec
from django.utils import translation
from msgspec import Meta, Struct

from inference import protocol
from portal.accounts.models import Person
from portal.chat import queries
from portal.chat.errors import BadCommand, ChatError
from portal.chat.models import Conversation, Generation, State
from portal.chat.vocabulary import MAX_FRAME_CHARS, Asked, Name, Number, Shown, Told, Words
from portal.streams.events import Delta
from portal.streams.places import Place

# ── Client to server ────────────────────────────────────────────────────────────────────────────


class Hello(Asked, frozen=True, kw_only=True, tag="hello"):
    pass


class ListConversations(Asked, frozen=True, kw_only=True, tag="conversations.list"):
    before: Annotated[datetime.datetime, Meta(tz=True)] | None = None

    def __post_init__(self) -> None:
        # At either end of the calendar a moment has no name in other time zones.
        if self.before and not datetime.MINYEAR < self.before.year < datetime.MAXYEAR:
            raise ValueError("out of range")


class OpenConversation(Asked, frozen=True, kw_only=True, tag="conversation.open"):
    conversation_id: UUID


class RenameConversation(Asked, frozen=True, kw_only=True, tag="conversation.rename"):
    conversation_id: UUID
    title: Words


class DeleteConversation(Asked, frozen=True, kw_only=True, tag="conversation.delete"):
    conversation_id: UUID


class SendMessage(Asked, frozen=True, kw_only=True, tag="message.send"):
    conversation_id: UUID | None
    text: Words
    client_key: UUID
    model_name: Name


class StopGeneration(Asked, frozen=True, kw_only=True, tag="generation.stop"):
    generation_id: UUID


class RetryGeneration(Asked, frozen=True, kw_only=True, tag="generation.retry"):
    generation_id: UUID
    client_key: UUID
    model_name: Name | None = None


class ContinueGeneration(Asked, frozen=True, kw_only=True, tag="generation.continue"):
    generation_id: UUID
    client_key: UUID


class Follow(Asked, frozen=True, kw_only=True, tag="follow"):
    generation_id: UUID
    attempt: Number
    number: Number


class Unfollow(Asked, frozen=True, kw_only=True, tag="unfollow"):
    generation_id: UUID


class Ping(Asked, frozen=True, kw_only=True, tag="ping"):
    pass


Command = (
    Hello
    | ListConversations
    | OpenConversation
    | RenameConversation
    | DeleteConversation
    | SendMessage
    | StopGeneration
    | RetryGeneration
    | ContinueGeneration
    | Follow
    | Unfollow
    | Ping
)
COMMANDS: tuple[type[Struct], ...] = get_args(Command)


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


# ── Server to client ────────────────────────────────────────────────────────────────────────────


class Conv(Shown, frozen=True, kw_only=True):
    id: UUID
    title: str
    model_name: str
    created_at: datetime.datetime
    changed_at: datetime.datetime
    running: bool


class Gen(Shown, frozen=True, kw_only=True):
    id: UUID
    message_id: UUID | None
    model_name: str
    state: str
    reason: str
    text: str
    thinking: str
    attempt: int
    number: int
    stats: dict[str, Any]
    created_at: datetime.datetime
    ended_at: datetime.datetime | None


class Msg(Shown, frozen=True, kw_only=True):
    id: UUID
    text: str
    created_at: datetime.datetime
    after: UUID | None
    answers: list[Gen]


class ShownPerson(Shown, frozen=True, kw_only=True):
    id: UUID
    name: str
    email: str
    is_admin: bool
    language: str


class ShownModel(Shown, frozen=True, kw_only=True):
    name: str
    label: str
    context_length: int
    capabilities: list[str]
    # A stable name says which model is behind it now.
    stands_for: str = ""
    # New, and not tried yet: shown, and not to be chosen.
    is_checking: bool = False
    # Offered no longer; `instead` names its successor, if there is one.
    is_retired: bool = False
    instead: str = ""


class Limits(Shown, frozen=True, kw_only=True):
    max_text_chars: int


class ShownEnd(Shown, frozen=True, kw_only=True):
    state: str
    reason: str
    stats: dict[str, Any]


class Welcome(Told, frozen=True, kw_only=True, tag="welcome"):
    person: ShownPerson
    models: list[ShownModel]
    conversations: list[Conv]
    more: bool
    limits: Limits


class Conversations(Told, frozen=True, kw_only=True, tag="conversations"):
    conversations: list[Conv]
    more: bool


class OneConversation(Told, frozen=True, kw_only=True, tag="conversation"):
    conversation: Conv
    messages: list[Msg]


class Sent(Told, frozen=True, kw_only=True, tag="sent"):
    conversation: Conv
    message: Msg


class Ok(Told, frozen=True, kw_only=True, tag="ok"):
    pass


class Pong(Told, frozen=True, kw_only=True, tag="pong"):
    pass


class DeltaFrame(Told, frozen=True, kw_only=True, tag="delta"):
    generation_id: UUID
    attempt: int
    first: int
    last: int
    text: str
    thinking: str
    state: str | None
    read: float | None
    end: ShownEnd | None


class Status(Told, frozen=True, kw_only=True, tag="status"):
    generation_id: UUID
    state: str
    position: int | None
    progress: float | None


class Changed(Told, frozen=True, kw_only=True, tag="changed"):
    conversation_id: UUID


class Models(Told, frozen=True, kw_only=True, tag="models"):
    models: list[ShownModel]


class Refusal(Told, frozen=True, kw_only=True, tag="refusal"):
    code: str
    message: str
    retry_after_seconds: int | None


Frame = (
    Welcome
    | Conversations
    | OneConversation
    | Sent
    | Ok
    | Pong
    | DeltaFrame
    | Status
    | Changed
    | Models
    | Refusal
)


def encode(frame: Frame) -> str:
    return _encode(frame).decode("utf-8")


def conversation(row: Conversation) -> Conv:
    return Conv(
        id=row.id,
        title=row.title,
        model_name=row.model_name,
        created_at=row.created_at,
        changed_at=row.changed_at,
        running=queries.is_running(row),
    )


def message(turn: queries.Turn) -> Msg:
    return Msg(
        id=turn.message.id,
        text=turn.message.text,
        created_at=turn.message.created_at,
        after=turn.message.after_id,
        answers=[generation(answer) for answer in turn.answers],
    )


def generation(row: Generation) -> Gen:
    # Nothing of this attempt is stored yet, but something was kept from before: show that as the
    # attempt before it, which the first event of this one will replace.
    shows_kept = bool(row.so_far) and row.recorded_number == 0 and not row.is_over
    return Gen(
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
        ended_at=row.ended_at,
    )


def state_word(row: Generation) -> str:
    if row.state == State.RUNNING:
        return "writing" if row.text or row.thinking else "reading"
    return "done" if row.state == State.COMPLETE else str(row.state)


def person(row: Person, *, language: str) -> ShownPerson:
    return ShownPerson(
        id=row.id, name=str(row), email=row.email, is_admin=row.is_staff, language=language
    )


def delta(generation_id: UUID, step: Delta) -> DeltaFrame:
    return DeltaFrame(
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


def status(generation_id: UUID, place: Place) -> Status:
    state, position, progress = place.state, place.position, place.progress
    return Status(generation_id=generation_id, state=state, position=position, progress=progress)


def refusal(error: ChatError, *, ref: int | None, language: str) -> Refusal:
    with translation.override(language):
        sentence = str(error)
    seconds = error.retry_after_seconds
    return Refusal(ref=ref, code=error.code, message=sentence, retry_after_seconds=seconds)


def _end(end: protocol.End) -> ShownEnd:
    return ShownEnd(
        state="done" if end.why == "length" else end.why,
        reason="length" if end.why == "length" else end.detail,
        stats={} if end.stats is None else msgspec.to_builtins(end.stats),
    )


_encode = msgspec.json.Encoder().encode
