"""Telling open sockets that somebody's rights have changed, or that a key of hers was used.

Not for what the rights are.

A notice is a wake-up and may be lost: whoever holds a socket also compares `rights_version` at
every command and every 30 seconds (threat A7).
"""

import asyncio
import logging
from functools import partial
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.db.models import F

from portal.accounts.models import Person
from portal.streams.connection import AWAY

SEND_SECONDS = 2.0

logger = logging.getLogger(__name__)


def group_of(person_id: UUID) -> str:
    """The channel group of one person's sockets. From the id only (threat G12)."""
    return f"person.{person_id.hex}"


def group_of_keys(person_id: UUID) -> str:
    """The channel group of the pages that wait for one person's keys to be used."""
    return f"keys.{person_id.hex}"


def key_used(person_id: UUID) -> None:
    """Which of them, and for what, the page reads from the database."""
    try:
        async_to_sync(_wake_pages)(group_of_keys(person_id))
    except (*AWAY, TimeoutError):
        logger.warning("a page that waits for a key was not woken: Redis does not answer")


def rights_changed(person_id: UUID) -> None:
    """Every socket of this person ends, once the transaction around this call is committed."""
    Person.objects.filter(id=person_id).update(rights_version=F("rights_version") + 1)
    transaction.on_commit(partial(_wake, person_id))


def _wake(person_id: UUID) -> None:
    try:
        async_to_sync(_end_sockets)(group_of(person_id))
    except (*AWAY, TimeoutError):
        # The version in the database has grown: the sockets end at their next look.
        logger.warning("the notice of changed rights was not sent: Redis does not answer")


async def _wake_pages(group: str) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await get_channel_layer().group_send(group, {"type": "key.used"})


async def _end_sockets(group: str) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await get_channel_layer().group_send(group, {"type": "rights.changed"})
