"""The frames of sharing. Not for doing it: actions.py."""

import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from portal.chat.vocabulary import Asked, Name, Number, Shown, Told
from portal.sharing.snapshot import Turn


class ListShares(Asked, frozen=True, kw_only=True, tag="shares.list"):
    conversation_id: UUID


class ListReceived(Asked, frozen=True, kw_only=True, tag="shares.received"):
    pass


class ShareConversation(Asked, frozen=True, kw_only=True, tag="share.create"):
    conversation_id: UUID
    emails: Annotated[tuple[Name, ...], Meta(max_length=200)]
    group_ids: Annotated[tuple[Number, ...], Meta(max_length=20)]
    client_key: UUID


class RevokeShare(Asked, frozen=True, kw_only=True, tag="share.revoke"):
    share_id: UUID


class OpenShare(Asked, frozen=True, kw_only=True, tag="share.open"):
    share_id: UUID


Command = ListShares | ListReceived | ShareConversation | RevokeShare | OpenShare


class ShownReader(Shown, frozen=True, kw_only=True):
    name: str
    email: str


class ShownGroup(Shown, frozen=True, kw_only=True):
    id: int
    name: str


class ShownShare(Shown, frozen=True, kw_only=True):
    id: UUID
    created_at: datetime.datetime
    people: list[ShownReader]
    groups: list[ShownGroup]


class ReceivedShare(Shown, frozen=True, kw_only=True):
    id: UUID
    title: str
    owner_name: str
    created_at: datetime.datetime


class Shares(Told, frozen=True, kw_only=True, tag="shares"):
    """`groups` are those that she may share with."""

    shares: list[ShownShare]
    groups: list[ShownGroup]


class Received(Told, frozen=True, kw_only=True, tag="received"):
    shares: list[ReceivedShare]


class Shared(Told, frozen=True, kw_only=True, tag="shared"):
    """The snapshot itself. It does not say which conversation it was taken of."""

    share: ReceivedShare
    is_mine: bool
    turns: list[Turn]


Frame = Shares | Received | Shared
