"""Cutting a conversation for the model, and taking the cut back. Nothing is deleted by it."""

from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.models import Person
from portal.audit.record import record
from portal.chat import access, branches
from portal.chat.errors import Conflict
from portal.chat.wakeups import wake
from portal.context.models import ViewStart


@transaction.atomic
def clear(person: Person, *, conversation_id: UUID) -> None:
    """From the next question on, models read nothing of what stands there now. Twice is as once."""
    conversation = access.conversation_for_writing(person, conversation_id)
    end = branches.last_answer(conversation)
    if end is None:
        return
    if not end.is_over:
        raise Conflict(_("An answer is still being written. Wait for it, or stop it first."))
    _cut, is_new = ViewStart.objects.get_or_create(generation=end)
    if is_new:
        record(person, "context.cleared", conversation)
        transaction.on_commit(partial(wake, person.id, conversation.id))


@transaction.atomic
def restore(person: Person, *, generation_id: UUID) -> None:
    """The cut behind this answer is gone; without one, nothing happens."""
    generation = access.generation_for_reading(person, generation_id)
    message = access.message_answered(generation)
    conversation = access.conversation_for_writing(person, message.conversation_id)
    removed, _by_kind = ViewStart.objects.filter(generation=generation).delete()
    if removed:
        record(person, "context.restored", conversation)
        transaction.on_commit(partial(wake, person.id, conversation.id))
