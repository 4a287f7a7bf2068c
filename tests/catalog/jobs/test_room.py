"""A full disk is foreseen, or met in the middle; chats and the store stay as they are (E12)."""

import dataclasses
import errno
from typing import Any

import pytest

from portal.catalog import jobs, rows
from portal.catalog.jobs import room, running
from portal.catalog.models import Job, JobState, Model
from portal.catalog.names import ModelName
from portal.catalog.storage.store import MARGIN_BYTES, Store
from tests.doubles.shelf import PATIENCE_SECONDS

pytestmark = [pytest.mark.threat("E12"), pytest.mark.django_db(transaction=True)]

FULL = OSError(errno.ENOSPC, "No space left on device")


def pulled(name: str) -> Job:
    job = jobs.start(None, "pull", name=name)
    jobs.work(job.id)
    job.refresh_from_db()
    return job


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much is free; a test puts another figure into it."""
    figure = [10 * MARGIN_BYTES]
    monkeypatch.setattr(room, "free_bytes", lambda root: figure[0])
    return figure


def test_what_does_not_fit_is_refused_before_the_first_byte(store, shelf, sent, free):
    manifest = shelf.put("tiny:1")
    free[0] = MARGIN_BYTES + manifest.size_bytes - 1_500_000

    job = pulled("tiny:1")

    assert job.state == JobState.FAILED
    assert job.contract_text == "no space left on device: 1500000 more bytes are needed"
    assert "1.4\xa0MB more are needed" in jobs.sentence_about(job)
    assert shelf.served_bytes == 0
    assert not Model.objects.exists()


def test_sizes_beyond_every_disk_are_refused_for_the_disk(store, shelf, sent):
    manifest = shelf.put("tiny:1")
    huge = tuple(dataclasses.replace(each, size_bytes=2**62) for each in manifest.layers)
    data = dataclasses.replace(manifest, layers=huge).as_bytes()
    shelf.manifests[ModelName.parse("tiny:1").folded] = data

    job = pulled("tiny:1")

    assert job.contract_text.startswith("no space left on device")
    assert shelf.served_bytes == 0


def test_two_jobs_do_not_count_on_the_same_room(store, shelf, sent, free):
    manifest = shelf.put("tiny:1")
    free[0] = MARGIN_BYTES + manifest.size_bytes
    other = jobs.start(None, "pull", name="large:1")
    Job.objects.filter(id=other.id).update(state=JobState.RUNNING, reserved_bytes=1)

    assert pulled("tiny:1").state == JobState.FAILED

    jobs.cancel(None, other.id)
    assert pulled("tiny:1").state == JobState.DONE


def test_what_was_fetched_before_needs_no_room_again(store, shelf, sent, free):
    manifest = shelf.put("tiny:1")
    layer = manifest.layers[0]
    part = store.staged_folder() / f"{layer.digest.hex}.part"
    part.write_bytes(shelf.blobs[layer.digest.hex][:300])
    free[0] = MARGIN_BYTES + manifest.size_bytes - 300

    assert pulled("tiny:1").state == JobState.DONE


@pytest.mark.parametrize("after_bytes", [0, 300, 10**6], ids=["first", "middle", "last"])
def test_a_disk_that_fills_meanwhile_keeps_what_came_for_a_resume(store, shelf, sent, after_bytes):
    manifest = shelf.put("tiny:1")
    after_bytes = min(after_bytes, manifest.layers[0].size_bytes - 1)
    shelf.full_after_bytes = after_bytes

    job = pulled("tiny:1")
    assert job.state == JobState.FAILED
    assert job.contract_text.startswith("no space left on device")
    assert not Model.objects.exists()
    assert not (store.staged_folder().parent / "blobs").exists()

    shelf.full_after_bytes = None
    jobs.resume(None, job.id)
    jobs.work(job.id)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert shelf.served_bytes == manifest.size_bytes


@pytest.mark.parametrize("step", ["publish", "replace_manifest", "remember"])
def test_a_disk_that_is_full_at_a_later_step_leaves_the_model_absent_or_whole(
    store, shelf, sent, monkeypatch, step
):
    manifest = shelf.put("tiny:1")

    def full(*_: Any, **__: Any) -> None:
        raise FULL

    with monkeypatch.context() as broken:
        broken.setattr(*((rows, step) if step == "remember" else (Store, step)), full)
        job = pulled("tiny:1")
    assert job.state == JobState.FAILED
    assert not Model.objects.exists()

    jobs.resume(None, job.id)
    jobs.work(job.id)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert shelf.served_bytes == manifest.size_bytes
    assert Model.objects.get().digest


def test_a_pull_stops_before_it_takes_the_last_of_a_disk_that_others_fill(
    store, shelf, sent, workers, free, monkeypatch
):
    monkeypatch.setattr(running, "BEAT_SECONDS", 0.01)
    manifest = shelf.put("tiny:1")
    shelf.gate.clear()
    job = jobs.start(None, "pull", name="tiny:1")
    workers.work_on(job.id)
    assert shelf.is_at_gate.wait(PATIENCE_SECONDS)

    free[0] = room.LEAST_FREE_BYTES - 5
    workers.finish()

    job.refresh_from_db()
    left = sum(layer.size_bytes for layer in manifest.all_layers[1:])
    assert job.state == JobState.FAILED
    assert job.failure_values == {"missing_bytes": 5 + left}
    assert job.reserved_bytes == 0
