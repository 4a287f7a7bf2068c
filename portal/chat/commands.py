"""Each frame that a tab may send → one action or query → the frame that answers it.

Runs in a thread, for it uses the database; the person was read a moment ago. Rules are in
actions.py and access.py. What needs the socket itself (follow, unfollow, ping) is in consumers.py.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils import translation

from portal.accounts.models import Person
from portal.chat import access, actions, choices, frames, queries
from portal.chat.models import Generation


def run(person: Person, command: frames.Command, *, language: str) -> frames.Frame:
    """Do what the command says, as this person, and answer it. Raises `ChatError`."""
    with translation.override(language):
        return _BY_TYPE[type(command)](person, command)


def _hello(person: Person, command: frames.Hello) -> frames.Frame:
    page = queries.conversations_of(person)
    return frames.Welcome(
        ref=command.ref,
        person=frames.person(person, language=translation.get_language() or "en"),
        models=choices.choices_of(person),
        conversations=[frames.conversation(row) for row in page.conversations],
        more=page.more,
        limits=frames.Limits(max_text_chars=settings.PORTAL.max_text_chars),
    )


def _list_conversations(person: Person, command: frames.ListConversations) -> frames.Frame:
    page = queries.conversations_of(person, before=command.before)
    return frames.Conversations(
        ref=command.ref,
        conversations=[frames.conversation(row) for row in page.conversations],
        more=page.more,
    )


def _open_conversation(person: Person, command: frames.OpenConversation) -> frames.Frame:
    conversation = access.conversation_for_reading(person, command.conversation_id)
    return frames.OneConversation(
        ref=command.ref,
        conversation=frames.conversation(conversation),
        messages=[frames.message(turn) for turn in queries.turns_of(conversation)],
    )


def _rename_conversation(person: Person, command: frames.RenameConversation) -> frames.Frame:
    actions.rename_conversation(
        person, conversation_id=command.conversation_id, title=command.title
    )
    return frames.Ok(ref=command.ref)


def _delete_conversation(person: Person, command: frames.DeleteConversation) -> frames.Frame:
    actions.delete_conversation(person, conversation_id=command.conversation_id)
    return frames.Ok(ref=command.ref)


def _send_message(person: Person, command: frames.SendMessage) -> frames.Frame:
    generation = actions.send_message(
        person,
        conversation_id=command.conversation_id,
        text=command.text,
        client_key=command.client_key,
        model_name=command.model_name,
    )
    return _sent(command.ref, generation)


def _stop_generation(person: Person, command: frames.StopGeneration) -> frames.Frame:
    actions.stop_generation(person, command.generation_id)
    return frames.Ok(ref=command.ref)


def _retry_generation(person: Person, command: frames.RetryGeneration) -> frames.Frame:
    generation = actions.retry_generation(
        person,
        generation_id=command.generation_id,
        client_key=command.client_key,
        model_name=command.model_name,
    )
    return _sent(command.ref, generation)


def _continue_generation(person: Person, command: frames.ContinueGeneration) -> frames.Frame:
    generation = actions.continue_generation(
        person, generation_id=command.generation_id, client_key=command.client_key
    )
    return _sent(command.ref, generation)


def _sent(ref: int, generation: Generation) -> frames.Frame:
    message = access.message_answered(generation)
    return frames.Sent(
        ref=ref,
        conversation=frames.conversation(message.conversation),
        message=frames.message(queries.turn_of(message)),
    )


_BY_TYPE: dict[type, Callable[[Person, Any], frames.Frame]] = {
    frames.Hello: _hello,
    frames.ListConversations: _list_conversations,
    frames.OpenConversation: _open_conversation,
    frames.RenameConversation: _rename_conversation,
    frames.DeleteConversation: _delete_conversation,
    frames.SendMessage: _send_message,
    frames.StopGeneration: _stop_generation,
    frames.RetryGeneration: _retry_generation,
    frames.ContinueGeneration: _continue_generation,
}
