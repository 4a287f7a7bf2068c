"""An empty prompt, or no messages: the model is loaded, or let go. Not for the rest of a dialect.

Anybody who may use a model may have it loaded; that is a request like others. To let it go takes it
from everybody, so that is for those who manage models, with a key that says so: anybody else is
answered as Ollama's clients expect, and nothing happens (threat F22). Editors and scripts send
`keep_alive: 0` out of habit, and an error would stop them; only the schedule decides then. A header
that such clients do not look at says which of the two it was, for ours.
"""

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse

from inference import protocol
from portal.accounts.errors import KeyIsForLess, NoKey
from portal.accounts.models import KeyScope, Person
from portal.api import keys
from portal.api.errors import Refused
from portal.api.ollama.framing import as_json
from portal.api.outcomes import refusal_of_end
from portal.catalog.memory import kept as memory
from portal.catalog.memory import loading
from portal.catalog.models import Model
from portal.chat.errors import Forbidden

# "yes": it goes, once what it answers is done. "no": the schedule decides.
UNLOADED_HEADER = "X-Portal-Unloaded"
TOO_SLOW = (
    "timed out waiting for llama-server to start - the model is not in memory yet;"
    " nothing was lost, try again later"
)


async def loaded(person: Person, model: Model, body: dict[str, object]) -> HttpResponse:
    """The reply, when the model is in memory."""
    try:
        await loading.load(person, model)
    except loading.NotLoaded as error:
        end = protocol.End(why="failed", detail=error.detail)
        raise refusal_of_end(end) or Refused(status=500, message=error.detail) from None
    except loading.TooSlow:
        raise Refused(status=500, message=TOO_SLOW) from None
    return as_json({**body, "done": True, "done_reason": "load"})


async def unloaded(request: HttpRequest, model: Model, body: dict[str, object]) -> HttpResponse:
    """The reply at once, as in Ollama: running answers are finished first."""
    goes = await database_sync_to_async(_is_let_go)(request, model)
    response = as_json({**body, "done": True, "done_reason": "unload"})
    response[UNLOADED_HEADER] = "yes" if goes else "no"
    return response


def _is_let_go(request: HttpRequest, model: Model) -> bool:
    try:
        manager, _ = keys.holder(request, scope=KeyScope.MANAGE)
        memory.unload(manager, model_id=model.id)
    except (KeyIsForLess, NoKey, Forbidden):
        return False
    return True
