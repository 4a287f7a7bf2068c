"""Putting conversations in order: pin, archive, move, delete; folders; temporary conversations.

One conversation or a handful, by the same code: all of them, or none. Everything may be asked twice
and is done once. Not for what is said in them: portal/chat.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction

from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.chat import limits
from portal.chat.models import Conversation
from portal.chat.wakeups import wake
from portal.order import access, leaving
from portal.order.errors import NameTaken, NoName, TooManyFolders, TooManyPinned
from portal.order.models import MAX_NAME_CHARS, Folder
from portal.order.queries import MAX_FOLDERS, MAX_PINNED


@transaction.atomic
def pin_conversations(person: Person, *, conversation_ids: Sequence[UUID], is_pinned: bool) -> None:
    """Pinned ones come first; one from the archive comes back from there."""
    chosen = access.conversations_for_writing(person, conversation_ids)
    if is_pinned:
        pinned = Conversation.objects.filter(owner=person, deleted_at=None).exclude(pinned_at=None)
        others = pinned.exclude(id__in=[each.id for each in chosen]).count()
        if others + len(chosen) > MAX_PINNED:
            raise TooManyPinned
    for each in chosen:
        each.pinned_at = (each.pinned_at or clock.now()) if is_pinned else None
        each.archived_at = None if is_pinned else each.archived_at
    act = "conversation.pinned" if is_pinned else "conversation.unpinned"
    _store(person, chosen, fields=("pinned_at", "archived_at"), act=act)


@transaction.atomic
def archive_conversations(
    person: Person, *, conversation_ids: Sequence[UUID], is_archived: bool
) -> None:
    """Out of sight and not out of reach: search still finds them. Nothing stays pinned there."""
    chosen = access.conversations_for_writing(person, conversation_ids)
    for each in chosen:
        each.archived_at = (each.archived_at or clock.now()) if is_archived else None
        each.pinned_at = None if is_archived else each.pinned_at
    act = "conversation.archived" if is_archived else "conversation.unarchived"
    _store(person, chosen, fields=("pinned_at", "archived_at"), act=act)


@transaction.atomic
def move_conversations(
    person: Person, *, conversation_ids: Sequence[UUID], folder_id: UUID | None
) -> None:
    """Into this folder, or with None out of any."""
    folder = access.folder_for_writing(person, folder_id) if folder_id else None
    chosen = access.conversations_for_writing(person, conversation_ids)
    for each in chosen:
        each.folder = folder
    _store(person, chosen, fields=("folder",), act="conversation.moved")


def delete_conversations(person: Person, *, conversation_ids: Sequence[UUID]) -> None:
    """As deleting one, for a handful; what is being written in them stops."""
    leaving.delete(person, lambda: access.conversations_for_writing(person, conversation_ids))


@transaction.atomic
def create_folder(person: Person, *, name: str) -> Folder:
    """The folder of this name. Asked twice, it is there once."""
    name = _checked_name(name)
    earlier = Folder.objects.filter(owner=person, name=name).first()
    if earlier is not None:
        return earlier
    if Folder.objects.filter(owner=person).count() >= MAX_FOLDERS:
        raise TooManyFolders
    folder, _is_new = Folder.objects.get_or_create(owner=person, name=name)
    record(person, "folder.created", folder)
    return folder


def rename_folder(person: Person, *, folder_id: UUID, name: str) -> None:
    try:
        _rename_folder(person, folder_id=folder_id, name=_checked_name(name))
    except IntegrityError:
        raise NameTaken from None


@transaction.atomic
def _rename_folder(person: Person, *, folder_id: UUID, name: str) -> None:
    folder = access.folder_for_writing(person, folder_id)
    folder.name = name
    folder.save(update_fields=["name"])
    record(person, "folder.renamed", folder)


@transaction.atomic
def delete_folder(person: Person, *, folder_id: UUID) -> None:
    """What stood in it stands in the list again."""
    folder = access.folder_for_writing(person, folder_id)
    record(person, "folder.deleted", folder)
    folder.delete()


@transaction.atomic
def begin_temporary(person: Person) -> Conversation:
    """An empty conversation that is in no list, and is removed when she leaves it."""
    conversation = Conversation.objects.create(
        owner=person, is_temporary=True, changed_at=clock.now()
    )
    record(person, "conversation.begun_temporary", conversation)
    return conversation


@transaction.atomic
def keep_temporary(person: Person, *, conversation_id: UUID) -> Conversation:
    """It becomes a conversation like any other."""
    conversation = access.temporary_for_writing(person, conversation_id)
    first = conversation.messages.order_by("created_at", "id").first()
    conversation.is_temporary = False
    if not conversation.title and first is not None:
        conversation.title = limits.derived_title(first.text)
    conversation.save(update_fields=["is_temporary", "title"])
    record(person, "conversation.kept", conversation)
    transaction.on_commit(partial(wake, person.id, conversation.id))
    return conversation


def end_temporary(person: Person, *, conversation_id: UUID) -> None:
    """She has left it: nothing that was said in it stays, in any table or stream."""
    leaving.delete(person, lambda: [access.temporary_for_writing(person, conversation_id)])
    leaving.purge_left()


def _store(
    person: Person, conversations: Iterable[Conversation], *, fields: Sequence[str], act: str
) -> None:
    for each in conversations:
        each.save(update_fields=fields)
        record(person, act, each)
        transaction.on_commit(partial(wake, person.id, each.id))


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    limits.must_be_clean(name)
    if not any(char.isalnum() for char in name):
        raise NoName
    return name[:MAX_NAME_CHARS].rstrip()
