"""What a person may take out of the portal: her own conversations. One condition a line."""

from collections.abc import Sequence
from uuid import UUID

from portal.accounts.models import Person
from portal.chat import access
from portal.chat.models import Conversation
from portal.order import access as order


def conversation_for_exporting(person: Person, conversation_id: UUID) -> Conversation:
    return access.conversation_for_reading(person, conversation_id)


def conversations_for_exporting(
    person: Person, conversation_ids: Sequence[UUID]
) -> list[Conversation]:
    """All of them, or none: as for writing, since there are no readers but the owner."""
    return order.conversations_for_writing(person, conversation_ids)
