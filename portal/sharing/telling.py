"""Open tabs of readers look again when what they read comes or goes. Not for the owner's tabs."""

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from django.db import transaction

from portal.chat.wakeups import wake
from portal.sharing import queries
from portal.sharing.models import Share


def tell_readers(share: Share) -> None:
    """Once the transaction is committed: at their lists, and at the snapshot if it is open."""
    for reader_id in queries.readers_of(share):
        transaction.on_commit(partial(wake, reader_id, share.id))


def tell_readers_in(conversation_ids: Iterable[UUID]) -> None:
    """These conversations go, and what was shared of them with them (threat B11)."""
    for share in queries.shares_in(conversation_ids):
        tell_readers(share)
