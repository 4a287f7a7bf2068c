"""How conversations go: out of sight at once, and a while later out of the database for good.

Deleted ones stay a day, so that a browser which is unsure whether it was heard is still told that
its conversation is gone, and does not begin it anew. Temporary ones go at once when they are left,
and after an hour when their tab was just closed. Not for who may delete: access.py.
"""

import datetime
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.chat import actions
from portal.chat.models import OPEN, Conversation, Generation
from portal.chat.wakeups import wake
from portal.files.queries import ids_in as files_in
from portal.files.sweeping import forget_bytes
from portal.search import index
from portal.sharing.telling import tell_readers_in
from portal.streams import transcript as streams
from portal.streams.connection import AWAY

log = logging.getLogger(__name__)

DELETED_FOR = datetime.timedelta(days=1)
LEFT_FOR = datetime.timedelta(hours=1)
_PURGED_AT_ONCE = 50


@transaction.atomic
def delete(person: Person, choose: Callable[[], Sequence[Conversation]]) -> None:
    """Those chosen are gone from every list, search, share and stream. All of them, or none."""
    chosen = choose()
    ids = [each.id for each in chosen]
    Conversation.objects.filter(id__in=ids).update(deleted_at=clock.now())
    index.forget(ids)
    for each in chosen:
        record(person, "conversation.deleted", each)
        transaction.on_commit(partial(wake, person.id, each.id))
    tell_readers_in(ids)
    for generation in Generation.objects.filter(message__conversation_id__in=ids, state__in=OPEN):
        transaction.on_commit(partial(_stop_quietly, generation))


def purge_left() -> int:
    """Remove for good what has been left or deleted for long enough. How many went."""
    now = clock.now()
    deleted = Q(is_temporary=False, deleted_at__lt=now - DELETED_FOR)
    left = Q(is_temporary=True) & (Q(deleted_at__isnull=False) | Q(changed_at__lt=now - LEFT_FOR))
    # Still being written, its end is waited for: somebody is about to write that down.
    still_open = Generation.objects.filter(message__conversation=OuterRef("pk"), state__in=OPEN)
    going = Conversation.objects.filter(deleted | left).filter(~Exists(still_open))
    return _purge(going.order_by("changed_at")[:_PURGED_AT_ONCE])


def _purge(going: QuerySet[Conversation]) -> int:
    ids = list(going.values_list("id", flat=True))
    if not ids:
        return 0
    said = Generation.objects.filter(message__conversation_id__in=ids)
    generation_ids = list(said.values_list("id", flat=True))
    file_ids = files_in(ids)
    with transaction.atomic():
        for each in Conversation.objects.filter(id__in=ids):
            record(None, "conversation.removed", each)
        Conversation.objects.filter(id__in=ids).delete()
    forget_bytes(file_ids)
    _forget_streams(generation_ids)
    return len(ids)


def _forget_streams(generation_ids: Iterable[object]) -> None:
    try:
        streams.forget(generation_ids)
    except AWAY as error:
        # They end by themselves some minutes after the answer.
        log.warning("streams are forgotten later: %s", type(error).__name__)


def _stop_quietly(generation: Generation) -> None:
    try:
        actions.stop(generation)
    except AWAY as error:
        log.warning("%s goes on unseen: %s", generation.id, type(error).__name__)
