"""Waits until a model that has just come in has been tried: "success" shall mean that it answers.

Programs ask for a model in the moment after it was fetched or made, and know no "being checked".
Not for trying it: trials.py.
"""

import asyncio

from channels.db import database_sync_to_async

from portal.catalog.models import Model, ModelState
from portal.catalog.names import ModelName, NotAName
from portal.streams import trials as stream
from portal.streams.connection import AWAY
from portal.streams.tasks import end_if_cancelled

LOOK_SECONDS = 0.1
# A worker that says nothing for so long will not decide while somebody waits.
PATIENCE_SECONDS = 300.0


async def is_settled(name: str, *, within_seconds: float) -> bool:
    """Whether its trial is over, or nobody is there who could hold it. Waits that long for it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_seconds
    while await _is_being_tried(name):
        end_if_cancelled()
        left = deadline - loop.time()
        if left <= 0:
            return False
        await asyncio.sleep(min(LOOK_SECONDS, left))
    return True


async def _is_being_tried(name: str) -> bool:
    if not await database_sync_to_async(_is_new)(name):
        return False
    try:
        return await stream.is_anybody_there()
    except AWAY:
        return False


def _is_new(name: str) -> bool:
    try:
        short = ModelName.parse(name).short
    except NotAName:
        return False
    return Model.objects.filter(name__iexact=short, state=ModelState.ADDED).exists()
