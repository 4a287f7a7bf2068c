"""Each frame about a model's view → one action or query → the frame that answers it."""

from collections.abc import Callable
from typing import Any

from portal.accounts.models import Person
from portal.catalog import access as catalog
from portal.chat import access as chat
from portal.chat import branches
from portal.chat.told import Ok
from portal.context import actions, frames, queries

Reply = frames.Frame | Ok


def _look(person: Person, command: frames.LookAtContext) -> Reply:
    conversation = chat.conversation_for_reading(person, command.conversation_id)
    view = queries.view_of(
        conversation,
        end=branches.last_answer(conversation),
        model=catalog.model_for_answering(person, command.model_name),
    )
    return frames.ContextFrame(
        ref=command.ref,
        conversation_id=conversation.id,
        window_tokens=view.window_tokens,
        used_tokens=view.used_tokens,
        because=view.because,
        begins_with=view.begins_with,
        hidden_messages=view.hidden_messages,
        cleared_at=view.cleared_at,
        chars_a_token=view.chars_a_token,
    )


def _clear(person: Person, command: frames.ClearContext) -> Reply:
    actions.clear(person, conversation_id=command.conversation_id)
    return Ok(ref=command.ref)


def _restore(person: Person, command: frames.RestoreContext) -> Reply:
    actions.restore(person, generation_id=command.generation_id)
    return Ok(ref=command.ref)


BY_TYPE: dict[type, Callable[[Person, Any], Reply]] = {
    frames.LookAtContext: _look,
    frames.ClearContext: _clear,
    frames.RestoreContext: _restore,
}
