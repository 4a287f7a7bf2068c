"""From a question to an answer being read, also when the client goes away in between (F13)."""

import asyncio
from collections.abc import Callable
from functools import partial
from uuid import uuid4

from channels.db import database_sync_to_async

from portal.accounts.models import Person
from portal.api import asking
from portal.api.streaming import Answer, stopped
from portal.chat.models import Generation


async def started(person: Person, question: asking.Question) -> Answer:
    """Queue the question and begin to read. Whoever called must close the answer."""
    begin = partial(asking.begin, person, question, client_key=uuid4())
    return Answer(person, await queued(person, begin))


async def queued(person: Person, begin: Callable[[], Generation]) -> Generation:
    """What `begin` queues, in a thread; stopped again when the client leaves meanwhile."""
    asking_now = asyncio.ensure_future(database_sync_to_async(begin)())
    try:
        return await asyncio.shield(asking_now)
    except asyncio.CancelledError:
        # The thread goes on whatever we do: wait for the row it makes, then stop that.
        generation = await asking_now
        await stopped(person, generation.id)
        raise
