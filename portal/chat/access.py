"""The only doors to conversations, messages and generations. One door an object, one condition a
line.

Hidden and never-existed look the same. Nothing here writes. Ids inside a body pass here as ids in
an address do.
"""

from uuid import UUID

from portal.accounts.models import Person
from portal.chat.errors import Conflict, NotFound
from portal.chat.models import Conversation, Generation, Message, NextQuestion


def conversation_for_reading(person: Person, conversation_id: UUID) -> Conversation:
    conversation = Conversation.objects.filter(id=conversation_id, deleted_at=None).first()
    if conversation is None:
        raise NotFound("conversation")
    if conversation.owner_id != person.id:
        raise NotFound("conversation")
    return conversation


def conversation_for_writing(person: Person, conversation_id: UUID) -> Conversation:
    """As for reading: there are no readers but the owner yet. Named apart, for there will be."""
    return conversation_for_reading(person, conversation_id)


def generation_for_reading(person: Person, generation_id: UUID) -> Generation:
    """The generation, through whichever door it was asked for, if it is this person's."""
    generation = (
        Generation.objects.select_related("message__conversation").filter(id=generation_id).first()
    )
    if generation is None:
        raise NotFound("generation")
    if generation.owner_id != person.id:
        raise NotFound("generation")
    message = generation.message
    if message is None:
        return generation
    if message.conversation.owner_id != person.id:
        raise NotFound("generation")
    if message.conversation.deleted_at is not None:
        raise NotFound("generation")
    return generation


def generation_for_stopping(person: Person, generation_id: UUID) -> Generation:
    return generation_for_reading(person, generation_id)


def message_for_answering(person: Person, generation_id: UUID) -> Message:
    """The message that this generation answered, to answer it once more."""
    return message_answered(generation_for_reading(person, generation_id))


def message_for_editing(person: Person, message_id: UUID) -> Message:
    """Asking it anew in other words, or looking at the branch through it: the author's own."""
    message = Message.objects.select_related("conversation", "after").filter(id=message_id).first()
    if message is None:
        raise NotFound("message")
    if message.author_id != person.id:
        raise NotFound("message")
    if message.conversation.owner_id != person.id:
        raise NotFound("message")
    if message.conversation.deleted_at is not None:
        raise NotFound("message")
    return message


def next_for_writing(person: Person, next_id: UUID) -> NextQuestion:
    """A question that waits for its turn, to send it or to take it back."""
    found = (
        NextQuestion.objects.select_related("conversation", "follows").filter(id=next_id).first()
    )
    if found is None:
        raise NotFound("next")
    if found.author_id != person.id:
        raise NotFound("next")
    if found.conversation.owner_id != person.id:
        raise NotFound("next")
    if found.conversation.deleted_at is not None:
        raise NotFound("next")
    return found


def message_answered(generation: Generation) -> Message:
    """API requests answer no message: on the page they do not exist."""
    if generation.message is None:
        raise NotFound("generation")
    return generation.message


def message_of_press(person: Person, client_key: UUID) -> Message | None:
    """What this press of the button has stored already. A key is the person's own: never
    another's."""
    return (
        Message.objects.select_related("conversation")
        .filter(author=person, client_key=client_key)
        .first()
    )


def next_of_press(person: Person, client_key: UUID) -> NextQuestion | None:
    """As `message_of_press`, while it still waits."""
    return (
        NextQuestion.objects.select_related("conversation", "follows")
        .filter(author=person, client_key=client_key)
        .first()
    )


def generation_of_press(person: Person, client_key: UUID) -> Generation | None:
    """As `message_of_press`, for Retry, Continue and the API."""
    return (
        Generation.objects.select_related("message__conversation")
        .filter(owner=person, client_key=client_key)
        .first()
    )


def must_be_listed(conversation: Conversation) -> None:
    """A repeated press finds its conversation deleted: say so rather than show it again."""
    if conversation.deleted_at is not None:
        raise Conflict
