"""What people do with jobs: ask for one, cancel it, resume it. Not for doing the work.

The row comes first and is the truth; the workers are told after the commit, and again by the sweep.
"""

from collections.abc import Mapping
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access
from portal.catalog.jobs import kinds, queue
from portal.catalog.models import OPEN_JOBS, Job, JobState
from portal.catalog.names import ModelName
from portal.chat.errors import Conflict, NotFound
from portal.faults import at
from portal.streams import jobs as streams

OTHER_WISHES = _(
    "The same is being done with this name at this moment, in another way. Nothing was changed."
    " Wait until it is over, or cancel it first."
)
STILL_OPEN = _(
    "The same is being done with this name already. Nothing was changed; look at the other job."
)
NOTHING_TO_RESUME = _("This job is done, so there is nothing to resume. Ask for it again instead.")


def start(
    person: Person | None,
    kind: str,
    *,
    name: str,
    wants: Mapping[str, object] | None = None,
    is_kept: bool = True,
    is_sent: bool = True,
) -> Job:
    """A job of this kind on this name, waiting for a worker or found at work.

    The same kind, name and wishes running already: that very job. Other wishes: `Conflict`. Without
    `is_kept` it is cancelled when the last watcher leaves. Without `is_sent` the caller does it.
    """
    access.may_manage_models(person, verb=kinds.kind_of(kind).verb)
    name = ModelName.parse(name).short
    wants = dict(wants or {})
    while True:
        try:
            return _begin(person, kind, name=name, wants=wants, is_kept=is_kept, is_sent=is_sent)
        except IntegrityError:
            found = Job.objects.filter(kind=kind, name__iexact=name, state__in=OPEN_JOBS).first()
        # None: it ended between the two looks, so there is room for a new one.
        if found is not None:
            return _joined(found, wants=wants, is_kept=is_kept)


def cancel(person: Person | None, job_id: UUID) -> Job:
    """It ends now; its worker lets go within a second or so. What has come is kept for a resume.

    A job that is over stays as it ended.
    """
    with transaction.atomic():
        job = _job_for_managing(person, job_id)
        still_open = Job.objects.filter(id=job_id, state__in=OPEN_JOBS)
        if still_open.update(state=JobState.CANCELLED, ended_at=clock.now(), reserved_bytes=0):
            record(person, "job.cancelled", job, kind=job.kind, name=job.name)
            transaction.on_commit(partial(streams.wake_watchers, job_id, attempt=job.fence))
            job.refresh_from_db()
    return job


def resume(person: Person | None, job_id: UUID) -> Job:
    """A failed or cancelled job goes on from what it has. One that is under way simply does."""
    with transaction.atomic():
        job = _job_for_managing(person, job_id)
        if job.state in OPEN_JOBS:
            return job
        if job.state == JobState.DONE:
            raise Conflict(NOTHING_TO_RESUME)
        try:
            with transaction.atomic():
                ended = Job.objects.filter(id=job_id, state=job.state)
                ended.update(
                    state=JobState.QUEUED,
                    ended_at=None,
                    is_kept=True,
                    tries=0,
                    failure="",
                    failure_values={},
                    contract_text="",
                )
        except IntegrityError:
            raise Conflict(STILL_OPEN) from None
        record(person, "job.resumed", job, kind=job.kind, name=job.name)
        transaction.on_commit(partial(streams.forget, job_id))
        transaction.on_commit(partial(queue.send, job_id))
        job.refresh_from_db()
    return job


def cancel_unless_kept(job_id: UUID) -> None:
    """The last watcher has left: as in Ollama, what was asked for over its API ends with her.

    The portal's own act: she may have lost her rights meanwhile.
    """
    job = Job.objects.filter(id=job_id, is_kept=False, state__in=OPEN_JOBS).first()
    if job is not None:
        cancel(None, job_id)


def _begin(
    person: Person | None,
    kind: str,
    *,
    name: str,
    wants: dict[str, object],
    is_kept: bool,
    is_sent: bool,
) -> Job:
    with transaction.atomic():
        job = Job.objects.create(kind=kind, name=name, wants=wants, person=person, is_kept=is_kept)
        record(person, "job.started", job, kind=kind, name=name)
        if is_sent:
            transaction.on_commit(partial(_send, job.id))
    return job


def _send(job_id: UUID) -> None:
    at("job.stored")
    queue.send(job_id)


def _joined(job: Job, *, wants: Mapping[str, object], is_kept: bool) -> Job:
    if dict(job.wants) != dict(wants):
        raise Conflict(OTHER_WISHES)
    if is_kept and not job.is_kept:
        Job.objects.filter(id=job.id).update(is_kept=True)
    return job


def _job_for_managing(person: Person | None, job_id: UUID) -> Job:
    job = Job.objects.select_for_update().filter(id=job_id).first()
    access.may_manage_models(person, verb=kinds.kind_of(job.kind).verb if job else "add")
    if job is None:
        raise NotFound("job")
    return job
