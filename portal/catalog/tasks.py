"""Background work on models. Doors: each calls one action, and may safely run twice."""

import logging
from typing import Any
from uuid import UUID

from celery.signals import worker_ready, worker_shutting_down

from portal.catalog import actions
from portal.catalog.jobs import queue, running, sweep, work
from portal.catalog.memory import kept as memory
from portal.catalog.uploads import acts as uploads
from portal.celery import app
from portal.chat.errors import Unavailable

log = logging.getLogger(__name__)


@app.task(name="catalog.sync")
def sync() -> None:
    """Adopt what lies in the store, mark what is gone from it."""
    actions.sync_with_store(None)


@worker_ready.connect
def sync_at_start(**_: Any) -> None:
    """A folder that somebody filled while we were away is not waited for."""
    sync.delay()


@app.task(name="catalog.prune")
def prune() -> None:
    """Remove files that nothing needs any more, where the folder may be changed."""
    try:
        actions.prune(None)
    except Unavailable as error:
        log.warning("nothing is pruned: %s", error)


@app.task(name="catalog.check_in_turn")
def check_in_turn() -> None:
    """Read some files of the store again; another one does so in ten minutes."""
    actions.check_in_turn()


@app.task(name="catalog.note_loaded")
def note_loaded() -> None:
    """Models that a runner holds ready have proved that they can be loaded."""
    actions.note_loaded()


@app.task(name="catalog.publish_pins")
def publish_pins() -> None:
    """Tell the workers again which models stay loaded."""
    memory.publish_pins()


@app.task(name="catalog.check_bytes")
def check_bytes(model_id: str) -> None:
    """Hash a model's files again."""
    actions.check_bytes(None, model_id=UUID(model_id))


@app.task(name=queue.TASK)
def work_on_job(job_id: str) -> None:
    """Do a job, unless it is done or somebody does it.

    The message is a wake-up only. Delivered again, because the work takes longer than the queue's
    patience or its connection was lost, it finds the lease taken and goes (threat E14).
    """
    work(UUID(job_id))


@app.task(name="catalog.sweep_jobs")
def sweep_jobs() -> None:
    """Let jobs go on whose worker was lost."""
    sweep()


@worker_ready.connect
def look_for_lost_jobs(**_: Any) -> None:
    """Whoever comes back after a kill goes on at once."""
    sweep()


@app.task(name="catalog.forget_uploads")
def forget_uploads() -> None:
    """Remove what was begun to be uploaded and nobody went on with."""
    uploads.forget_old()


@worker_shutting_down.connect
def leave_jobs(**_: Any) -> None:
    """Celery waits for its tasks before it ends; jobs go back into the queue instead."""
    running.leave()
