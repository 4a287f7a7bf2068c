"""From a question to an answer being read, also when the client goes away in between (F13).

A question that is asked again while its first answer still waits gets that answer (F25).
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import msgspec
from channels.db import database_sync_to_async

from portal.accounts.models import Person
from portal.api import asking
from portal.api.streaming import PACE, Answer, Pace, stopped
from portal.chat.models import Generation
from portal.streams import repeats
from portal.streams.repeats import Press


async def started(person: Person, question: asking.Question, *, pace: Pace = PACE) -> Answer:
    """Queue the question and begin to read. Whoever called must close the answer."""
    begun: list[Press] = []
    begin = partial(_begun, person, question, presses=begun)
    generation = await queued(person, begin, presses=begun)
    return Answer(person, generation, pace=pace, press=begun[-1])


async def queued(
    person: Person, begin: Callable[[], Generation], *, presses: list[Press] | None = None
) -> Generation:
    """What `begin` queues, in a thread; stopped again when the client leaves meanwhile.

    It tells in `presses` what else it may be that others read.
    """
    asking_now = asyncio.ensure_future(database_sync_to_async(begin)())
    try:
        return await asyncio.shield(asking_now)
    except asyncio.CancelledError:
        # The thread goes on whatever we do: wait for the row it makes, then stop that.
        generation = await asking_now
        await stopped(person, generation.id, press=presses[-1] if presses else None)
        raise


def _begun(person: Person, question: asking.Question, *, presses: list[Press]) -> Generation:
    press = repeats.join(_place_of(person, question))
    generation = _generation_of(press, person, question)
    if not press.is_first and (generation.is_over or repeats.has_said_something(generation.id)):
        # It is no repeat of a request that waits: the same was asked, and answered, before.
        repeats.leave(press)
        press = repeats.join(press.place, after=press)
        generation = _generation_of(press, person, question)
    presses.append(press)
    return generation


def _generation_of(press: Press, person: Person, question: asking.Question) -> Generation:
    try:
        return asking.begin(person, question, client_key=press.key, is_first_press=press.is_first)
    except Exception:
        repeats.leave(press)
        raise


def _place_of(person: Person, question: asking.Question) -> str:
    """Equal for equal questions by one key. Strangers without a key have nothing in common."""
    alone = uuid4().hex
    key = person.asking_with
    who = alone if person.is_system else f"{person.pk.hex}{key.pk.hex if key else ''}"
    asked = (question.model_name, question.messages, question.wishes, question.system)
    try:
        sampling = json.dumps([dict(question.options), dict(question.defaults), question.task])
        written = msgspec.json.encode([asked, sampling])
    except (UnicodeEncodeError, RecursionError):
        return alone  # half a character, or too deep: refused further on
    return hashlib.sha256(who.encode() + written).hexdigest()
