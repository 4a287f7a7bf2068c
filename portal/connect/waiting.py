"""Waits for what a device asks, for one page that looks on. Asks nobody by the second.

The channel layer carries the wake-up; what happened is read from the database. A lost wake-up is
made good by the look at each heartbeat, which also ends the stream with its session (threat A7).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connections
from django.utils import translation

from portal.accounts import queries as accounts
from portal.accounts.errors import SignedOut
from portal.accounts.models import ApiKey, Person
from portal.accounts.notices import group_of_keys
from portal.connect import queries
from portal.connect.verdicts import verdict_of
from portal.streams.connection import AWAY
from portal.streams.tasks import end_if_cancelled

HEARTBEAT_SECONDS = 15.0
# Then the browser asks anew, and is let in anew.
LONGEST_SECONDS = 15 * 60.0
LAYER_SECONDS = 2.0


async def arrivals(
    person: Person, key_id: UUID, *, session_key: str | None, language: str
) -> AsyncIterator[bytes]:
    """Server-sent events: each news of this device, as a sentence in that language."""
    layer, group = get_channel_layer(), group_of_keys(person.pk)
    channel = await layer.new_channel()
    ends_at = asyncio.get_running_loop().time() + LONGEST_SECONDS
    told = None
    try:
        # Joined before the first look: what comes between the two is not missed.
        await _join(layer, group, channel)
        while asyncio.get_running_loop().time() < ends_at:
            end_if_cancelled()
            key = await sync_to_async(_look)(person, key_id, session_key)
            if key is None:
                return
            is_news = key.last_used_at != told
            told = key.last_used_at
            yield (_event(key, language) if is_news else ": waiting\n\n").encode()
            await _woken(layer, channel)
    finally:
        with suppress(*AWAY, TimeoutError):
            async with asyncio.timeout(LAYER_SECONDS):
                await layer.group_discard(group, channel)


async def _join(layer: Any, group: str, channel: str) -> None:
    """Without Redis the page still looks at each heartbeat."""
    with suppress(*AWAY, TimeoutError):
        async with asyncio.timeout(LAYER_SECONDS):
            await layer.group_add(group, channel)


async def _woken(layer: Any, channel: str) -> None:
    """Until something came, or it is time for a heartbeat."""
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            await layer.receive(channel)
    except TimeoutError:
        return
    except AWAY:
        await asyncio.sleep(HEARTBEAT_SECONDS)


def _look(person: Person, key_id: UUID, session_key: str | None) -> ApiKey | None:
    """The device as it is now; None when it, or the session, has ended."""
    try:
        if accounts.person_of_session(session_key).pk != person.pk:
            return None
        return queries.device_of(person, key_id)
    except SignedOut:
        return None
    finally:
        # The stream lives for minutes, and would keep a connection open for as long (threat H11).
        connections.close_all()


def _event(key: ApiKey, language: str) -> str:
    with translation.override(language):
        verdict = verdict_of(key)
        if verdict is None:
            return ": waiting\n\n"
        told = {"sentence": str(verdict.sentence), "is_good": verdict.is_good}
    return f"data: {json.dumps(told)}\n\n"
