"""Bytes that change by themselves are noticed, told and mended; reading them hogs nothing."""

import datetime
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Any

import pytest
from celery.signals import worker_ready
from kombu.exceptions import OperationalError

from portal import clock
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog import actions, queries, tasks
from portal.catalog.models import Blob, Model, ModelState
from portal.catalog.names import Digest, ModelName
from portal.catalog.storage import files, rot
from portal.catalog.storage.rot import check_in_turn
from portal.catalog.storage.store import Store
from portal.catalog.trying import trials
from portal.celery import app
from tests.catalog.gguf_files import chat_gguf

Imported = Callable[..., Model]

pytestmark = [pytest.mark.django_db, pytest.mark.threat("E16")]


class Clock:
    def __init__(self) -> None:
        self.now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.now

    def later(self, **by: float) -> None:
        self.now += datetime.timedelta(**by)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock_ = Clock()
    monkeypatch.setattr(clock, "now", clock_)
    return clock_


def no_sleep(_seconds: float) -> None:
    """A test has no time."""


def flip_a_byte(store: Store, model: Model) -> None:
    path = store.blob_path(Digest(model.weights))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.fault
def test_a_flipped_byte_takes_every_model_with_that_file_out_and_it_is_told(
    imported: Imported, store: Store, alice: Person
) -> None:
    one, two, other = imported("one"), imported("two"), imported("other", salt="other")
    for model in (one, two, other):
        actions.publish_model(None, model_id=model.id)
    Model.objects.update(state=ModelState.READY)
    assert check_in_turn(sleep=no_sleep).broken == ()
    flip_a_byte(store, one)

    turn = check_in_turn(sleep=no_sleep)

    assert turn.broken == ("one:latest", "two:latest")
    assert [model.name for model in queries.models_for(alice)] == ["other:latest"]
    for model in Model.objects.filter(state=ModelState.BROKEN):
        assert "not whole" in trials.sentence_about(model)
    entries = Entry.objects.filter(act="model.broken")
    assert {entry.details["name"] for entry in entries} == {"one:latest", "two:latest"}
    assert {entry.details["file"] for entry in entries} == {one.weights[:12]}
    assert Blob.objects.get(digest=one.weights).is_rotten
    assert check_in_turn(sleep=no_sleep).broken == ()


@pytest.mark.fault
def test_bringing_the_file_again_mends_every_model_that_has_it(
    imported: Imported, store: Store
) -> None:
    one = imported("one")
    imported("two")
    flip_a_byte(store, one)
    check_in_turn(sleep=no_sleep)
    assert not store.has_blob(Digest(one.weights), size_bytes=len(chat_gguf()))

    imported("one")
    tasks.sync()

    assert {model.state for model in Model.objects.all()} == {ModelState.ADDED}
    store.check_blob(Digest(one.weights))
    assert check_in_turn(sleep=no_sleep).broken == ()


def test_a_reading_that_failed_once_condemns_nothing(
    imported: Imported, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory errs too: only what is wrong twice, the second time from the disk, is wrong."""
    imported("one")
    really, calls = files.sha256, iter(range(100))

    def errs_first(file: BufferedReader, **more: Any) -> str:
        digest = really(file, **more)
        return "0" * 64 if next(calls) == 0 else digest

    monkeypatch.setattr(files, "sha256", errs_first)

    assert check_in_turn(sleep=no_sleep).broken == ()
    assert Model.objects.get().state == ModelState.ADDED


def test_the_file_whose_reading_is_longest_ago_is_the_next(
    imported: Imported, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {}
    for name in ("third", "second", "first"):
        models[name] = imported(name, salt=name)
        time.later(days=1)
    digests = {name: Digest(model.weights) for name, model in models.items()}
    Blob.objects.filter(digest=digests["first"].hex).update(checked_at=None)
    Blob.objects.filter(digest=digests["third"].hex).update(checked_at=time.now)
    opened: list[Digest] = []
    really_open = Store.open_blob

    def noted(store: Store, digest: Digest) -> BufferedReader:
        opened.append(digest)
        return really_open(store, digest)

    monkeypatch.setattr(Store, "open_blob", noted)

    check_in_turn(sleep=no_sleep)

    read = [digest for digest in opened if digest in digests.values()]
    assert read == [digests["first"], digests["second"], digests["third"]]


def test_a_turn_reads_no_more_than_its_share_and_every_file_gets_its_turn(
    imported: Imported, time: Clock
) -> None:
    for number in range(6):
        imported(f"m{number}", salt=f"{number}")
    share = 2 * len(chat_gguf(salt="0"))
    Blob.objects.update(checked_at=None)

    turns = []
    for _ in range(6):
        time.later(minutes=10)
        turns.append(check_in_turn(turn_bytes=share, sleep=no_sleep).size_bytes)

    assert max(turns) <= share
    assert not Blob.objects.filter(checked_at=None).exists()


def test_a_file_larger_than_a_turn_is_paid_for_by_the_turns_after_it(
    imported: Imported, time: Clock
) -> None:
    imported("large")
    Blob.objects.exclude(digest=Model.objects.get().weights).delete()
    share = len(chat_gguf()) // 4
    Blob.objects.update(checked_at=time.now - datetime.timedelta(days=1))
    Blob.objects.create(digest="f" * 64, size_bytes=1, checked_at=time.now)

    counts = []
    for _ in range(8):
        counts.append(check_in_turn(turn_bytes=share, sleep=no_sleep).count)
        time.later(minutes=10)

    assert counts[0] == 1  # the configuration, which nobody had read
    assert counts[1] == 1
    assert counts[2:5] == [0, 0, 0]


def test_reading_is_held_back_to_a_rate(
    imported: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported("one")
    slept: list[float] = []
    monkeypatch.setattr(rot, "READ_BYTES_A_SECOND", 1.0)

    turn = check_in_turn(sleep=slept.append)

    assert turn.count == 2
    assert sum(slept) > turn.size_bytes - 60


def test_two_turns_at_once_are_one(imported: Imported) -> None:
    imported("one")
    counts: list[int] = []

    def meanwhile(_seconds: float) -> None:
        counts.append(check_in_turn(sleep=no_sleep).count)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rot, "READ_BYTES_A_SECOND", 1.0)
        check_in_turn(sleep=meanwhile)

    assert set(counts) == {0}


def test_a_file_that_nobody_may_take_out_of_its_place_still_breaks_its_models(
    imported: Imported, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(_store: Store, _digest: Digest) -> None:
        raise OSError(30, "read-only file system")

    model = imported("one")
    flip_a_byte(store, model)
    monkeypatch.setattr(Store, "set_aside", read_only)

    assert check_in_turn(sleep=no_sleep).broken == ("one:latest",)


def test_a_disk_that_does_not_answer_breaks_the_model_until_it_does(
    imported: Imported, store: Store
) -> None:
    def broken_disk(file: BufferedReader, **more: Any) -> str:
        raise OSError(5, "input/output error")

    model = imported("one")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(files, "sha256", broken_disk)
        assert check_in_turn(sleep=no_sleep).broken == ("one:latest",)
    assert store.has_blob(Digest(model.weights), size_bytes=len(chat_gguf()))

    tasks.sync()

    assert Model.objects.get().state == ModelState.ADDED


def test_an_administrator_may_have_one_model_read_at_once(
    imported: Imported, store: Store, carol_the_admin: Person
) -> None:
    one, other = imported("one"), imported("other", salt="other")
    Model.objects.update(state=ModelState.READY)
    assert actions.check_bytes(carol_the_admin, model_id=one.id)
    flip_a_byte(store, one)

    assert not actions.check_bytes(carol_the_admin, model_id=one.id)

    other.refresh_from_db()
    assert other.state == ModelState.READY
    assert Entry.objects.get(act="model.broken").person == carol_the_admin


def test_a_rotten_file_is_kept_aside_for_a_day_for_whoever_wants_to_look(
    imported: Imported, store: Store, store_root: Path
) -> None:
    model = imported("one")
    flip_a_byte(store, model)

    check_in_turn(sleep=no_sleep)

    (aside,) = (store_root / "staged").iterdir()
    assert aside.stat().st_size == len(chat_gguf())
    assert store.manifest(ModelName.parse("one")).manifest.weights is not None


def test_the_queue_being_away_only_delays_the_mending(
    imported: Imported,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def away(*_args: object, **_options: object) -> None:
        raise OperationalError

    one = imported("one")
    imported("two")
    flip_a_byte(store, one)
    check_in_turn(sleep=no_sleep)
    monkeypatch.setattr(app, "send_task", away)

    with django_capture_on_commit_callbacks(execute=True):
        imported("one")

    assert Model.objects.get(name="one:latest").state == ModelState.ADDED


def test_the_turns_are_taken_in_the_background(
    imported: Imported, store: Store, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = settings.CELERY_BEAT_SCHEDULE
    assert {"catalog.sync", "catalog.prune", "catalog.check_in_turn"} <= set(schedule)
    assert schedule["catalog.check_in_turn"]["schedule"] == rot.TURN_SECONDS
    model = imported("one")
    flip_a_byte(store, model)

    tasks.check_in_turn()
    tasks.prune()

    model.refresh_from_db()
    assert model.state == ModelState.BROKEN


def test_the_store_is_looked_at_as_soon_as_a_worker_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(tasks.sync, "delay", lambda: asked.append(True))

    worker_ready.send(sender=None)

    assert asked == [True]
