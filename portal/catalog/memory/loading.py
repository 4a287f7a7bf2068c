"""A model is brought into memory because somebody will ask it soon. Not for letting models go.

She waits as a request does, and is served by the same plan: what others use makes way no sooner,
and nothing she says changes how it is loaded or how long it stays (threat F22).
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Person
from portal.catalog import queries
from portal.catalog.models import Model
from portal.chat.errors import TooOften
from portal.streams import awaited
from portal.streams.awaited import Standing
from portal.streams.tasks import end_if_cancelled

LOOK_SECONDS = 0.2
WANT_AGAIN_SECONDS = 1.0
# Of one person in one process: enough for every window of her editor.
MAX_WAITS_EACH = 16

_waits: Counter[UUID] = Counter()


class NotLoaded(Exception):
    """No worker can load it. `detail` is what an answer of it would have ended with."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class TooSlow(Exception):
    """It did not come any further for as long as the operator allows."""


async def load(person: Person, model: Model) -> None:
    """Returns when a runner has it ready. Whoever gives up waiting cancels this, and that is all.

    Raises `NotLoaded`, `TooSlow`, `TooOften`, or what Redis says when it is away.
    """
    spec = queries.spec_of(model, "answer")
    with _counted(person.pk):
        try:
            await awaited.begin(spec, model_name=model.name)
            await _until_ready(model)
        finally:
            await awaited.end(spec.queue)


async def _until_ready(model: Model) -> None:
    spec = queries.spec_of(model, "answer")
    now = asyncio.get_running_loop().time
    before, moved_at, said_at = Standing(), now(), now()
    while not (standing := await awaited.standing(spec.queue)).is_ready:
        end_if_cancelled()
        if standing.refusal:
            raise NotLoaded(standing.refusal)
        if standing != before:
            before, moved_at = standing, now()
        if _is_too_long(now() - moved_at):
            raise TooSlow
        if now() - said_at >= WANT_AGAIN_SECONDS:
            await awaited.want(spec, model_name=model.name)
            said_at = now()
        await asyncio.sleep(LOOK_SECONDS)


def _is_too_long(seconds: float) -> bool:
    most = settings.PORTAL.load_timeout_seconds
    return most is not None and seconds >= most


@contextmanager
def _counted(person_id: UUID) -> Iterator[None]:
    if _waits[person_id] >= MAX_WAITS_EACH:
        raise TooOften(_("You are waiting for many models already. Wait for one to be loaded."))
    _waits[person_id] += 1
    try:
        yield
    finally:
        _waits[person_id] -= 1
        if not _waits[person_id]:
            del _waits[person_id]
