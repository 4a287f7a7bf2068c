"""The file that conversations leave and come in: its fields, and nothing about how they are filled.

Answers are numbered within their conversation, and `after` and `shown` name such a number: a file
carries no id of ours, so none can be claimed by one (threat B6). An unknown field refuses the file.
"""

import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

FORMAT = "portal-conversations"
VERSION = 1

Moment = Annotated[datetime.datetime, Meta(tz=True)]
Number = Annotated[int, Meta(ge=1, le=1_000_000)]
State = Literal["complete", "stopped", "failed", "interrupted"]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Part of the file."""


class Answer(Part, frozen=True, kw_only=True):
    number: Number
    model_name: Annotated[str, Meta(max_length=512)]
    text: str
    created_at: Moment
    state: State = "complete"
    reason: Annotated[str, Meta(max_length=64)] = ""
    thinking: str = ""


class Attached(Part, frozen=True, kw_only=True):
    """What a file was called, and what it was: its bytes stay in the portal."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    kind: Literal["image", "document"]
    media_type: Annotated[str, Meta(pattern="^[a-z]+/[a-zA-Z0-9.+-]{1,100}\\Z")]


class Message(Part, frozen=True, kw_only=True):
    """`after`: the number of the answer that it follows; left out for what a conversation began
    with. Several after one answer are versions of one question."""

    text: str
    created_at: Moment
    after: Number | None = None
    files: Annotated[list[Attached], Meta(max_length=10)] = []
    answers: list[Answer] = []


class Conversation(Part, frozen=True, kw_only=True):
    """`shown`: the last answer of the branch that is shown."""

    title: Annotated[str, Meta(max_length=200)]
    created_at: Moment
    changed_at: Moment
    model_name: Annotated[str, Meta(max_length=512)] = ""
    folder: Annotated[str, Meta(max_length=80)] = ""
    is_pinned: bool = False
    is_archived: bool = False
    shown: Number | None = None
    messages: list[Message]


class File(Part, frozen=True, kw_only=True):
    # Always written, so that whoever opens the file sees what it is.
    format: Literal["portal-conversations"]
    version: Literal[1]
    exported_at: Moment
    conversations: list[Conversation]
