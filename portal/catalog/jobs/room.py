"""Room on the disk, counted before it is needed and while it is filled (threat E12).

Not for writing: whoever writes still meets the disk's own refusal, should others fill it meanwhile.
"""

import os
from pathlib import Path
from uuid import UUID

from django.db.models import Sum

from portal.catalog.models import OPEN_JOBS, Job
from portal.catalog.storage.store import MARGIN_BYTES, NoSpace

# Below this a job stops by itself: database and queue may lie on the same disk.
LEAST_FREE_BYTES = MARGIN_BYTES // 2


def check(root: Path, *, wanted_bytes: int, besides: UUID) -> None:
    """Raises `NoSpace` unless this much fits, with a margin, and with what others will still write.

    `besides` is the job that asks.
    """
    others = Job.objects.filter(state__in=OPEN_JOBS).exclude(id=besides)
    reserved_bytes = int(others.aggregate(sum=Sum("reserved_bytes"))["sum"] or 0)
    missing = wanted_bytes + MARGIN_BYTES + reserved_bytes - free_bytes(root)
    if missing > 0:
        raise NoSpace(missing)


def missing_bytes_now(root: Path) -> int:
    """How much less than the least is free; 0 when there is enough for the moment."""
    return max(0, LEAST_FREE_BYTES - free_bytes(root))


def free_bytes(root: Path) -> int:
    status = os.statvfs(root)
    return status.f_bavail * status.f_frsize


def unwritten_bytes(part: Path, *, size_bytes: int) -> int:
    """How much of a file of this size the disk has yet to find room for, sparse or not."""
    try:
        status = part.lstat()
    except OSError:
        return size_bytes
    return max(0, size_bytes - status.st_blocks * 512)
