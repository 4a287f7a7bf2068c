"""What a tab is told: parts and frames. Not for filling them: frames.py does."""

import datetime
from typing import Any
from uuid import UUID

from portal.chat.vocabulary import Shown, Told
from portal.files.frames import ShownFile


class Conv(Shown, frozen=True, kw_only=True):
    id: UUID
    title: str
    model_name: str
    created_at: datetime.datetime
    changed_at: datetime.datetime
    running: bool
    is_pinned: bool
    is_archived: bool
    is_temporary: bool
    folder_id: UUID | None


class ShownRating(Shown, frozen=True, kw_only=True):
    verdict: str
    reasons: list[str]
    note: str


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
    started_at: datetime.datetime | None
    ended_at: datetime.datetime | None
    rating: ShownRating | None


class Msg(Shown, frozen=True, kw_only=True):
    """A question with all its answers. `shown` is the one that the conversation goes on from;
    `versions` are this question and what else was asked in its place, oldest first."""

    id: UUID
    text: str
    created_at: datetime.datetime
    after: UUID | None
    answers: list[Gen]
    shown: UUID | None
    versions: list[UUID]
    files: list[ShownFile]


class Next(Shown, frozen=True, kw_only=True):
    """A question that waits for the answer before it. With a `reason` it waits for the person."""

    id: UUID
    text: str
    model_name: str
    created_at: datetime.datetime
    reason: str
    files: list[ShownFile]


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
    max_file_bytes: int
    max_files: int


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
    """A stretch of the shown branch, oldest first; `more`: older ones exist. `running` is the
    answer that is being made, on whatever branch."""

    conversation: Conv
    messages: list[Msg]
    more: bool
    nexts: list[Next]
    running: UUID | None


class Sent(Told, frozen=True, kw_only=True, tag="sent"):
    conversation: Conv
    message: Msg


class Waits(Told, frozen=True, kw_only=True, tag="waits"):
    conversation: Conv
    nexts: list[Next]


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
    seconds: int | None


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
    | Waits
    | Ok
    | Pong
    | DeltaFrame
    | Status
    | Changed
    | Models
    | Refusal
)
