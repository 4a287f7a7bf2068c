"""Finding jobs that nobody works on although somebody should, and rows nobody needs any more.

For a beat: again and again, from any number of processes. Not for doing the work.
"""

import datetime

from django.conf import settings

from portal import clock
from portal.catalog.jobs import queue
from portal.catalog.jobs.leases import Leases
from portal.catalog.models import OPEN_JOBS, Job, JobState

KEPT_DAYS = 90


def sweep() -> None:
    """Jobs whose worker was lost wait again, and those that wait are told to the workers again."""
    for job_id in Job.objects.filter(state=JobState.QUEUED).values_list("id", flat=True):
        queue.send(job_id, again=True)
    leases = Leases(settings.PORTAL.models)
    for job in Job.objects.filter(state=JobState.RUNNING):
        if not settings.PORTAL.models.is_dir() or leases.is_free(job.id):
            lost = Job.objects.filter(id=job.id, fence=job.fence, state=JobState.RUNNING)
            if lost.update(state=JobState.QUEUED, reserved_bytes=0):
                queue.send(job.id)
    before = clock.now() - datetime.timedelta(days=KEPT_DAYS)
    Job.objects.exclude(state__in=OPEN_JOBS).filter(ended_at__lt=before).delete()
