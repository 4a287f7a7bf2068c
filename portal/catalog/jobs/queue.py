"""Telling the background workers that there is a job. A wake-up: lost or doubled, nothing happens.

Jobs have a queue and a worker process of their own, so that a pull of hours keeps nothing waiting.
"""

import logging
from uuid import UUID

from kombu.exceptions import OperationalError

from portal.celery import app
from portal.streams import jobs as streams
from portal.streams.connection import AWAY

log = logging.getLogger(__name__)

QUEUE = "jobs"
TASK = "catalog.work_on_job"


def send(job_id: UUID, *, again: bool = False) -> None:
    """With `again`, only when nobody said so within the last minute.

    When Redis is away the sweep says it later: the row is there.
    """
    try:
        if again and not streams.mark_sent(job_id, again=True):
            return
        app.send_task(TASK, args=[str(job_id)], queue=QUEUE, retry=False)
        if not again:
            streams.mark_sent(job_id, again=False)
    except (*AWAY, OperationalError) as error:
        log.warning("job %s waits for Redis: %s", job_id, type(error).__name__)
