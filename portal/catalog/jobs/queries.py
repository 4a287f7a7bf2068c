"""Lists of jobs, for whoever shows them. Writes nothing."""

from django.db.models import QuerySet

from portal.catalog.models import OPEN_JOBS, Job
from portal.catalog.names import Digest


def open_jobs() -> QuerySet[Job]:
    """Waiting or at work, the newest first."""
    return Job.objects.filter(state__in=OPEN_JOBS)


def digests_in_use() -> set[Digest]:
    """Blobs that a job is bringing: no manifest names them yet, and none of them may be pruned."""
    return {
        Digest(digest)
        for digests in open_jobs().values_list("digests", flat=True)
        for digest in digests
    }
