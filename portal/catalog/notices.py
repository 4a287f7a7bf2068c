"""Telling open pages that the list of models has changed. A wake-up; it may be lost."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.db.models import Q

from portal.accounts.models import Person
from portal.accounts.notices import group_of
from portal.catalog.models import Model
from portal.streams.connection import AWAY

SEND_SECONDS = 5.0
AT_ONCE = 50

logger = logging.getLogger(__name__)


def models_changed(model: Model) -> None:
    """Wake the pages of everyone who may use this model at this moment, after the commit.

    Call it before an audience shrinks and after it has grown.
    """
    people = Person.objects.filter(is_active=True)
    if not model.is_for_everyone:
        people = people.filter(Q(groups__in=model.groups.all()) | Q(is_staff=True)).distinct()
    transaction.on_commit(partial(_wake, list(people.values_list("id", flat=True))))


def _wake(person_ids: Sequence[UUID]) -> None:
    try:
        async_to_sync(_send)(person_ids)
    except (*AWAY, TimeoutError):
        # Lists are read anew with every page, and rights at every act.
        logger.warning("the notice of changed models was not sent: Redis does not answer")


async def _send(person_ids: Sequence[UUID]) -> None:
    layer = get_channel_layer()
    async with asyncio.timeout(SEND_SECONDS):
        for start in range(0, len(person_ids), AT_ONCE):
            groups = [group_of(person_id) for person_id in person_ids[start : start + AT_ONCE]]
            await asyncio.gather(
                *(layer.group_send(group, {"type": "models.changed"}) for group in groups)
            )
