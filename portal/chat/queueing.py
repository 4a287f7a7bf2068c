"""How a question is stored and its answer queued: the row first, Redis after the commit.

What actions.py, turning.py and nexts.py share, always inside their transactions. Asks no rights.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from portal import clock, faults
from portal.accounts import queries as people
from portal.accounts import quotas
from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import aliases
from portal.catalog.models import Model
from portal.chat import limits, prompts, queries
from portal.chat.errors import AnswerRunning, QueueFull, TooOften
from portal.chat.models import Conversation, Door, Generation, Message
from portal.chat.wakeups import wake
from portal.files.actions import attach, must_be_seen
from portal.files.models import File
from portal.streams import requests, transcript
from portal.streams.connection import AWAY


def store_question(
    person: Person,
    conversation: Conversation,
    *,
    act: str,
    after: Generation | None,
    text: str,
    client_key: UUID,
    model: Model,
    model_name: str,
    files: Sequence[File] = (),
) -> Generation:
    """The message behind that answer, with these files, and one answer to it. `act` is its word in
    the audit log."""
    must_be_seen(files, model=model)
    conversation.model_name = aliases.name_kept(model_name, model=model)
    conversation.changed_at = clock.now()
    # Only these of one that is there: a title, a pin or a folder may change at the same moment.
    is_new = conversation._state.adding
    conversation.save(update_fields=None if is_new else ["model_name", "changed_at"])
    message = Message.objects.create(
        conversation=conversation, author=person, after=after, text=text, client_key=client_key
    )
    attach(files, conversation=conversation, message=message)
    record(person, act, conversation)
    return answer(person, message, model=model, client_key=client_key)


def answer(
    person: Person, message: Message, *, model: Model, client_key: UUID, so_far: str = ""
) -> Generation:
    """One more answer to this message; from now on it is the one that is shown."""
    generation = queue(
        person,
        door=Door.PAGE,
        model=model,
        client_key=client_key,
        request=prompts.plan_for_page(model, message.conversation),
        message=message,
        so_far=so_far,
    )
    message.conversation.shown = generation
    message.conversation.save(update_fields=["shown"])
    transaction.on_commit(partial(wake, person.id, message.conversation_id))
    return generation


def queue(
    person: Person,
    *,
    door: Door,
    model: Model,
    client_key: UUID,
    request: dict[str, Any],
    message: Message | None = None,
    so_far: str = "",
    weight: int | None = None,
) -> Generation:
    """The row, and after the commit its request. Whatever happens between is the sweep's to
    repair. `weight` is her weight, where it was read in this transaction already."""
    generation = Generation.objects.create(
        owner=person,
        door=door,
        message=message,
        model=model,
        model_name=model.name,
        key=person.asking_with,
        client_key=client_key,
        request=request,
        so_far=so_far,
    )
    faults.at("message.stored")
    transaction.on_commit(partial(faults.at, "message.committed"))
    request_now = prompts.request_of(generation, weight=weight)
    is_api = door == Door.API
    transaction.on_commit(partial(requests.submit, request_now, is_listened_to=is_api))
    return generation


def one_press_at_a_time(person: Person) -> int:
    """Two presses of one person wait for each other, so that what is counted below stays true.

    Gives her weight of this moment, which stands in the row that is held.
    """
    return people.held_weight_of(person.id)


def must_have_room(
    person: Person,
    *,
    model: Model,
    conversation: Conversation | None = None,
    door: Door = Door.PAGE,
) -> None:
    if conversation is not None and queries.open_generations(conversation).exists():
        raise AnswerRunning
    is_page = door == Door.PAGE
    most = limits.MAX_OPEN_GENERATIONS if is_page else limits.MAX_OPEN_API_GENERATIONS
    load = queries.load_of(person, door=door, model=model)
    if load.hers >= most:
        raise TooOften(_("You have many answers waiting already. Wait for one, or stop one."))
    quotas.must_have_tokens(person)
    # Counted in the database, where it is known even while Redis is away (threat I2). Rows say
    # late that an answer has begun or ended, so before somebody is refused they are looked through.
    most_waiting = settings.PORTAL.max_queue
    if load.waiting >= most_waiting and _waiting_for(model) >= most_waiting:
        raise QueueFull


def _waiting_for(model: Model) -> int:
    """How many answers of this model nobody has begun yet."""
    attempts = queries.attempts_waiting_for(model)
    try:
        return transcript.count_unbegun(attempts)
    except AWAY:
        return len(attempts)
