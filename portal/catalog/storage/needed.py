"""Blobs that somebody needs though no manifest names them: requests that wait, jobs that work.

Only for deciding what may be removed; what a model is made of stands in its manifest.
"""

import json
import re
from datetime import timedelta

from portal import clock
from portal.catalog.models import OPEN_JOBS, Job, JobState
from portal.catalog.names import Digest
from portal.catalog.storage.store import NotKnown
from portal.streams import needed as waiting
from portal.streams.connection import AWAY

# So long what a job fetched waits for somebody to resume it.
KEPT_AFTER_FAILURE = timedelta(days=1)
_HEX_SHA256 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", re.ASCII)


def blobs_in_use() -> set[Digest]:
    """Raises `NotKnown` when Redis does not say what waits: then nothing may be removed."""
    try:
        waited_for = waiting.files_waited_for()
    except AWAY as error:
        raise NotKnown(type(error).__name__) from None
    return {Digest(found) for found in waited_for} | _of_jobs()


def _of_jobs() -> set[Digest]:
    """Every digest that a job names, in whatever field: one too many costs only room."""
    jobs = Job.objects.filter(state__in=OPEN_JOBS) | Job.objects.filter(
        state__in=(JobState.FAILED, JobState.CANCELLED),
        ended_at__gt=clock.now() - KEPT_AFTER_FAILURE,
    )
    named = jobs.values_list("wants", "digests")
    return {Digest(found) for each in named for found in _HEX_SHA256.findall(json.dumps(each))}
