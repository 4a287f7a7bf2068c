"""Telling a person's open tabs to look again. Never carries text: the layer drops what does not
fit.

Lost wake-ups cost a moment, nothing else: every tab asks again by itself.
"""

import asyncio
import logging
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from portal.accounts.notices import group_of
from portal.streams.connection import AWAY

log = logging.getLogger(__name__)

SEND_SECONDS = 2.0


def wake(owner_id: UUID, conversation_id: UUID) -> None:
    """From a thread that an event loop started, or from none."""
    async_to_sync(wake_tabs)(owner_id, conversation_id)


async def wake_tabs(owner_id: UUID, conversation_id: UUID) -> None:
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await layer.group_send(
                group_of(owner_id), {"type": "wake", "conversation_id": str(conversation_id)}
            )
    except (*AWAY, TimeoutError) as error:
        log.warning("a wake-up was not sent: %s", type(error).__name__)
