"""The only doors to folders, and to conversations by the handful. One condition a line.

Hidden and never-existed look the same: one id that is not hers, or not there, and nothing is done
to any of them.
"""

from collections.abc import Sequence
from uuid import UUID

from portal.accounts.models import Person
from portal.chat import access
from portal.chat.errors import NotFound
from portal.chat.models import Conversation
from portal.order.models import Folder


def conversations_for_writing(
    person: Person, conversation_ids: Sequence[UUID]
) -> list[Conversation]:
    wanted = set(conversation_ids)
    found = Conversation.objects.filter(owner=person, deleted_at=None, id__in=wanted)
    conversations = list(found.order_by("created_at", "id"))
    if len(conversations) != len(wanted):
        raise NotFound("conversation")
    return conversations


def temporary_for_writing(person: Person, conversation_id: UUID) -> Conversation:
    """One that leaves nothing. Any other is not found by this door, which removes for good."""
    conversation = access.conversation_for_writing(person, conversation_id)
    if not conversation.is_temporary:
        raise NotFound("conversation")
    return conversation


def folder_for_writing(person: Person, folder_id: UUID) -> Folder:
    folder = Folder.objects.filter(id=folder_id).first()
    if folder is None:
        raise NotFound("folder")
    if folder.owner_id != person.id:
        raise NotFound("folder")
    return folder


def folder_for_reading(person: Person, folder_id: UUID) -> Folder:
    return folder_for_writing(person, folder_id)
