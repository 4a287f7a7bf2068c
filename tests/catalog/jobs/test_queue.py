"""The real queue: told after the commit, delivered twice, lost; and one download all the same."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from celery.signals import task_postrun
from kombu.exceptions import OperationalError

from portal.catalog import jobs
from portal.catalog.jobs import queue
from portal.catalog.models import JobState
from portal.celery import app
from portal.streams import connection
from tests.doubles.shelf import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

KEY = f"portal:celery:{queue.QUEUE}"


@pytest.fixture
def celery_worker() -> Iterator[threading.Semaphore]:
    """A Celery worker of the queue, in this process. Counts the messages that it has done."""
    done = threading.Semaphore(0)

    def count(**_: Any) -> None:
        done.release()

    task_postrun.connect(count, weak=False)
    try:
        with start_worker(
            app,
            pool="threads",
            concurrency=2,
            queues=[queue.QUEUE],
            perform_ping_check=False,
            shutdown_timeout=PATIENCE_SECONDS,
        ):
            yield done
    finally:
        task_postrun.disconnect(count)


@pytest.mark.threat("E14")
def test_a_message_that_the_queue_delivers_again_for_want_of_patience_is_one_download(
    store, shelf, celery_worker, monkeypatch
):
    manifest = shelf.put("tiny:1")
    shelf.gate.clear()
    job = jobs.start(None, "pull", name="tiny:1")
    assert shelf.is_at_gate.wait(PATIENCE_SECONDS)

    impatient = {**app.conf.broker_transport_options, "visibility_timeout": -1}
    with app.connection_for_write(transport_options=impatient) as broker:
        channel: Any = broker.default_channel
        channel.qos.restore_visible()
    assert celery_worker.acquire(timeout=PATIENCE_SECONDS)
    job.refresh_from_db()
    assert (job.state, job.fence) == (JobState.RUNNING, 1)

    shelf.gate.set()
    assert celery_worker.acquire(timeout=PATIENCE_SECONDS)
    job.refresh_from_db()
    assert (job.state, job.fence) == (JobState.DONE, 1)
    assert shelf.served_bytes == manifest.size_bytes


def test_a_queue_that_was_emptied_is_told_again_and_not_too_often(store, shelf):
    shelf.put("tiny:1")
    redis = connection.client()
    jobs.start(None, "pull", name="tiny:1")
    assert redis.llen(KEY) == 1

    jobs.sweep()
    assert redis.llen(KEY) == 1

    redis.flushall()
    for _ in range(3):
        jobs.sweep()
    assert redis.llen(KEY) == 1


def test_without_a_queue_the_job_is_stored_and_told_later(store, shelf, monkeypatch):
    shelf.put("tiny:1")

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("no broker here")

    with monkeypatch.context() as broken:
        broken.setattr(app, "send_task", away)
        job = jobs.start(None, "pull", name="tiny:1")
    assert job.state == JobState.QUEUED

    jobs.sweep()

    assert connection.client().llen(KEY) == 1
