"""What is done for files without anybody asking: opened late, forgotten, removed from the disk.

Safe to call at any time, and by several at once. For background work; asks no rights.
"""

import datetime
from collections.abc import Iterable
from itertools import islice
from uuid import UUID

from django.db import transaction

from portal import clock
from portal.audit.record import record
from portal.files import access, limits, places, queries, queue
from portal.files.models import File

# A task that was told of a file has it by then, unless it was lost.
LATE_AFTER = datetime.timedelta(seconds=30)
# An upload that is being written down has no row for a moment.
STRAY_SECONDS = 3_600.0
_STRAYS_AT_ONCE = 500


def wake_late() -> int:
    """Files whose opening was lost are opened now. How many there were."""
    late = queries.waiting_since(clock.now() - LATE_AFTER)
    for file_id in late:
        queue.send(file_id)
    return len(late)


def forget() -> int:
    """Files that were added and not sent in a day, and bytes that no row knows. How many went."""
    return _forget_unsent() + _remove_strays()


def forget_bytes(file_ids: Iterable[UUID]) -> None:
    """Of files whose rows went with their conversation."""
    places.remove(file_ids)


def _forget_unsent() -> int:
    old = queries.unsent().filter(created_at__lt=clock.now() - limits.UNSENT_FOR)
    gone = [file for file in old if _forget_one(file)]
    places.remove(file.id for file in gone)
    return len(gone)


@transaction.atomic
def _forget_one(file: File) -> bool:
    """Unless it was sent at this very moment."""
    if not access.is_held_unsent(file):
        return False
    record(None, "file.forgotten", file)
    File.objects.filter(id=file.id).delete()
    return True


def _remove_strays() -> int:
    """Listed before the rows are asked: what comes meanwhile is not among them."""
    lying = list(islice(places.lying_for(STRAY_SECONDS), _STRAYS_AT_ONCE))
    strays = set(lying) - queries.known_among(lying)
    places.remove(strays)
    return len(strays)
