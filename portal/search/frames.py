"""The frames of searching. Not for finding: finding.py."""

import datetime
from uuid import UUID

from portal.chat.vocabulary import Asked, Name, Shown, Told, Words


class Search(Asked, frozen=True, kw_only=True, tag="search"):
    """`after` is what the page before gave, to go on from there."""

    words: Words
    after: Name | None = None


class ShownPart(Shown, frozen=True, kw_only=True):
    text: str
    is_hit: bool


class ShownTitle(Shown, frozen=True, kw_only=True):
    conversation_id: UUID
    is_archived: bool
    changed_at: datetime.datetime
    parts: list[ShownPart]


class ShownHit(Shown, frozen=True, kw_only=True):
    """`generation_id` names the answer that holds it; None when the message itself does."""

    conversation_id: UUID
    title: str
    is_archived: bool
    message_id: UUID
    generation_id: UUID | None
    said_at: datetime.datetime
    parts: list[ShownPart]


class Found(Told, frozen=True, kw_only=True, tag="found"):
    titles: list[ShownTitle]
    hits: list[ShownHit]
    after: str | None
    is_complete: bool


Command = Search
Frame = Found
