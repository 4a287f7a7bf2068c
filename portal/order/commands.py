"""Each frame of putting in order → the action or query that answers it. A door."""

from collections.abc import Callable
from typing import Any

from portal.accounts.models import Person
from portal.chat import frames as chat
from portal.chat import told
from portal.order import access, actions, frames, queries

Answer = told.Conversations | told.Ok | frames.Frame


def _list_shelf(person: Person, command: frames.ListShelf) -> Answer:
    if command.folder_id is None:
        page = queries.in_archive(person, before=command.before)
    else:
        folder = access.folder_for_reading(person, command.folder_id)
        page = queries.in_folder(folder, before=command.before)
    return told.Conversations(
        ref=command.ref,
        conversations=[chat.conversation(row) for row in page.conversations],
        more=page.more,
    )


def _pin(person: Person, command: frames.PinConversations) -> Answer:
    actions.pin_conversations(
        person, conversation_ids=command.conversation_ids, is_pinned=command.is_pinned
    )
    return told.Ok(ref=command.ref)


def _archive(person: Person, command: frames.ArchiveConversations) -> Answer:
    actions.archive_conversations(
        person, conversation_ids=command.conversation_ids, is_archived=command.is_archived
    )
    return told.Ok(ref=command.ref)


def _move(person: Person, command: frames.MoveConversations) -> Answer:
    actions.move_conversations(
        person, conversation_ids=command.conversation_ids, folder_id=command.folder_id
    )
    return _folders(person, command)


def _delete(person: Person, command: frames.DeleteConversations) -> Answer:
    actions.delete_conversations(person, conversation_ids=command.conversation_ids)
    return told.Ok(ref=command.ref)


def _list_folders(person: Person, command: frames.ListFolders) -> Answer:
    return _folders(person, command)


def _create_folder(person: Person, command: frames.CreateFolder) -> Answer:
    actions.create_folder(person, name=command.name)
    return _folders(person, command)


def _rename_folder(person: Person, command: frames.RenameFolder) -> Answer:
    actions.rename_folder(person, folder_id=command.folder_id, name=command.name)
    return _folders(person, command)


def _delete_folder(person: Person, command: frames.DeleteFolder) -> Answer:
    actions.delete_folder(person, folder_id=command.folder_id)
    return _folders(person, command)


def _begin_temporary(person: Person, command: frames.BeginTemporary) -> Answer:
    conversation = actions.begin_temporary(person)
    return frames.Temporary(ref=command.ref, conversation=chat.conversation(conversation))


def _keep_temporary(person: Person, command: frames.KeepTemporary) -> Answer:
    conversation = actions.keep_temporary(person, conversation_id=command.conversation_id)
    return frames.Temporary(ref=command.ref, conversation=chat.conversation(conversation))


def _end_temporary(person: Person, command: frames.EndTemporary) -> Answer:
    actions.end_temporary(person, conversation_id=command.conversation_id)
    return told.Ok(ref=command.ref)


def _folders(person: Person, command: frames.Command) -> Answer:
    return frames.Folders(
        ref=command.ref,
        folders=[
            frames.ShownFolder(id=each.id, name=each.name, count=count)
            for each, count in queries.folders_of(person)
        ],
    )


BY_TYPE: dict[type, Callable[[Person, Any], Answer]] = {
    frames.ListShelf: _list_shelf,
    frames.PinConversations: _pin,
    frames.ArchiveConversations: _archive,
    frames.MoveConversations: _move,
    frames.DeleteConversations: _delete,
    frames.ListFolders: _list_folders,
    frames.CreateFolder: _create_folder,
    frames.RenameFolder: _rename_folder,
    frames.DeleteFolder: _delete_folder,
    frames.BeginTemporary: _begin_temporary,
    frames.KeepTemporary: _keep_temporary,
    frames.EndTemporary: _end_temporary,
}
