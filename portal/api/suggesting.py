"""A question begun for clients that show refusals to people: which models there are stands in them.

Not for Ollama's own dialect, whose words are read by programs.
"""

from channels.db import database_sync_to_async

from portal.accounts.models import Person
from portal.api import asking
from portal.api.errors import Refused
from portal.api.road import started
from portal.api.streaming import Answer
from portal.catalog import queries

MAX_NAMED_MODELS = 50


async def begun(person: Person, question: asking.Question) -> Answer:
    """As `started`. Of a model that is not there, it is said which ones this person may use."""
    try:
        return await started(person, question)
    except Refused as refused:
        if refused.status != 404:
            raise
        raise await _naming_the_others(person, refused) from None


async def _naming_the_others(person: Person, refused: Refused) -> Refused:
    usable = await database_sync_to_async(queries.models_for)(person)
    names = ", ".join(model.name for model in usable[:MAX_NAMED_MODELS])
    message = f"{refused.message}; you may use: {names}" if names else refused.message
    return Refused(status=404, message=message)
