"""Other branches of a conversation: a question asked anew in other words, and what is shown again.

Nothing is ever changed in what was said: a new version stands beside the old one.
"""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access as catalog
from portal.chat import access, branches, limits, queries, queueing
from portal.chat.errors import Conflict
from portal.chat.models import Conversation, Generation, Message
from portal.chat.settling import settle
from portal.chat.wakeups import wake
from portal.files import access as files
from portal.files.queries import ids_of


def edit_message(
    person: Person,
    *,
    message_id: UUID,
    text: str,
    client_key: UUID,
    model_name: str,
    file_ids: Sequence[UUID] = (),
) -> Generation:
    """Ask it in other words, or with other files, in the same place. What was said and answered
    before is kept."""
    text = limits.checked_text(text, has_files=bool(file_ids))
    message = access.message_for_editing(person, message_id)
    settle(queries.open_generations(message.conversation))
    edit = partial(
        _edit_message,
        person,
        message_id=message_id,
        text=text,
        client_key=client_key,
        model_name=model_name,
        file_ids=file_ids,
    )
    try:
        return edit()
    except IntegrityError:
        # Two presses with one key at one moment: the other one is stored now.
        return edit()


@transaction.atomic
def _edit_message(
    person: Person,
    *,
    message_id: UUID,
    text: str,
    client_key: UUID,
    model_name: str,
    file_ids: Sequence[UUID],
) -> Generation:
    queueing.one_press_at_a_time(person)
    message = access.message_for_editing(person, message_id)
    earlier = access.message_of_press(person, client_key)
    if earlier is not None:
        return _same_edit(earlier, message=message, text=text, file_ids=file_ids)
    if access.generation_of_press(person, client_key) is not None:
        raise Conflict(_("This key was used for another command."))
    model = catalog.model_for_answering(person, model_name)
    conversation = message.conversation
    attached = files.files_for_asking(person, file_ids, conversation=conversation)
    queueing.must_have_room(person, model=model, conversation=conversation)
    return queueing.store_question(
        person,
        conversation,
        act="message.edited",
        after=message.after,
        text=text,
        client_key=client_key,
        model=model,
        model_name=model_name,
        files=attached,
    )


def _same_edit(
    earlier: Message, *, message: Message, text: str, file_ids: Sequence[UUID]
) -> Generation:
    is_same_place = (earlier.conversation_id, earlier.after_id) == (
        message.conversation_id,
        message.after_id,
    )
    is_same_text = earlier.text == text and ids_of(earlier) == list(dict.fromkeys(file_ids))
    if not is_same_place or not is_same_text:
        raise Conflict(_("This message was sent already, with another text."))
    return queries.first_answer(earlier)


def show_message(person: Person, message_id: UUID) -> branches.Stretch:
    """The conversation on a branch through this question, loaded as far back as it reaches."""
    message = access.message_for_editing(person, message_id)
    conversation = message.conversation
    if not branches.is_shown(conversation, message):
        _show(person, conversation, branches.newest_answer_to(message))
    return branches.stretch_from(conversation, message)


def show_generation(person: Person, generation_id: UUID) -> branches.Stretch:
    """As `show_message`, on a branch through this answer."""
    generation = access.generation_for_reading(person, generation_id)
    message = access.message_answered(generation)
    conversation = message.conversation
    if not branches.is_answer_shown(conversation, generation):
        _show(person, conversation, branches.newest_answer_from(generation))
    return branches.stretch_from(conversation, message)


@transaction.atomic
def _show(person: Person, conversation: Conversation, end: Generation | None) -> None:
    conversation.shown = end
    conversation.save(update_fields=["shown"])
    record(person, "branch.shown", conversation)
    transaction.on_commit(partial(wake, person.id, conversation.id))
