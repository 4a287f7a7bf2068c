"""A person's open tabs hear that a file of hers has changed: a wake-up first, then the file.

The wake-up carries ids and may be lost: a page that waits asks for the file by itself.
"""

import asyncio
import logging
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.utils import translation

from portal.accounts.models import Person
from portal.accounts.notices import group_of
from portal.chat.wakeups import SEND_SECONDS
from portal.files import access, frames
from portal.streams.connection import AWAY

log = logging.getLogger(__name__)


def tell(owner_id: UUID, file_id: UUID) -> None:
    """From a thread that no event loop runs in."""
    async_to_sync(_tell)(owner_id, file_id)


def changed(person: Person, file_id: UUID, *, language: str) -> frames.FileChanged:
    """As it is now, in that language. Raises `NotFound` when it is there no longer."""
    with translation.override(language):
        return frames.FileChanged(file=frames.file(access.file_for_reading(person, file_id)))


async def _tell(owner_id: UUID, file_id: UUID) -> None:
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await layer.group_send(
                group_of(owner_id), {"type": "file.changed", "file_id": str(file_id)}
            )
    except (*AWAY, TimeoutError) as error:
        log.warning("a change of a file was not told: %s", type(error).__name__)
