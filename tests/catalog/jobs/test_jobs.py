"""A job is begun once, done once and ended once, whoever dies or asks again meanwhile."""

import asyncio
import dataclasses
import errno
import os
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from django.conf import settings as configured
from django.db import OperationalError, connections
from django.utils import translation

from portal.audit.models import Entry
from portal.catalog import jobs, tasks
from portal.catalog.jobs import Ended, Line, failures, kinds, running, working
from portal.catalog.jobs.leases import Leases
from portal.catalog.models import Job, JobState, Model
from portal.catalog.names import ModelName
from portal.catalog.registry import Fetched
from portal.catalog.storage.manifest import MESSAGES_TYPE
from portal.chat.errors import Conflict, Forbidden, NotFound
from portal.streams import connection
from portal.streams import jobs as streams
from tests.doubles.shelf import PATIENCE_SECONDS

T = TypeVar("T")

pytestmark = pytest.mark.django_db(transaction=True)


async def lines_of(job_id: UUID) -> list[jobs.Progress]:
    """Everything that one watcher is told, from now to the end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [step async for step in jobs.follow(job_id)]


async def closing(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    finally:
        await connection.close()


def watch(job_id: UUID) -> list[jobs.Progress]:
    return asyncio.run(closing(lines_of(job_id)))


def statuses(steps: list[jobs.Progress]) -> list[str]:
    told = [step.status for step in steps if isinstance(step, Line)]
    return [status for place, status in enumerate(told) if status not in told[:place]]


def pulled(name: str, **wants: Any) -> Job:
    job = jobs.start(None, "pull", name=name, wants=wants)
    assert jobs.work(job.id)
    job.refresh_from_db()
    return job


@pytest.fixture
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BEAT_SECONDS", 0.01)


def test_a_pulled_model_is_there_byte_for_byte_and_is_tried(store, shelf, sent):
    manifest = shelf.put("tiny:1")

    job = pulled("tiny:1")

    assert job.state == JobState.DONE
    assert job.completed_bytes == job.total_bytes == manifest.size_bytes
    stored = store.manifest_bytes(jobs_name("tiny:1"))
    assert stored == shelf.manifests["registry.ollama.ai/library/tiny:1"]
    for layer in manifest.all_layers:
        with store.open_blob(layer.digest) as file:
            assert file.read() == shelf.blobs[layer.digest.hex]
    assert Model.objects.get().name == "tiny:1"
    assert Entry.objects.filter(act="model.pulled").exists()


def jobs_name(name: str) -> Any:
    from portal.catalog.names import ModelName

    return ModelName.parse(name)


def test_the_steps_are_told_in_ollamas_order(store, shelf, sent):
    manifest = shelf.put("tiny:1")
    job = pulled("tiny:1")

    steps = watch(job.id)

    assert statuses(steps) == [
        "pulling manifest",
        *(f"pulling {layer.digest.hex[:12]}" for layer in manifest.all_layers),
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    assert steps[-1] == Ended(state=JobState.DONE)


def test_pulling_again_transfers_nothing(store, shelf, sent):
    shelf.put("tiny:1")
    pulled("tiny:1")
    served = shelf.served_bytes

    again = pulled("tiny:1")

    assert again.state == JobState.DONE
    assert shelf.served_bytes == served


def test_a_model_that_is_here_is_asked_for_as_it_is_spelled(store, shelf, sent, monkeypatch):
    asked: list[str] = []
    honest: Callable[..., Fetched] = shelf.manifest

    def manifest(name: ModelName, **more: Any) -> Fetched:
        asked.append(name.short)
        return honest(name, **more)

    monkeypatch.setattr(shelf, "manifest", manifest)
    shelf.put("Tiny:1")
    pulled("Tiny:1")

    pulled("TINY:1")

    assert asked == ["Tiny:1", "Tiny:1"]
    assert [each.name.short for each in store.all()] == ["Tiny:1"]


def test_a_new_version_removes_what_only_the_old_one_needed(store, shelf, sent):
    old = shelf.put("tiny:1", salt="old")
    pulled("tiny:1")
    new = shelf.put("tiny:1", salt="new")

    job = pulled("tiny:1")

    assert "removing unused layers" in statuses(watch(job.id))
    assert not store.blob_path(old.layers[0].digest).exists()
    assert store.blob_path(new.layers[0].digest).exists()
    assert store.blob_path(old.layers[1].digest).exists()


def test_with_noprune_a_new_version_removes_nothing_and_says_nothing_of_it(
    store, shelf, sent, settings
):
    settings.PORTAL = dataclasses.replace(settings.PORTAL, is_pruning=False)
    old = shelf.put("tiny:1", salt="old")
    pulled("tiny:1")
    shelf.put("tiny:1", salt="new")

    job = pulled("tiny:1")

    said = statuses(watch(job.id))
    assert (said[-2:], "removing unused layers" in said) == (["writing manifest", "success"], False)
    assert store.blob_path(old.layers[0].digest).exists()


@pytest.mark.threat("E13")
def test_ten_pulls_at_once_fetch_the_bytes_once(store, shelf, sent, workers):
    manifest = shelf.put("tiny:1")

    def pull_one() -> None:
        jobs.work(jobs.start(None, "pull", name="tiny:1").id)

    for _ in range(10):
        workers.begin(pull_one)
    workers.finish()
    pulled("tiny:1")

    assert shelf.served_bytes == manifest.size_bytes
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.DONE}


@pytest.mark.threat("E13")
def test_two_models_that_share_a_blob_fetch_it_once(store, shelf, sent, workers):
    first, second = shelf.put("one:1"), shelf.put("two:1")
    shared = first.layers[0]
    assert second.layers[0] == shared
    shelf.gate.clear()

    for name in ("one:1", "two:1"):
        workers.work_on(jobs.start(None, "pull", name=name).id)
    assert shelf.is_at_gate.wait(PATIENCE_SECONDS)
    shelf.gate.set()
    workers.finish()

    own = sum(manifest.layers[1].size_bytes for manifest in (first, second))
    assert shelf.served_bytes == shared.size_bytes + own + first.config.size_bytes
    assert Model.objects.count() == 2


@pytest.mark.threat("E14")
def test_a_message_delivered_again_while_its_pull_runs_is_one_download(store, shelf, sent, workers):
    manifest = shelf.put("tiny:1")
    shelf.gate.clear()
    job = jobs.start(None, "pull", name="tiny:1")
    workers.work_on(job.id)
    assert shelf.is_at_gate.wait(PATIENCE_SECONDS)

    for _ in range(3):
        tasks.work_on_job(str(job.id))
        tasks.sweep_jobs()
    job.refresh_from_db()
    assert (job.state, job.fence) == (JobState.RUNNING, 1)

    shelf.gate.set()
    workers.finish()
    tasks.work_on_job(str(job.id))
    job.refresh_from_db()
    assert (job.state, job.fence) == (JobState.DONE, 1)
    assert shelf.served_bytes == manifest.size_bytes


@pytest.mark.threat("E14")
def test_a_job_whose_worker_is_gone_goes_on_from_what_it_had(store, shelf, sent):
    manifest = shelf.put("tiny:1")
    job = jobs.start(None, "pull", name="tiny:1")
    Job.objects.filter(id=job.id).update(state=JobState.RUNNING, fence=3)
    layer = manifest.layers[0]
    part = store.staged_folder() / f"{layer.digest.hex}.part"
    part.write_bytes(shelf.blobs[layer.digest.hex][:200])
    sent.clear()

    jobs.sweep()
    assert sent == [job.id]
    jobs.work(job.id)

    job.refresh_from_db()
    assert (job.state, job.fence) == (JobState.DONE, 4)
    assert shelf.served_bytes == manifest.size_bytes - 200


def test_a_job_that_nobody_was_told_of_is_told_again(store, shelf, sent):
    shelf.put("tiny:1")
    job = jobs.start(None, "pull", name="tiny:1", is_sent=False)
    assert sent == []

    jobs.sweep()

    assert sent == [job.id]


@pytest.mark.threat("E12")
def test_where_no_lease_can_be_had_who_waits_is_told_and_who_works_goes_on(store, shelf, sent):
    shelf.put("tiny:1")
    waiting = jobs.start(None, "pull", name="tiny:1")
    at_work = jobs.start(None, "push", name="tiny:1")
    Job.objects.filter(id=at_work.id).update(state=JobState.RUNNING, fence=3)
    (store.staged_folder().parent / ".portal-leases").touch()  # where its folder should be

    assert jobs.work(waiting.id)
    assert not jobs.work(at_work.id)
    jobs.sweep()

    waiting.refresh_from_db()
    at_work.refresh_from_db()
    assert waiting.state == JobState.FAILED
    assert jobs.sentence_about(waiting).startswith("The disk refused: not a directory. N")
    assert (at_work.state, at_work.fence) == (JobState.RUNNING, 3)


@pytest.mark.threat("E12")
def test_on_a_disk_that_turned_read_only_a_job_whose_worker_died_ends_in_plain_words(
    store, shelf, sent, monkeypatch
):
    shelf.put("tiny:1")
    root = store.staged_folder().parent
    died = jobs.start(None, "pull", name="tiny:1")
    at_work = jobs.start(None, "push", name="tiny:1")
    Job.objects.update(state=JobState.RUNNING)
    with Leases(root).job(at_work.id):
        (root / ".portal-leases" / f"job-{died.id}").touch()  # as a killed worker leaves it
        really_open = os.open

        def read_only(path, flags, *more, **named):
            is_writing = flags & (os.O_CREAT | os.O_RDWR | os.O_WRONLY)
            if is_writing and Path(path).is_relative_to(root):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            return really_open(path, flags, *more, **named)

        sent.clear()
        with monkeypatch.context() as disk:
            disk.setattr(os, "open", read_only)
            jobs.sweep()
            assert sent == [died.id]
            assert jobs.work(died.id)

    died.refresh_from_db()
    at_work.refresh_from_db()
    assert (died.state, at_work.state) == (JobState.FAILED, JobState.RUNNING)
    assert jobs.sentence_about(died).startswith("The disk refused: read-only file system.")


def test_a_job_that_keeps_killing_its_workers_is_given_up_in_plain_words(store, shelf, sent):
    shelf.put("tiny:1")
    job = jobs.start(None, "pull", name="tiny:1")
    Job.objects.filter(id=job.id).update(state=JobState.RUNNING, tries=working.MAX_TRIES)

    jobs.work(job.id)

    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "died 10 times" in jobs.sentence_about(job)


def test_a_cancelled_pull_stops_and_resumes_from_what_it_had(
    store, shelf, sent, workers, carol_the_admin, quick_beats
):
    manifest = shelf.put("tiny:1")
    shelf.gate.clear()
    job = jobs.start(carol_the_admin, "pull", name="tiny:1")
    workers.work_on(job.id)
    assert shelf.is_at_gate.wait(PATIENCE_SECONDS)

    jobs.cancel(carol_the_admin, job.id)
    workers.finish()

    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert watch(job.id)[-1] == Ended(state=JobState.CANCELLED)
    assert not Model.objects.exists()

    shelf.gate.set()
    jobs.resume(carol_the_admin, job.id)
    jobs.work(job.id)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert shelf.served_bytes == manifest.size_bytes
    acts = Entry.objects.filter(act__startswith="job.").order_by("at")
    assert [entry.act for entry in acts] == [
        "job.started",
        "job.cancelled",
        "job.resumed",
        "job.done",
    ]


def test_a_resume_that_comes_before_the_old_worker_has_let_go_waits_for_it(
    store, shelf, sent, workers, monkeypatch, quick_beats
):
    may_look = threading.Event()
    look = running.Running._look

    def look_once_let(attempt: running.Running) -> None:
        assert may_look.wait(PATIENCE_SECONDS)
        look(attempt)

    monkeypatch.setattr(running.Running, "_look", look_once_let)
    manifest = shelf.put("tiny:1")
    shelf.gate.clear()
    job = jobs.start(None, "pull", name="tiny:1")
    workers.work_on(job.id)
    assert shelf.is_at_gate.wait(PATIENCE_SECONDS)

    jobs.cancel(None, job.id)
    jobs.resume(None, job.id)
    assert not Leases(configured.PORTAL.models).is_free(job.id)
    workers.work_on(job.id)
    shelf.is_at_gate.clear()
    may_look.set()
    assert shelf.is_at_gate.wait(PATIENCE_SECONDS)
    shelf.gate.set()
    workers.finish()

    job.refresh_from_db()
    assert (job.state, job.fence) == (JobState.DONE, 2)
    assert shelf.served_bytes == manifest.size_bytes


def test_a_database_that_goes_away_leaves_the_job_for_the_sweep(store, shelf, sent, monkeypatch):
    shelf.put("tiny:1")
    job = jobs.start(None, "pull", name="tiny:1")
    with monkeypatch.context() as broken:
        broken.setattr(shelf, "fails_with", OperationalError("gone"))
        with pytest.raises(OperationalError):
            jobs.work(job.id)
    job.refresh_from_db()
    assert job.state == JobState.RUNNING

    jobs.sweep()
    jobs.work(job.id)

    job.refresh_from_db()
    assert job.state == JobState.DONE


def test_a_connection_that_broke_is_replaced_and_a_cancellation_still_heard(
    store, shelf, sent, workers
):
    job = jobs.start(None, "pull", name="tiny:1")
    Job.objects.update(state=JobState.RUNNING)
    attempt = running.Running(job, streams.Teller(job.id, attempt=job.fence))

    def looks() -> None:
        connections["default"].ensure_connection()
        connections["default"].connection.close()  # as a database does that is started anew
        attempt._look()
        jobs.cancel(None, job.id)
        attempt._look()

    workers.begin(looks)
    workers.finish()

    assert isinstance(attempt.why_stopped, running.Unwanted)


def test_what_a_superseded_attempt_says_changes_nothing(store, shelf, sent, workers, quick_beats):
    shelf.put("tiny:1")
    shelf.gate.clear()
    job = jobs.start(None, "pull", name="tiny:1")
    workers.work_on(job.id)
    assert shelf.is_at_gate.wait(PATIENCE_SECONDS)

    Job.objects.filter(id=job.id).update(fence=2)
    workers.finish()

    job.refresh_from_db()
    assert (job.state, job.fence) == (JobState.RUNNING, 2)
    late = streams.Teller(job.id, attempt=1)
    streams.Teller(job.id, attempt=2).tell(Line(status="new"))
    late.tell(Line(status="late"))
    assert "late" not in str(asyncio.run(closing(_heard(job.id))))


async def _heard(job_id: UUID) -> list[Line]:
    listener = streams.Listener(job_id)
    listener._place = (0, 0)
    return await listener.next(block_seconds=0.01)


def test_a_process_that_ends_puts_its_jobs_back(store, shelf, sent, workers, monkeypatch):
    shelf.put("tiny:1")
    shelf.gate.clear()
    job = jobs.start(None, "pull", name="tiny:1")
    workers.work_on(job.id)
    assert shelf.is_at_gate.wait(PATIENCE_SECONDS)

    try:
        tasks.leave_jobs()
        workers.finish()
    finally:
        running._leaving.clear()

    job.refresh_from_db()
    assert (job.state, job.tries) == (JobState.QUEUED, 0)


@pytest.mark.parametrize("count", [1, 3])
def test_every_watcher_is_told_the_same_and_a_late_one_the_present_first(
    store, shelf, sent, workers, count
):
    manifest = shelf.put("tiny:1")
    shelf.gate.clear()
    job = jobs.start(None, "pull", name="tiny:1")
    workers.work_on(job.id)
    assert shelf.is_at_gate.wait(PATIENCE_SECONDS)

    async def all_watch() -> list[list[jobs.Progress]]:
        watching = [asyncio.create_task(lines_of(job.id)) for _ in range(count)]
        await asyncio.sleep(0)
        shelf.gate.set()
        return list(await asyncio.gather(*watching))

    told = asyncio.run(closing(all_watch()))
    late = watch(job.id)

    first = f"pulling {manifest.layers[0].digest.hex[:12]}"
    assert all(statuses(steps)[:2] == ["pulling manifest", first] for steps in told)
    assert all(statuses(steps) == statuses(late) for steps in told)
    assert all(steps[-1] == Ended(state=JobState.DONE) for steps in (*told, late))


def test_lines_that_were_trimmed_are_made_up_for_by_the_present_state(sent, monkeypatch):
    job_id = uuid4()
    teller = streams.Teller(job_id, attempt=1)
    teller.tell(Line(status="first"))

    async def read() -> list[list[Line]]:
        listener = streams.Listener(job_id)
        before = await listener.next(block_seconds=0.01)
        for number in range(3):
            teller.tell(Line(status="bytes", total=9, completed=number + 1))
        await asyncio.to_thread(
            connection.client().xtrim, f"portal:job:{job_id}:lines", maxlen=1, approximate=False
        )
        return [before, await listener.next(block_seconds=0.01)]

    before, after = asyncio.run(closing(read()))

    assert before == [Line(status="first")]
    assert after == [Line(status="bytes", total=9, completed=3)]


def test_without_redis_a_pull_is_done_all_the_same(store, shelf, sent, monkeypatch):
    shelf.put("tiny:1")

    def away() -> None:
        raise OSError("no Redis here")

    monkeypatch.setattr(streams, "client", away)

    assert pulled("tiny:1").state == JobState.DONE


def test_the_same_wish_joins_and_another_is_told_to_wait(shelf, sent):
    first = jobs.start(None, "pull", name="tiny:1", wants={"insecure": False})

    assert jobs.start(None, "pull", name="Tiny:1", wants={"insecure": False}) == first
    with pytest.raises(Conflict):
        jobs.start(None, "pull", name="tiny:1", wants={"insecure": True})
    assert jobs.start(None, "push", name="tiny:1", wants={}) != first


def test_what_has_ended_cannot_be_cancelled_and_what_is_done_not_resumed(store, shelf, sent):
    shelf.put("tiny:1")
    job = pulled("tiny:1")

    assert jobs.cancel(None, job.id).state == JobState.DONE
    with pytest.raises(Conflict):
        jobs.resume(None, job.id)
    with pytest.raises(NotFound):
        jobs.cancel(None, uuid4())


@pytest.mark.threat("B15")
@pytest.mark.parametrize("kind", ["pull", "push"])
def test_who_does_not_manage_models_can_do_nothing_with_jobs(
    shelf, sent, mallory_without_rights, kind
):
    with pytest.raises(Forbidden):
        jobs.start(mallory_without_rights, kind, name="tiny:1")
    job = jobs.start(None, kind, name="tiny:1")
    for act in (jobs.cancel, jobs.resume):
        with pytest.raises(Forbidden):
            act(mallory_without_rights, job.id)
        with pytest.raises(Forbidden):
            act(mallory_without_rights, uuid4())
    assert Job.objects.count() == 1


def test_a_kind_that_nobody_can_do_is_refused():
    with pytest.raises(kinds.NoSuchKind):
        jobs.start(None, "bake", name="cake:1")


def test_a_failure_is_told_in_the_readers_language_and_to_programs_in_the_contracts(
    store, shelf, sent
):
    job = pulled("absent:1")

    assert job.state == JobState.FAILED
    assert job.contract_text == "pull model manifest: file does not exist"
    assert "no model of this name" in jobs.sentence_about(job)
    assert watch(job.id)[-1] == Ended(
        state=JobState.FAILED,
        sentence=jobs.sentence_about(job),
        contract_text=job.contract_text,
    )
    Job.objects.filter(id=job.id).update(
        failure=translated_english(failures.NO_ROOM), failure_values={"missing_bytes": 2**30}
    )
    job.refresh_from_db()
    with translation.override("zh-hans"):
        assert "磁盘空间不足：还需要 1.0" in jobs.sentence_about(job)
        job.failure = translated_english(failures.DISK)
        job.failure_values = {"reason": "read-only file system"}
        assert jobs.sentence_about(job).startswith("磁盘拒绝了操作：文件系统只读。")


def translated_english(sentence: Any) -> str:
    with translation.override(None):
        return str(sentence)


@pytest.fixture
def baking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[kinds.Work], None]]:
    """A kind of the test's own, which does what the test says."""
    before = dict(kinds._KINDS)

    def register(work: kinds.Work) -> None:
        kinds.works_on("bake")(work)

    yield register
    kinds._KINDS.clear()
    kinds._KINDS.update(before)


def test_a_cancellation_at_the_last_moment_stands(store_root, sent, baking):
    def cancel(running: jobs.Running) -> None:
        jobs.cancel(None, running.job.id)

    baking(cancel)
    job = jobs.start(None, "bake", name="cake:1")

    jobs.work(job.id)

    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert not Entry.objects.filter(act="job.done").exists()


def test_another_kind_fails_in_words_of_its_own(store_root, sent, baking):
    def burn(running: jobs.Running) -> None:
        running.tell("heating", total=100, completed=40)
        raise jobs.JobFailed(
            "%(what)s is burnt after %(eaten_bytes)s.",
            contract_text="burnt",
            contract_status=400,
            what=running.wants["what"],
            eaten_bytes=2048,
        )

    baking(burn)
    job = jobs.start(None, "bake", name="cake:1", wants={"what": "The cake"})
    jobs.work(job.id)

    job.refresh_from_db()
    assert (job.total_bytes, job.completed_bytes, job.status) == (100, 40, "heating")
    assert watch(job.id) == [
        Line(status="heating", total=100, completed=40),
        Ended(
            state=JobState.FAILED,
            sentence="The cake is burnt after 2.0\xa0KB.",
            contract_text="burnt",
            contract_status=400,
        ),
    ]


def test_a_fault_of_ours_ends_the_job_in_plain_words(store, shelf, sent):
    shelf.fails_with = RuntimeError("secret detail")

    job = pulled("tiny:1")

    assert job.state == JobState.FAILED
    assert "secret" not in jobs.sentence_about(job) + job.contract_text


@pytest.mark.threat("E9")
def test_a_blob_that_others_left_damaged_is_fetched_again(store, shelf, sent, store_root):
    manifest = shelf.put("tiny:1")
    layer = manifest.layers[0]
    blob = store.blob_path(layer.digest)
    blob.parent.mkdir()
    blob.write_bytes(bytes(layer.size_bytes))

    job = pulled("tiny:1")

    assert job.state == JobState.DONE
    assert blob.read_bytes() == shelf.blobs[layer.digest.hex]
    assert shelf.served_bytes == manifest.size_bytes


@pytest.mark.threat("E9")
def test_a_blob_that_others_left_whole_is_read_and_not_fetched(store, shelf, sent):
    manifest = shelf.put("tiny:1")
    layer = manifest.layers[0]
    blob = store.blob_path(layer.digest)
    blob.parent.mkdir()
    blob.write_bytes(shelf.blobs[layer.digest.hex])

    assert pulled("tiny:1").state == JobState.DONE
    assert shelf.served_bytes == manifest.size_bytes - layer.size_bytes


def test_a_text_too_long_to_be_read_is_not_called_damaged(store, shelf, sent):
    manifest = shelf.put("tiny:1")
    long = shelf.layer(b'["' + b"x" * 2**20 + b'"]', MESSAGES_TYPE)
    shelf.manifests["registry.ollama.ai/library/tiny:1"] = dataclasses.replace(
        manifest, layers=(*manifest.layers, long)
    ).as_bytes()

    job = pulled("tiny:1")

    assert job.state == JobState.FAILED
    assert jobs.sentence_about(job).startswith("This is not a model that the portal can read")
    assert not store.has_manifest(jobs_name("tiny:1"))


def test_what_cannot_be_read_replaces_nothing(store, shelf, sent):
    shelf.put("tiny:1")
    pulled("tiny:1")
    before = store.manifest_bytes(jobs_name("tiny:1"))
    manifest = shelf.put("tiny:1", salt="other")
    damaged = shelf.layer(b"no GGUF at all", manifest.layers[0].media_type)
    from portal.catalog.storage.manifest import Manifest

    shelf.manifests["registry.ollama.ai/library/tiny:1"] = Manifest(
        config=manifest.config, layers=(damaged,)
    ).as_bytes()

    job = pulled("tiny:1")

    assert job.state == JobState.FAILED
    assert "can read" in jobs.sentence_about(job)
    assert store.manifest_bytes(jobs_name("tiny:1")) == before


def test_a_pushed_model_is_there_byte_for_byte(store, shelf, sent):
    shelf.put("tiny:1")
    pulled("tiny:1")
    copied = shelf.manifests.pop("registry.ollama.ai/library/tiny:1")
    shelf.blobs.clear()

    job = jobs.start(None, "push", name="tiny:1")
    jobs.work(job.id)

    job.refresh_from_db()
    assert job.state == JobState.DONE, job.failure
    assert shelf.manifests["registry.ollama.ai/library/tiny:1"] == copied
    assert statuses(watch(job.id))[0] == "retrieving manifest"
    assert statuses(watch(job.id))[-2:] == ["pushing manifest", "success"]


def test_pushing_what_is_not_there_says_so(store, shelf, sent):
    job = jobs.start(None, "push", name="absent:1")
    jobs.work(job.id)

    job.refresh_from_db()
    assert statuses(watch(job.id)) == ["retrieving manifest", "couldn't retrieve manifest"]
    assert job.contract_text.endswith("absent/1: no such file or directory")
    assert not job.contract_text.startswith("open /")


class TestLeases:
    def test_one_holds_it_and_lets_go(self, tmp_path: Path):
        leases, job_id = Leases(tmp_path), uuid4()

        with leases.job(job_id):
            assert not Leases(tmp_path).is_free(job_id)
        assert leases.is_free(job_id)
        assert not list((tmp_path / ".portal-leases").iterdir())

    def test_a_file_that_was_removed_meanwhile_guards_nothing(self, tmp_path: Path):
        leases, job_id = Leases(tmp_path), uuid4()
        with leases.job(job_id):
            shutil.rmtree(tmp_path / ".portal-leases")
            with leases.job(job_id):
                assert not leases.is_free(job_id)
