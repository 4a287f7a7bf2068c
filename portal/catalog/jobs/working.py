"""Doing a job: taken by one worker, done by the function of its kind, ended once.

Not for what a kind does. Calling `work` again, at the same moment or after a kill, is harmless: the
lease lets one in, the row says whether there is anything left to do.
"""

import logging
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F

from portal import clock
from portal.audit.record import record
from portal.catalog.jobs import failures, kinds
from portal.catalog.jobs.leases import WAIT_SECONDS, Leases, Taken
from portal.catalog.jobs.running import Leaving, Running, Unwanted
from portal.catalog.models import OPEN_JOBS, Job, JobState
from portal.faults import at
from portal.streams import jobs as streams

log = logging.getLogger(__name__)

MAX_TRIES = 10
# A cancelled attempt lets go within a second or so, or a stalled network takes longer.
LETTING_GO_LOOKS = 100


def work(job_id: UUID) -> bool:
    """Do this job to its end, unless it is over or somebody else does. Whether it was done here."""
    with ExitStack() as held:
        try:
            settings.PORTAL.models.mkdir(parents=True, exist_ok=True)
            held.enter_context(_lease(job_id))
        except Taken:
            return False
        except OSError as error:
            return _refuse(job_id, error)
        job = _take(job_id)
        if job is not None:
            _carry_out(job)
        return job is not None


def _lease(job_id: UUID) -> AbstractContextManager[None]:
    """Raises `Taken` when somebody else works on it; waits for one who was told to let go."""
    leases = Leases(settings.PORTAL.models)
    for _ in range(LETTING_GO_LOOKS):
        if leases.is_free(job_id) or not _is_waiting(job_id):
            break
        threading.Event().wait(WAIT_SECONDS)
    return leases.job(job_id)


def _is_waiting(job_id: UUID) -> bool:
    return Job.objects.filter(id=job_id, state=JobState.QUEUED).exists()


def _take(job_id: UUID) -> Job | None:
    """The row as ours. That it says RUNNING does not matter: whoever ran it is gone."""
    taken = Job.objects.filter(id=job_id, state__in=OPEN_JOBS).update(
        state=JobState.RUNNING,
        fence=F("fence") + 1,
        tries=F("tries") + 1,
        started_at=clock.now(),
        reserved_bytes=0,
    )
    if not taken:
        return None
    at("job.taken")
    return Job.objects.select_related("person").get(id=job_id)


def _refuse(job_id: UUID, error: OSError) -> bool:
    """The folder takes no lease. Whoever waits is told; one at work may be another's, and stays."""
    log.warning("job %s gets no lease: %s", job_id, error.strerror)
    waiting = Job.objects.select_related("person").filter(id=job_id, state=JobState.QUEUED)
    job = waiting.first()
    if job is None or not waiting.update(state=JobState.RUNNING, fence=F("fence") + 1):
        return False
    job.refresh_from_db()
    failure = failures.failure_of(error) or failures.our_fault()
    _end(job, state=JobState.FAILED, figures={}, failure=failure)
    return True


def _carry_out(job: Job) -> None:
    running = Running(job, streams.Teller(job.id, attempt=job.fence))
    match _error_of(running):
        case None:
            at("job.done")
            _end(job, state=JobState.DONE, figures=running.figures())
        case Unwanted():
            log.info("job %s is no longer wanted", job.id)
        case Leaving():
            _put_back(job)
        case error:
            failure = failures.failure_of(error) or failures.our_fault()
            _end(job, state=JobState.FAILED, figures=running.figures(), failure=failure)


def _error_of(running: Running) -> Exception | None:
    """Does the work. What ended it early, if anything did."""
    if running.job.tries > MAX_TRIES:
        return failures.KeepsDying(MAX_TRIES)
    try:
        with running.beating():
            kinds.kind_of(running.job.kind).work(running)
    except OperationalError:
        # The database is away, so there is nothing to write it into: the sweep begins again.
        raise
    except Exception as error:
        if running.why_stopped is not None:
            return running.why_stopped
        if failures.failure_of(error) is None:
            log.exception("job %s met an error nobody foresaw", running.job.id)
        return error
    return None


def _end(
    job: Job,
    *,
    state: JobState,
    figures: Mapping[str, Any],
    failure: failures.Failure | None = None,
) -> None:
    """The last word of this attempt, unless somebody else has ended the job before."""
    told: dict[str, Any] = {**figures, "reserved_bytes": 0}
    if failure is not None:
        told |= {
            "failure": failure.sentence,
            "failure_values": dict(failure.values),
            "contract_text": failure.contract_text,
            "contract_status": failure.contract_status,
        }
    ours = Job.objects.filter(id=job.id, fence=job.fence, state=JobState.RUNNING)
    with transaction.atomic():
        if ours.update(state=state, ended_at=clock.now(), **told):
            act = "job.done" if state == JobState.DONE else "job.failed"
            why = {"why": failure.contract_text} if failure else {}
            record(job.person, act, job, kind=job.kind, name=job.name, **why)
    streams.wake_watchers(job.id, attempt=job.fence)


def _put_back(job: Job) -> None:
    ours = Job.objects.filter(id=job.id, fence=job.fence, state=JobState.RUNNING)
    ours.update(state=JobState.QUEUED, tries=F("tries") - 1, reserved_bytes=0)
