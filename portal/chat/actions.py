"""Everything that writes: send, retry, continue, stop, rename, delete, and `ask` for programs.

Rows first, Redis after the commit. `client_key` names the press of a button: the same key again
returns what the first press made. Answers are not written here: that is recorder.py.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from inference import protocol
from portal import clock, faults
from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access as catalog
from portal.catalog import aliases
from portal.catalog.models import Model
from portal.chat import access, limits, prompts, queries
from portal.chat.errors import Conflict, QueueFull, TooOften, Unavailable
from portal.chat.models import OPEN, Conversation, Door, Generation, Message, State
from portal.chat.settling import settle
from portal.chat.wakeups import wake
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
) -> Generation:
    """Store the message and queue one answer to it. Without a conversation, begin one.

    Refused while an answer of the same conversation is being written: the page asks again after it.
    """
    text = limits.checked_text(text)
    if conversation_id is not None:
        _settle_conversation(access.conversation_for_reading(person, conversation_id))
    send = partial(
        _send_message,
        person,
        conversation_id=conversation_id,
        text=text,
        client_key=client_key,
        model_name=model_name,
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
) -> Generation:
    _one_press_at_a_time(person)
    earlier = access.message_of_press(person, client_key)
    if earlier is not None:
        return _first_answer_again(earlier, conversation_id=conversation_id, text=text)
    if access.generation_of_press(person, client_key) is not None:
        raise Conflict(_("This key was used for another command."))
    conversation = (
        access.conversation_for_writing(person, conversation_id) if conversation_id else None
    )
    model = catalog.model_for_answering(person, model_name)
    _must_have_room(person, model=model, conversation=conversation)
    if conversation is None:
        conversation = Conversation(owner=person, title=limits.derived_title(text))
    after = queries.newest_answer(conversation)
    conversation.model_name = aliases.name_kept(model_name, model=model)
    conversation.changed_at = clock.now()
    conversation.save()
    message = Message.objects.create(
        conversation=conversation, author=person, after=after, text=text, client_key=client_key
    )
    record(person, "message.sent", conversation)
    return _answer(person, message, model=model, client_key=client_key)


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
    record(person, "conversation.deleted", conversation)
    for generation in queries.open_generations(conversation):
        transaction.on_commit(partial(_stop_quietly, generation))
    transaction.on_commit(partial(wake, person.id, conversation.id))


def ask(
    person: Person,
    *,
    model_name: str,
    messages: Sequence[protocol.Message],
    options: protocol.Options,
    client_key: UUID,
    wishes: prompts.Wishes = prompts.NO_WISHES,
    lane: protocol.Lane = "api",
) -> Generation:
    """Queue one answer for a program. It is stopped when nobody keeps listening."""
    limits.must_be_askable(messages, tools=wishes.tools)
    plan = partial(
        prompts.plan_for_api, messages=messages, options=options, lane=lane, wishes=wishes
    )
    ask_once = partial(_ask, person, model_name=model_name, plan=plan, client_key=client_key)
    try:
        return ask_once()
    except IntegrityError:
        return ask_once()


@transaction.atomic
def _ask(
    person: Person,
    *,
    model_name: str,
    plan: Callable[[Model], dict[str, Any]],
    client_key: UUID,
) -> Generation:
    _one_press_at_a_time(person)
    earlier = access.generation_of_press(person, client_key)
    if earlier is not None:
        return earlier
    model = catalog.model_for_use(person, model_name)
    _must_have_room(person, model=model, door=Door.API)
    return _queue(person, door=Door.API, model=model, client_key=client_key, request=plan(model))


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
    _one_press_at_a_time(person)
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
    _must_have_room(person, model=model, conversation=message.conversation)
    record(
        person,
        "generation.continued" if is_continued else "generation.retried",
        generation,
    )
    return _answer(person, message, model=model, client_key=client_key, so_far=so_far)


def _answer(
    person: Person, message: Message, *, model: Model, client_key: UUID, so_far: str = ""
) -> Generation:
    generation = _queue(
        person,
        door=Door.PAGE,
        model=model,
        client_key=client_key,
        request=prompts.plan_for_page(model),
        message=message,
        so_far=so_far,
    )
    transaction.on_commit(partial(wake, person.id, message.conversation_id))
    return generation


def _queue(
    person: Person,
    *,
    door: Door,
    model: Model,
    client_key: UUID,
    request: dict[str, Any],
    message: Message | None = None,
    so_far: str = "",
) -> Generation:
    """The row, and after the commit its request. Whatever happens between is the sweep's to
    repair."""
    generation = Generation.objects.create(
        owner=person,
        door=door,
        message=message,
        model=model,
        model_name=model.name,
        client_key=client_key,
        request=request,
        so_far=so_far,
    )
    faults.at("message.stored")
    transaction.on_commit(partial(faults.at, "message.committed"))
    if door == Door.API:
        transaction.on_commit(partial(requests.begin_listening, generation.id))
    transaction.on_commit(partial(requests.submit, prompts.request_of(generation)))
    return generation


def _one_press_at_a_time(person: Person) -> None:
    """Two presses of one person wait for each other, so that what is counted below stays true."""
    Person.objects.select_for_update().only("id").get(id=person.id)


def _must_have_room(
    person: Person,
    *,
    model: Model,
    conversation: Conversation | None = None,
    door: Door = Door.PAGE,
) -> None:
    if conversation is not None and queries.open_generations(conversation).exists():
        raise Conflict(_("An answer is still being written. Wait for it, or stop it first."))
    is_page = door == Door.PAGE
    most = limits.MAX_OPEN_GENERATIONS if is_page else limits.MAX_OPEN_API_GENERATIONS
    if Generation.objects.filter(owner=person, door=door, state__in=OPEN).count() >= most:
        raise TooOften(_("You have many answers waiting already. Wait for one, or stop one."))
    # Counted in the database, where it is exact and known even while Redis is away (threat I2).
    if queries.waiting_for(model) >= settings.PORTAL.max_queue:
        raise QueueFull


def _first_answer_again(message: Message, *, conversation_id: UUID | None, text: str) -> Generation:
    access.must_be_listed(message.conversation)
    if message.text != text:
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
