"""Killed anywhere, a pull leaves the model absent or whole, and goes on from what it had (E10)."""

import dataclasses
import hashlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection

from portal import faults
from portal.catalog import jobs
from portal.catalog.models import Job, JobState, Model
from portal.catalog.names import ModelName
from portal.catalog.registry import Registry
from portal.catalog.storage.manifest import Layer, Manifest
from portal.catalog.storage.store import NoSuchManifest, Store
from portal.streams.connection import client
from tests.catalog.gguf_files import large_gguf
from tests.doubles.lying_registry import LyingRegistry
from tests.doubles.mortal_puller import Puller, puller

pytestmark = [
    pytest.mark.fault,
    pytest.mark.threat("E10"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(450),
]

CHUNK_BYTES = 16 * 1024
MODEL_BYTES = 10 * CHUNK_BYTES
POINTS = [
    point
    for point in faults.POINTS
    if point.split(".")[0] in ("job", "chunk", "pull") and point != "job.stored"
]
SEEDS = range(12)


@pytest.fixture(scope="module")
def children() -> Iterator[Puller]:
    with puller() as started:
        yield started


Child = Callable[..., int]


@pytest.fixture
def child(children: Puller) -> Child:
    """Does a job, or asks for one, in a process of its own, in the store of this moment."""

    def work(job: Job | ModelName, *, dies_at: str = "", deed: str = "kill") -> int:
        name = job if isinstance(job, ModelName) else ModelName.parse(job.name)
        return children.work(
            None if isinstance(job, ModelName) else job.id,
            name=name.full,
            database=str(connection.settings_dict["NAME"]),
            models=configured.PORTAL.models,
            registry=name.host,
            chunk_bytes=CHUNK_BYTES,
            faults=f"{dies_at}:{deed}" if dies_at else "",
        )

    return work


def check_absent_or_whole(fresh_store: Store, name: ModelName, original: dict[str, bytes]) -> bool:
    """Whether it is there. Every published file is what its name says, at any moment."""
    for path in (configured.PORTAL.models / "blobs").glob("sha256-*"):
        assert path.read_bytes() == original[path.name.removeprefix("sha256-")]
    try:
        stored = fresh_store.manifest(name)
    except NoSuchManifest:
        assert not Model.objects.exists()
        return False
    assert fresh_store.manifest_bytes(name) == original["manifest"]
    for layer in stored.manifest.all_layers:
        assert fresh_store.has_blob(layer.digest, size_bytes=layer.size_bytes)
    return True


def noted_chunks() -> int:
    """How many chunks a resume may not fetch again."""
    ledgers = (configured.PORTAL.models / "staged").glob("*.part.ledger")
    return sum(path.read_bytes().count(b"\n") - 1 for path in ledgers)


def pull_with_deaths(
    child: Child, fresh_store: Store, name: ModelName, original: dict[str, bytes], deaths: list[str]
) -> Job:
    """One pull whose worker dies so; the sweep finds it each time, and the next one goes on."""
    job = jobs.start(None, "pull", name=name.full, is_sent=False)
    for death in deaths:
        assert child(job, dies_at=death) in (-9, 0)
        check_absent_or_whole(fresh_store, name, original)
        kept = noted_chunks()
        jobs.sweep()
        assert noted_chunks() == kept
    assert child(job) == 0
    job.refresh_from_db()
    return job


@pytest.mark.parametrize("point", POINTS)
def test_a_pull_that_is_killed_at_a_named_point_is_finished_by_the_next_worker(
    child: Child, fresh_store: Store, name: ModelName, original: dict[str, bytes], point: str
) -> None:
    job = jobs.start(None, "pull", name=name.full, is_sent=False)

    assert child(job, dies_at=f"{point}:1") == -9

    check_absent_or_whole(fresh_store, name, original)
    job.refresh_from_db()
    assert job.state == JobState.RUNNING
    jobs.sweep()
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    assert child(job) == 0
    job.refresh_from_db()
    assert (job.state, job.fence) == (JobState.DONE, 2)
    assert check_absent_or_whole(fresh_store, name, original)
    assert Model.objects.get().name == name.short
    # The note of what the dead one held is removed by whoever prunes next.
    left = list((configured.PORTAL.models / "staged").iterdir())
    assert not [path for path in left if path.suffix != ".hold"]


def test_a_job_whose_asker_was_killed_before_anybody_was_told_is_found_by_the_sweep(
    child: Child, fresh_store: Store, name: ModelName, original: dict[str, bytes]
) -> None:
    assert child(name, dies_at="job.stored:1") == -9

    queue = "portal:celery:jobs"
    assert client().llen(queue) == 0
    jobs.sweep()
    assert client().llen(queue) == 1
    assert child(Job.objects.get()) == 0
    assert check_absent_or_whole(fresh_store, name, original)


@pytest.mark.threat("E13")
def test_a_paused_worker_keeps_its_job_and_its_blob_to_itself(
    children: Puller,
    child: Child,
    fresh_store: Store,
    name: ModelName,
    original: dict[str, bytes],
) -> None:
    """However long: its lease knows no clock, so nobody writes beside it when it wakes up."""
    job = jobs.start(None, "pull", name=name.full, is_sent=False)
    ends: list[int] = []
    thread = threading.Thread(
        target=lambda: ends.append(child(job, dies_at="chunk.noted:1", deed="pause"))
    )
    thread.start()
    paused = children.paused_child()

    jobs.sweep()
    assert not jobs.work(job.id)
    job.refresh_from_db()
    assert (job.state, job.fence) == (JobState.RUNNING, 1)

    paused.send_signal(signal.SIGCONT)
    thread.join()
    job.refresh_from_db()
    assert ends == [0]
    assert (job.state, job.fence) == (JobState.DONE, 1)
    assert check_absent_or_whole(fresh_store, name, original)


def chosen(seed: int, turn: int, count: int) -> int:
    """The same for the same seed, and otherwise by chance."""
    return int(hashlib.sha256(f"{seed} {turn}".encode()).hexdigest(), 16) % count


@pytest.mark.parametrize("seed", SEEDS)
def test_pulls_that_are_killed_by_chance_all_end_whole(
    child: Child, fresh_store: Store, name: ModelName, original: dict[str, bytes], seed: int
) -> None:
    deaths = [
        f"{POINTS[chosen(seed, turn, len(POINTS))]}:{1 + chosen(seed, -turn, 4)}"
        for turn in range(1, 4)
    ]

    job = pull_with_deaths(child, fresh_store, name, original, deaths)

    assert job.state == JobState.DONE, (deaths, job.failure)
    assert check_absent_or_whole(fresh_store, name, original), deaths
    assert Model.objects.count() == 1


def test_a_resumed_pull_asks_for_nothing_that_was_noted(
    child: Child, tmp_path: Path, settings: Any
) -> None:
    root = tmp_path / "models"
    root.mkdir()
    settings.PORTAL = dataclasses.replace(settings.PORTAL, models=root)
    with LyingRegistry().serving() as registry:
        name = registry.add_model("tiny", large_gguf(MODEL_BYTES))
        weights = Manifest.read(registry.manifests["me/tiny:latest"]).layers[0]
        job = jobs.start(None, "pull", name=name.full, is_sent=False)
        assert child(job, dies_at="chunk.noted:2") == -9
        kept = Registry.kept_bytes(weights, into=root / "staged")
        assert kept > 0
        # What the dead one still had on its way is not the next one's.
        registry.is_left()
        before = bytes_asked_for(registry, weights)
        registry.seen.clear()

        assert child(job) == 0

        job.refresh_from_db()
        assert job.state == JobState.DONE, job.failure
        assert bytes_asked_for(registry, weights) == weights.size_bytes - kept
        registry.seen.clear()
        assert child(jobs.start(None, "pull", name=name.full, is_sent=False)) == 0
        assert not registry.asked_for("GET", "blobs")
        assert before <= weights.size_bytes


def bytes_asked_for(registry: LyingRegistry, layer: Layer) -> int:
    ranges = [each.range for each in registry.asked_for("GET", layer.digest.hex)]
    assert all(ranges)
    ends = [each.removeprefix("bytes=").split("-") for each in ranges]
    return sum(int(last) - int(first) + 1 for first, last in ends)
