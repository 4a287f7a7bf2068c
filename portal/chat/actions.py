"""Everything that writes: send, retry, continue, stop, rename, delete, and `ask` for programs.

Rows first, Redis after the commit. `client_key` names the press of a button: the same key again
returns what the first press made. Answers are not written here: that is recorder.py.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from inference import protocol
from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access as catalog
from portal.catalog.models import Model
from portal.chat import access, branches, limits, prompts, queries, queueing
from portal.chat.errors import Conflict, Unavailable
from portal.chat.models import Conversation, Door, Generation, Message, NextQuestion, State
from portal.chat.settling import settle
from portal.chat.wakeups import wake
from portal.files import access as files
from portal.files.actions import must_be_seen
from portal.files.queries import files_of, ids_of
from portal.presets import actions as presets
from portal.presets.chosen import Chosen
from portal.search import index
from portal.sharing.telling import tell_readers_in
from portal.streams import requests
from portal.streams import transcript as streams
from portal.streams.connection import AWAY

log = logging.getLogger(__name__)

_CONTINUABLE = (State.STOPPED, State.INTERRUPTED, State.COMPLETE)


def send_message(
    person: Person,
    *,
    conversation_id: UUID | None,
    text: str,
    client_key: UUID,
    model_name: str,
    after: UUID | None = None,
    settings: Chosen | None = None,
    file_ids: Sequence[UUID] = (),
) -> Generation:
    """Store the message and queue one answer to it. Without a conversation, begin one, set to
    `settings`.

    `after` is the answer that she saw last; None stands for the last one of the shown branch.
    `file_ids` are files of hers that go with it.
    Refused while an answer of the same conversation is being written: nexts.py keeps it until then.
    """
    text = limits.checked_text(text, has_files=bool(file_ids))
    if conversation_id is not None:
        _settle_conversation(access.conversation_for_reading(person, conversation_id))
    send = partial(
        _send_message,
        person,
        conversation_id=conversation_id,
        text=text,
        client_key=client_key,
        model_name=model_name,
        after=after,
        settings=settings,
        file_ids=file_ids,
    )
    try:
        return send()
    except IntegrityError:
        # Two presses with one key at one moment: the other one is stored now.
        return send()


@transaction.atomic
def _send_message(
    person: Person,
    *,
    conversation_id: UUID | None,
    text: str,
    client_key: UUID,
    model_name: str,
    after: UUID | None,
    settings: Chosen | None,
    file_ids: Sequence[UUID],
) -> Generation:
    queueing.one_press_at_a_time(person)
    earlier = access.message_of_press(person, client_key)
    if earlier is not None:
        return first_answer_again(
            earlier, conversation_id=conversation_id, text=text, file_ids=file_ids
        )
    if access.generation_of_press(person, client_key) is not None:
        raise Conflict(_("This key was used for another command."))
    conversation = (
        access.conversation_for_writing(person, conversation_id) if conversation_id else None
    )
    model = catalog.model_for_answering(person, model_name)
    attached = files.files_for_asking(person, file_ids, conversation=conversation)
    queueing.must_have_room(person, model=model, conversation=conversation)
    if conversation is None:
        names = " ".join(file.name for file in attached)
        conversation = _begun(person, text=text if text.strip() else names, settings=settings)
    return queueing.store_question(
        person,
        conversation,
        act="message.sent",
        after=branches.followed(person, conversation, after_id=after),
        text=text,
        client_key=client_key,
        model=model,
        model_name=model_name,
        files=attached,
    )


def _begun(person: Person, *, text: str, settings: Chosen | None) -> Conversation:
    conversation = Conversation.objects.create(
        owner=person, title=limits.derived_title(text), changed_at=clock.now()
    )
    if settings is not None:
        presets.begin_with(person, conversation, settings)
    return conversation


def retry_generation(
    person: Person, *, generation_id: UUID, client_key: UUID, model_name: str | None = None
) -> Generation:
    """One more answer to the same message, by the same model or another. The old one stays."""
    return _answer_again(
        person,
        generation_id=generation_id,
        client_key=client_key,
        model_name=model_name,
        is_continued=False,
    )


def continue_generation(person: Person, *, generation_id: UUID, client_key: UUID) -> Generation:
    """A new answer that begins with the text of one that was cut short, and goes on after it."""
    return _answer_again(
        person,
        generation_id=generation_id,
        client_key=client_key,
        model_name=None,
        is_continued=True,
    )


def stop_generation(person: Person, generation_id: UUID) -> None:
    """End it and keep its text. Twice, too late or too early: harmless."""
    generation = access.generation_for_stopping(person, generation_id)
    if generation.is_over:
        return
    record(person, "generation.stopped", generation)
    try:
        stop(generation)
    except AWAY:
        raise Unavailable(
            _("The answer could not be stopped, for a part of the portal is away. Try again.")
        ) from None


def stop(generation: Generation) -> None:
    """Without asking who wants it: for `stop_generation` and for the reaper."""
    # The mark comes first: a runner that takes it between these lines finds it.
    requests.request_stop(generation.id)
    queue = prompts.queue_of(generation)
    if queue is not None and requests.withdraw(generation.id, queue=queue):
        # Nobody has it and nobody will: the end is ours to tell.
        end = protocol.End(why="stopped")
        streams.close(generation.id, attempt=generation.attempt, end=end)
        streams.tell_recorder(generation.id)
        settle([generation])


@transaction.atomic
def rename_conversation(person: Person, *, conversation_id: UUID, title: str) -> None:
    conversation = access.conversation_for_writing(person, conversation_id)
    conversation.title = limits.checked_title(title)
    conversation.title_is_own = True
    conversation.save(update_fields=["title", "title_is_own"])
    record(person, "conversation.renamed", conversation)
    transaction.on_commit(partial(wake, person.id, conversation.id))


def delete_conversation(person: Person, *, conversation_id: UUID) -> None:
    """It is gone from every list and stream at once; what is being written in it stops."""
    _settle_conversation(access.conversation_for_writing(person, conversation_id))
    _delete_conversation(person, conversation_id=conversation_id)


@transaction.atomic
def _delete_conversation(person: Person, *, conversation_id: UUID) -> None:
    conversation = access.conversation_for_writing(person, conversation_id)
    conversation.deleted_at = clock.now()
    conversation.save(update_fields=["deleted_at"])
    index.forget([conversation.id])
    record(person, "conversation.deleted", conversation)
    for generation in queries.open_generations(conversation):
        transaction.on_commit(partial(_stop_quietly, generation))
    transaction.on_commit(partial(wake, person.id, conversation.id))
    tell_readers_in([conversation.id])


def ask(
    person: Person,
    *,
    model_name: str,
    messages: Sequence[protocol.Message],
    options: protocol.Options,
    client_key: UUID,
    wishes: prompts.Wishes = prompts.NO_WISHES,
    lane: protocol.Lane = "api",
    found: Model | None = None,
    is_first_press: bool = False,
) -> Generation:
    """Queue one answer for a program. It is stopped when nobody keeps listening.

    `found` is the model of that name, where this act has asked for it already. `is_first_press`:
    nobody had this key before, so no answer of it is looked for.
    """
    limits.must_be_askable(messages, tools=wishes.tools)
    plan = partial(
        prompts.plan_for_api, messages=messages, options=options, lane=lane, wishes=wishes
    )
    ask_once = partial(
        _ask, person, model_name=model_name, plan=plan, client_key=client_key, found=found
    )
    try:
        return ask_once(is_first_press=is_first_press)
    except IntegrityError:
        return ask_once()


@transaction.atomic
def _ask(
    person: Person,
    *,
    model_name: str,
    plan: Callable[[Model], dict[str, Any]],
    client_key: UUID,
    found: Model | None = None,
    is_first_press: bool = False,
) -> Generation:
    weight = queueing.one_press_at_a_time(person)
    earlier = None if is_first_press else access.generation_of_press(person, client_key)
    if earlier is not None:
        return earlier
    model = found or catalog.model_for_use(person, model_name)
    queueing.must_have_room(person, model=model, door=Door.API)
    return queueing.queue(
        person,
        door=Door.API,
        model=model,
        client_key=client_key,
        request=plan(model),
        weight=weight,
    )


def measure_texts(
    person: Person,
    *,
    model_name: str,
    task: protocol.Task,
    inputs: prompts.Inputs,
    client_key: UUID,
    lane: protocol.Lane = "api",
) -> Generation:
    """Queue vectors or scores of texts for a program. It is stopped when nobody keeps listening.

    What comes out is read from the event stream, and never stored.
    """
    limits.must_be_measurable([*inputs.texts, inputs.query])
    plan = partial(prompts.plan_for_inputs, task=task, inputs=inputs, lane=lane)
    ask_once = partial(_ask, person, model_name=model_name, plan=plan, client_key=client_key)
    try:
        return ask_once()
    except IntegrityError:
        return ask_once()


def _answer_again(
    person: Person,
    *,
    generation_id: UUID,
    client_key: UUID,
    model_name: str | None,
    is_continued: bool,
) -> Generation:
    message = access.message_for_answering(person, generation_id)
    _settle_conversation(message.conversation)
    answer_again = partial(
        _answer_again_once,
        person,
        generation_id=generation_id,
        client_key=client_key,
        model_name=model_name,
        is_continued=is_continued,
    )
    try:
        return answer_again()
    except IntegrityError:
        return answer_again()


@transaction.atomic
def _answer_again_once(
    person: Person,
    *,
    generation_id: UUID,
    client_key: UUID,
    model_name: str | None,
    is_continued: bool,
) -> Generation:
    queueing.one_press_at_a_time(person)
    generation = access.generation_for_reading(person, generation_id)
    message = access.message_answered(generation)
    so_far = generation.text if is_continued else ""
    earlier = access.generation_of_press(person, client_key)
    if earlier is not None:
        if earlier.message_id != message.id or earlier.so_far != so_far:
            raise Conflict(_("This key was used for another command."))
        return earlier
    if is_continued and (generation.state not in _CONTINUABLE or not so_far):
        raise Conflict(_("There is nothing to go on from. Retry instead."))
    model = catalog.model_for_answering(person, model_name or generation.model_name)
    must_be_seen(files_of(message), model=model)
    queueing.must_have_room(person, model=model, conversation=message.conversation)
    record(
        person,
        "generation.continued" if is_continued else "generation.retried",
        generation,
    )
    again = queueing.answer(person, message, model=model, client_key=client_key, so_far=so_far)
    # What waits for the old answer waits for this one now.
    NextQuestion.objects.filter(follows=generation).update(follows=again)
    return again


def first_answer_again(
    message: Message, *, conversation_id: UUID | None, text: str, file_ids: Sequence[UUID]
) -> Generation:
    """What an earlier press with the same key made, if it is the same press."""
    access.must_be_listed(message.conversation)
    if message.text != text or ids_of(message) != list(dict.fromkeys(file_ids)):
        raise Conflict(_("This message was sent already, with another text."))
    if conversation_id not in (None, message.conversation_id):
        raise Conflict(_("This message was sent already, in another conversation."))
    return queries.first_answer(message)


def _settle_conversation(conversation: Conversation) -> None:
    settle(queries.open_generations(conversation))


def _stop_quietly(generation: Generation) -> None:
    try:
        stop(generation)
    except AWAY as error:
        log.warning("%s goes on unseen: %s", generation.id, type(error).__name__)
