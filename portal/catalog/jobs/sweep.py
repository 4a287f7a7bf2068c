"""Finding jobs that nobody works on although somebody should, and rows nobody needs any more.

For a beat: again and again, from any number of processes. Not for doing the work.
"""

import datetime
import logging
from uuid import UUID

from django.conf import settings

from portal import clock
from portal.catalog.jobs import queue
from portal.catalog.jobs.leases import Leases
from portal.catalog.models import OPEN_JOBS, Job, JobState

KEPT_DAYS = 90

log = logging.getLogger(__name__)


def sweep() -> None:
    """Jobs whose worker was lost wait again, and those that wait are told to the workers again."""
    for job_id in Job.objects.filter(state=JobState.QUEUED).values_list("id", flat=True):
        queue.send(job_id, again=True)
    leases = Leases(settings.PORTAL.models)
    for job in Job.objects.filter(state=JobState.RUNNING):
        if _is_lost(leases, job.id):
            lost = Job.objects.filter(id=job.id, fence=job.fence, state=JobState.RUNNING)
            if lost.update(state=JobState.QUEUED, reserved_bytes=0):
                queue.send(job.id)
    before = clock.now() - datetime.timedelta(days=KEPT_DAYS)
    Job.objects.exclude(state__in=OPEN_JOBS).filter(ended_at__lt=before).delete()


def _is_lost(leases: Leases, job_id: UUID) -> bool:
    """Whether nobody works on it. Where the folder takes no lease that cannot be known."""
    if not settings.PORTAL.models.is_dir():
        return True
    try:
        return leases.is_free(job_id)
    except OSError as error:
        log.warning("job %s may be lost: %s", job_id, error.strerror)
        return False
