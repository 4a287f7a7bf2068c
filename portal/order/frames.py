"""The frames of putting conversations in order. Not for doing it: actions.py."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from portal.chat.told import Conv
from portal.chat.vocabulary import Asked, AskedByPage, Shown, Told, Words
from portal.order.queries import Shelf

Handful = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=200)]


class ListShelf(AskedByPage, frozen=True, kw_only=True, tag="shelf.list"):
    """`folder_id` goes with the shelf "folder", and with no other."""

    shelf: Shelf
    folder_id: UUID | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.shelf == "folder") != (self.folder_id is not None):
            raise ValueError("a folder needs its id, and nothing else has one")


class PinConversations(Asked, frozen=True, kw_only=True, tag="conversations.pin"):
    conversation_ids: Handful
    is_pinned: bool


class ArchiveConversations(Asked, frozen=True, kw_only=True, tag="conversations.archive"):
    conversation_ids: Handful
    is_archived: bool


class MoveConversations(Asked, frozen=True, kw_only=True, tag="conversations.move"):
    conversation_ids: Handful
    folder_id: UUID | None


class DeleteConversations(Asked, frozen=True, kw_only=True, tag="conversations.delete"):
    conversation_ids: Handful


class ListFolders(Asked, frozen=True, kw_only=True, tag="folders.list"):
    pass


class CreateFolder(Asked, frozen=True, kw_only=True, tag="folder.create"):
    name: Words


class RenameFolder(Asked, frozen=True, kw_only=True, tag="folder.rename"):
    folder_id: UUID
    name: Words


class DeleteFolder(Asked, frozen=True, kw_only=True, tag="folder.delete"):
    folder_id: UUID


class BeginTemporary(Asked, frozen=True, kw_only=True, tag="temporary.begin"):
    pass


class KeepTemporary(Asked, frozen=True, kw_only=True, tag="temporary.keep"):
    conversation_id: UUID


class EndTemporary(Asked, frozen=True, kw_only=True, tag="temporary.end"):
    conversation_id: UUID


Command = (
    ListShelf
    | PinConversations
    | ArchiveConversations
    | MoveConversations
    | DeleteConversations
    | ListFolders
    | CreateFolder
    | RenameFolder
    | DeleteFolder
    | BeginTemporary
    | KeepTemporary
    | EndTemporary
)


class ShownFolder(Shown, frozen=True, kw_only=True):
    id: UUID
    name: str
    count: int


class Folders(Told, frozen=True, kw_only=True, tag="folders"):
    folders: list[ShownFolder]


class Temporary(Told, frozen=True, kw_only=True, tag="temporary"):
    conversation: Conv


Frame = Folders | Temporary
