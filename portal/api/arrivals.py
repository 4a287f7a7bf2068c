"""What came through the door, written down: a line in the log each, and sometimes on the key.

On the key stands what its newest request was: at once when that is something new, else at most once
a minute. Not for who may come in (keys.py), and never with a word of what was asked.
"""

import logging
import time
from collections import OrderedDict
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import DatabaseError
from django.http import HttpRequest

from portal.accounts import keys
from portal.accounts.models import ApiKey, Person
from portal.api.clients import act_of, client_of

log = logging.getLogger(__name__)

NOTE_AGAIN_SECONDS = 60.0
MAX_REMEMBERED_KEYS = 10_000

# What this process noted of each key, and when. Another process notes it once more: no harm.
_noted: "OrderedDict[UUID, tuple[keys.Use, float]]" = OrderedDict()


async def note(request: HttpRequest, person: Person, *, status: int) -> None:
    """Called when the answer, or its beginning, is known. Never in the way of it."""
    use = keys.Use(client=client_of(request), act=act_of(request), status=status)
    key = person.asking_with
    log.info(
        "%s %s for %s of %s: %s, answered %d",
        *(request.method, _route(request), key.pk if key else "no key", person.pk),
        *(use.client, use.status),
    )
    if key is not None and _is_news(key, use):
        try:
            await database_sync_to_async(keys.note_use)(key, use)
        except DatabaseError:
            log.warning("the use of a key was not noted: the database is busy")


def _route(request: HttpRequest) -> str:
    """The address as routes name it: what stands in it is the client's, and could forge a line."""
    match = request.resolver_match
    return f"/{match.route}" if match else "/"


def _is_news(key: ApiKey, use: keys.Use) -> bool:
    now = time.monotonic()
    known, noted_at = _noted.get(key.pk, (None, 0.0))
    if known == use and now - noted_at < NOTE_AGAIN_SECONDS:
        return False
    _noted[key.pk] = (use, now)
    _noted.move_to_end(key.pk)
    if len(_noted) > MAX_REMEMBERED_KEYS:
        _noted.popitem(last=False)
    return True
