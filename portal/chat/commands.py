"""Each frame that a tab may send → one action or query → the frame that answers it.

Runs in a thread, for it uses the database; the person was read a moment ago. Rules are in
actions.py and access.py. What needs the socket itself (follow, unfollow, ping) is in consumers.py.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils import translation

from portal.accounts.models import Person
from portal.chat import (
    access,
    actions,
    asked,
    branches,
    choices,
    frames,
    nexts,
    queries,
    ratings,
    told,
    turning,
)
from portal.chat.errors import NotFound
from portal.chat.models import Conversation, Generation, NextQuestion
from portal.context import commands as context
from portal.files.limits import MAX_FILES_A_QUESTION
from portal.order import commands as order
from portal.presets import commands as presets
from portal.search import commands as search
from portal.sharing import commands as sharing


def run(person: Person, command: frames.Command, *, language: str) -> frames.Frame:
    """Do what the command says, as this person, and answer it. Raises `ChatError`."""
    with translation.override(language):
        return _BY_TYPE[type(command)](person, command)


def _hello(person: Person, command: asked.Hello) -> frames.Frame:
    page = queries.conversations_of(person)
    return told.Welcome(
        ref=command.ref,
        person=frames.person(person, language=translation.get_language() or "en"),
        models=choices.choices_of(person),
        conversations=[frames.conversation(row) for row in page.conversations],
        more=page.more,
        limits=told.Limits(
            max_text_chars=settings.PORTAL.max_text_chars,
            max_file_bytes=settings.PORTAL.max_file_bytes,
            max_files=MAX_FILES_A_QUESTION,
        ),
    )


def _list_conversations(person: Person, command: asked.ListConversations) -> frames.Frame:
    page = queries.conversations_of(person, before=command.before)
    return told.Conversations(
        ref=command.ref,
        conversations=[frames.conversation(row) for row in page.conversations],
        more=page.more,
    )


def _open_conversation(person: Person, command: asked.OpenConversation) -> frames.Frame:
    conversation = access.conversation_for_reading(person, command.conversation_id)
    if command.before is None:
        return frames.opened(branches.newest_stretch(conversation), ref=command.ref)
    before = access.message_for_editing(person, command.before)
    if before.conversation_id != conversation.id:
        raise NotFound("message")
    return frames.opened(branches.stretch_before(conversation, before), ref=command.ref)


def _rename_conversation(person: Person, command: asked.RenameConversation) -> frames.Frame:
    actions.rename_conversation(
        person, conversation_id=command.conversation_id, title=command.title
    )
    return told.Ok(ref=command.ref)


def _delete_conversation(person: Person, command: asked.DeleteConversation) -> frames.Frame:
    actions.delete_conversation(person, conversation_id=command.conversation_id)
    return told.Ok(ref=command.ref)


def _send_message(person: Person, command: asked.SendMessage) -> frames.Frame:
    if command.may_wait and command.conversation_id is not None:
        sent = nexts.send_or_keep(
            person,
            conversation_id=command.conversation_id,
            text=command.text,
            client_key=command.client_key,
            model_name=command.model_name,
            after=command.after,
            file_ids=command.files,
        )
        if isinstance(sent, NextQuestion):
            return _waits(command.ref, sent.conversation)
        return _sent(command.ref, sent)
    generation = actions.send_message(
        person,
        conversation_id=command.conversation_id,
        text=command.text,
        client_key=command.client_key,
        model_name=command.model_name,
        after=command.after,
        settings=command.settings,
        file_ids=command.files,
    )
    return _sent(command.ref, generation)


def _edit_message(person: Person, command: asked.EditMessage) -> frames.Frame:
    generation = turning.edit_message(
        person,
        message_id=command.message_id,
        text=command.text,
        client_key=command.client_key,
        model_name=command.model_name,
        file_ids=command.files,
    )
    return _sent(command.ref, generation)


def _show_message(person: Person, command: asked.ShowMessage) -> frames.Frame:
    stretch = turning.show_message(person, command.message_id)
    return frames.opened(stretch, ref=command.ref)


def _cancel_next(person: Person, command: asked.CancelNext) -> frames.Frame:
    return _waits(command.ref, nexts.cancel(person, command.next_id))


def _send_next(person: Person, command: asked.SendNext) -> frames.Frame:
    generation = nexts.send_now(person, next_id=command.next_id, model_name=command.model_name)
    return _sent(command.ref, generation)


def _stop_generation(person: Person, command: asked.StopGeneration) -> frames.Frame:
    actions.stop_generation(person, command.generation_id)
    return told.Ok(ref=command.ref)


def _retry_generation(person: Person, command: asked.RetryGeneration) -> frames.Frame:
    generation = actions.retry_generation(
        person,
        generation_id=command.generation_id,
        client_key=command.client_key,
        model_name=command.model_name,
    )
    return _sent(command.ref, generation)


def _continue_generation(person: Person, command: asked.ContinueGeneration) -> frames.Frame:
    generation = actions.continue_generation(
        person, generation_id=command.generation_id, client_key=command.client_key
    )
    return _sent(command.ref, generation)


def _show_generation(person: Person, command: asked.ShowGeneration) -> frames.Frame:
    stretch = turning.show_generation(person, command.generation_id)
    return frames.opened(stretch, ref=command.ref)


def _rate_generation(person: Person, command: asked.RateGeneration) -> frames.Frame:
    ratings.rate(
        person,
        generation_id=command.generation_id,
        verdict=command.verdict,
        reasons=command.reasons,
        note=command.note,
    )
    return told.Ok(ref=command.ref)


def _sent(ref: int, generation: Generation) -> frames.Frame:
    message = access.message_answered(generation)
    return told.Sent(
        ref=ref,
        conversation=frames.conversation(message.conversation),
        message=frames.message(branches.turn_of(message, shown=generation)),
    )


def _waits(ref: int, conversation: Conversation) -> frames.Frame:
    return told.Waits(
        ref=ref,
        conversation=frames.conversation(conversation),
        nexts=[frames.next_question(row) for row in branches.nexts_of(conversation)],
    )


_BY_TYPE: dict[type, Callable[[Person, Any], frames.Frame]] = {
    asked.Hello: _hello,
    asked.ListConversations: _list_conversations,
    asked.OpenConversation: _open_conversation,
    asked.RenameConversation: _rename_conversation,
    asked.DeleteConversation: _delete_conversation,
    asked.SendMessage: _send_message,
    asked.EditMessage: _edit_message,
    asked.ShowMessage: _show_message,
    asked.CancelNext: _cancel_next,
    asked.SendNext: _send_next,
    asked.StopGeneration: _stop_generation,
    asked.RetryGeneration: _retry_generation,
    asked.ContinueGeneration: _continue_generation,
    asked.ShowGeneration: _show_generation,
    asked.RateGeneration: _rate_generation,
    **presets.BY_TYPE,
    **context.BY_TYPE,
    **order.BY_TYPE,
    **search.BY_TYPE,
    **sharing.BY_TYPE,
}
