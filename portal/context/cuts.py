"""Behind which answers models read nothing any more. Not for who may cut: actions.py asks."""

from uuid import UUID

from portal.context.models import ViewStart


def cuts_in(conversation_id: UUID) -> set[UUID]:
    """Ids of those answers. One query."""
    found = ViewStart.objects.filter(generation__message__conversation_id=conversation_id)
    return set(found.values_list("generation_id", flat=True))
