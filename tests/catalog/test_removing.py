"""Nothing that somebody needs is ever removed, and what nobody needs goes in the end."""

import dataclasses
import hashlib
import os
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from inference import protocol
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog import actions, leaving, queries, tasks
from portal.catalog.models import Job, JobState, Model, ModelState
from portal.catalog.names import Digest, ModelName
from portal.catalog.storage import needed
from portal.catalog.storage.manifest import CONFIG_TYPE, WEIGHTS_TYPE, Layer, Manifest
from portal.catalog.storage.store import NotKnown, Staged, Store
from portal.streams import connection, requests
from tests.catalog.ollama_folder import OllamaFolder

Imported = Callable[..., Model]
LATER = 2.0**40


def layer(staged: Staged, media_type: str) -> Layer:
    return Layer(media_type=media_type, digest=staged.digest, size_bytes=staged.size_bytes)


def put(store: Store, name: str, *contents: bytes) -> None:
    staged = [store.stage_bytes(each) for each in contents]
    layers = tuple(layer(each, WEIGHTS_TYPE) for each in staged[1:])
    with store.locked():
        for each in staged:
            store.publish(each)
        store.write_manifest(
            ModelName.parse(name), Manifest(config=layer(staged[0], CONFIG_TYPE), layers=layers)
        )


def sha256(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest())


NAMES = ("one", "Two", "hf.co/me/three:q4", "localhost:5000/me/four:1")
CONTENTS = tuple(bytes([letter]) * 3 for letter in b"abcdef")


class World:
    """A store beside the simplest book about it: what a model names, a job holds or a request
    waits for is needed, and nothing else is."""

    def __init__(self, root: Path, *, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - dice with a seed, no secret
        self.store = Store(root, also_needed=lambda: {sha256(each) for each in self.waited_for})
        self.models: dict[str, tuple[bytes, ...]] = {}
        self.held: list[tuple[ExitStack, frozenset[bytes]]] = []
        self.waited_for: set[bytes] = set()

    @property
    def needed(self) -> set[bytes]:
        named = {each for contents in self.models.values() for each in contents}
        return named | self.waited_for | {each for _, hold in self.held for each in hold}

    def do_something(self) -> None:
        deeds = (self.add, self.add, self.remove, self.copy, self.hold, self.let_go, self.wait)
        self.dice.choice((*deeds, self.prune))()

    def add(self) -> None:
        name = self.dice.choice(NAMES)
        chosen = tuple(self.dice.sample(CONTENTS, self.dice.randint(1, 4)))
        put(self.store, self.dice.choice((name, name.upper())), *chosen)
        self.models[name] = chosen

    def remove(self) -> None:
        name = self.dice.choice(NAMES)
        self.store.remove(ModelName.parse(name.swapcase()))
        self.models.pop(name, None)

    def copy(self) -> None:
        if not self.models:
            return
        name, other = self.dice.choice(list(self.models)), self.dice.choice(NAMES)
        with self.store.locked():
            self.store.copy_manifest(ModelName.parse(name), ModelName.parse(other))
        self.models[other] = self.models[name]

    def hold(self) -> None:
        chosen = self.dice.sample(CONTENTS, 2)
        stack = ExitStack()
        stack.enter_context(self.store.holding([sha256(each) for each in chosen]))
        self.held.append((stack, frozenset(chosen)))
        for each in chosen:
            self.store.publish(self.store.stage_bytes(each))

    def let_go(self) -> None:
        if self.held:
            self.held.pop(0)[0].close()

    def wait(self) -> None:
        there = [each for each in CONTENTS if self.has(each)]
        self.waited_for = set(self.dice.sample(there, min(1, len(there))))

    def prune(self) -> None:
        self.store.remove_unreferenced(older_than=LATER)

    def has(self, content: bytes) -> bool:
        return self.store.has_blob(sha256(content), size_bytes=len(content))


@pytest.mark.threat("E15")
@pytest.mark.parametrize("seed", range(6))
def test_in_any_order_the_needed_stays_and_the_rest_goes(store_root: Path, seed: int) -> None:
    """Models sharing files come, are replaced, copied and removed in any spelling, while jobs hold
    files that have no name yet and requests wait for files whose name is gone."""
    world = World(store_root, seed=seed)
    for _ in range(150):
        world.do_something()
        assert all(world.has(each) for each in world.needed), f"seed {seed}"
    while world.held:
        world.let_go()
    world.waited_for = set()
    world.prune()

    assert {path.name for path in (store_root / "blobs").iterdir()} == {
        sha256(each).file_name for each in world.needed
    }


@pytest.mark.threat("E15")
def test_a_note_of_whoever_died_holding_files_holds_nothing(store: Store, store_root: Path) -> None:
    store.publish(store.stage_bytes(b"abc"))
    (store_root / "staged" / "dead.hold").write_text(sha256(b"abc").hex)

    assert store.remove_unreferenced(older_than=LATER) == [sha256(b"abc")]
    assert list((store_root / "staged").iterdir()) == []


@pytest.fixture
def waiting_for(alice: Person) -> Iterator[Callable[[Model], protocol.Request]]:
    """Puts a request for this model, as it is now, into the queue."""

    def wait(model: Model) -> protocol.Request:
        request = protocol.Request(
            generation_id=uuid.uuid4(),
            attempt=1,
            person="p",
            lane="person",
            model=queries.spec_of(model),
            model_name=model.name,
            messages=(protocol.Message(role="user", content="Hello"),),
            expires_at=0.0,
        )
        assert requests.submit(request)
        return request

    yield wait
    connection.client().flushall()


@pytest.mark.threat("E15")
def test_what_a_waiting_request_needs_stays_when_its_name_is_given_to_another_file(
    imported: Imported, store: Store, waiting_for: Callable[[Model], protocol.Request]
) -> None:
    old = imported("small", salt="old")
    request = waiting_for(old)

    imported("small", salt="new")
    weights = Digest(old.weights)
    assert store.blob_path(weights).exists()
    requests.withdraw(request.generation_id, queue=request.model.queue)
    queries.open_store().remove_unreferenced(older_than=LATER)

    assert not store.blob_path(weights).exists()


@pytest.mark.threat("E15")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "ended_hours_ago", "stays"),
    [
        (JobState.QUEUED, None, True),
        (JobState.RUNNING, None, True),
        (JobState.FAILED, 1, True),
        (JobState.CANCELLED, 25, False),
        (JobState.DONE, 1, False),
    ],
)
def test_what_a_job_works_on_stays_until_it_is_over(
    store: Store, state: JobState, ended_hours_ago: int | None, stays: bool
) -> None:
    for content in (b"named in its wishes", b"on its way"):
        store.publish(store.stage_bytes(content))
    ended = timezone.now() - timedelta(hours=ended_hours_ago) if ended_hours_ago else None
    Job.objects.create(
        kind="create",
        name="m:latest",
        state=state,
        wants={"files": {"m.gguf": f"sha256:{sha256(b'named in its wishes').hex}"}},
        digests=[sha256(b"on its way").hex],
        ended_at=ended,
    )

    gone = queries.open_store().remove_unreferenced(older_than=LATER)

    assert len(gone) == (0 if stays else 2)


@pytest.mark.threat("E15")
def test_while_nobody_can_say_what_waits_nothing_is_removed(
    imported: Imported, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = imported("small")
    monkeypatch.setattr(needed, "blobs_in_use", _fail)
    monkeypatch.setattr(queries, "blobs_in_use", _fail)

    actions.delete_model(None, model_id=model.id)

    assert not Model.objects.exists()
    assert store.blob_path(Digest(model.weights)).exists()


def _fail() -> set[Digest]:
    raise NotKnown("away")


@pytest.mark.django_db
def test_a_manifest_that_names_a_file_twice_is_removed_like_any_other(
    store_root: Path, store: Store
) -> None:
    twice = [("license", b"MIT"), ("license", b"MIT")]
    OllamaFolder(store_root).put("twice/latest", twice)
    actions.sync_with_store(None)
    assert (
        Model.objects.get().size_bytes
        > store.manifest(ModelName.parse("twice")).manifest.config.size_bytes + 5
    )

    actions.delete_named(None, name="twice")

    assert list((store_root / "blobs").iterdir()) == []


# Pruning.


def test_pruning_says_what_it_removed_and_leaves_the_young(
    imported: Imported,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    imported("small")
    store.publish(store.stage_bytes(b"x" * 1500))
    assert actions.prune(None).count == 0
    monkeypatch.setattr(leaving, "YOUNG_SECONDS", -10.0)

    call_command("prunemodels")

    assert "1 files removed, 1.5 KB" in capsys.readouterr().out
    assert Entry.objects.get(act="models.pruned").details == {"count": 1, "size_bytes": 1500}
    assert store.blob_path(Digest(Model.objects.get().weights)).exists()


def test_with_noprune_nothing_is_pruned_and_the_command_says_so(
    imported: Imported,
    store: Store,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    imported("small")
    unneeded = store.stage_bytes(b"x" * 1500)
    store.publish(unneeded)
    monkeypatch.setattr(leaving, "YOUNG_SECONDS", -10.0)
    settings.PORTAL = dataclasses.replace(settings.PORTAL, is_pruning=False)

    call_command("prunemodels")

    assert "OLLAMA_NOPRUNE is set" in capsys.readouterr().out
    assert store.blob_path(unneeded.digest).exists()
    actions.delete_named(None, name="small")
    assert {path.name for path in (store.blob_path(unneeded.digest).parent).iterdir()} == {
        unneeded.digest.file_name
    }


@pytest.mark.django_db
def test_a_manifest_that_cannot_be_read_is_named_as_what_stops_it(
    store_root: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    OllamaFolder(store_root).put("torn/latest", []).write_bytes(b"{")
    store.publish(store.stage_bytes(b"nobody needs this"))

    call_command("prunemodels")
    assert "manage.py rmmodel torn:latest" in capsys.readouterr().err
    call_command("rmmodel", "TORN")

    assert store.unreadable() == []
    assert len(store.remove_unreferenced(older_than=LATER)) == 2


def test_parts_of_a_download_stay_a_week_and_other_leavings_a_day(
    store: Store, store_root: Path
) -> None:
    folder = store.staged_folder()
    for name, days in (("a.part", 6), ("b.part.ledger", 6), ("c.part", 9), ("d", 0.5), ("e", 2)):
        path = folder / name
        path.write_bytes(b"x")
        when = timezone.now().timestamp() - days * 86_400
        os.utime(path, (when, when))

    store.remove_unreferenced(older_than=timezone.now().timestamp())

    assert sorted(path.name for path in folder.iterdir()) == ["a.part", "b.part.ledger", "d"]


# Copies, and models by name.


def test_a_copy_is_the_same_to_the_byte_and_as_well_tried(
    imported: Imported, store: Store, carol_the_admin: Person
) -> None:
    model = imported("me/small:1")
    actions.publish_model(None, model_id=model.id)
    Model.objects.update(state=ModelState.READY, trial={"outcome": "passed"})

    copy = actions.copy_model(carol_the_admin, source="ME/SMALL:1", destination="other:2")

    assert (copy.digest, copy.state, copy.trial) == (
        model.digest,
        ModelState.READY,
        {"outcome": "passed"},
    )
    assert not copy.is_published
    names = [ModelName.parse(each) for each in ("me/small:1", "other:2")]
    assert store.manifest(names[0]).digest == store.manifest(names[1]).digest
    assert Entry.objects.get(act="model.copied").person == carol_the_admin


def test_a_copy_onto_itself_changes_nothing(imported: Imported) -> None:
    model = imported("small")
    acts = Entry.objects.count()

    assert actions.copy_model(None, source="small", destination="SMALL:Latest").id == model.id
    assert (Model.objects.count(), Entry.objects.count()) == (1, acts)


def test_a_copy_over_another_name_frees_what_that_had(imported: Imported, store: Store) -> None:
    imported("one", salt="one")
    two = imported("two", salt="two")

    copy = actions.copy_model(None, source="one", destination="TWO")

    assert (copy.id, copy.name) == (two.id, "two:latest")
    assert not store.blob_path(Digest(two.weights)).exists()


def test_models_are_copied_and_removed_on_the_command_line(
    imported: Imported, capsys: pytest.CaptureFixture[str]
) -> None:
    imported("small")

    call_command("copymodel", "small", "other")
    call_command("rmmodel", "SMALL", "other")

    assert capsys.readouterr().out.splitlines() == [
        *("copied 'small' to 'other'", "deleted 'SMALL'", "deleted 'other'"),
    ]
    assert not Model.objects.exists()
    for command in (("copymodel", "small", "x"), ("rmmodel", "small")):
        with pytest.raises(CommandError, match="There is no model small:latest"):
            call_command(*command)
    for command in (("copymodel", "m@d", "x"), ("copymodel", "m", "x//y"), ("rmmodel", "a//b")):
        with pytest.raises(CommandError, match="is not the name of a model"):
            call_command(*command)


def test_where_the_folder_may_not_be_changed_nothing_is_and_a_sentence_says_so(
    imported: Imported, store: Store, store_root: Path
) -> None:
    model = imported("small")
    actions.publish_model(None, model_id=model.id)
    store_root.chmod(0o777)

    for command in (("rmmodel", "small"), ("copymodel", "small", "other"), ("prunemodels",)):
        with pytest.raises(CommandError, match=r"cannot be changed: everyone may .* try again"):
            call_command(*command)
    tasks.prune()

    assert Model.objects.get(is_published=True).id == model.id
    assert [stored.name.short for stored in store.all()] == ["small:latest"]
    assert not Entry.objects.filter(act__in=["model.deleted", "model.copied"]).exists()


def test_a_model_whose_files_are_not_whole_is_not_copied(imported: Imported, store: Store) -> None:
    model = imported("small")
    store.blob_path(Digest(model.weights)).unlink()

    with pytest.raises(CommandError, match="not whole"):
        call_command("copymodel", "small", "other")

    assert Model.objects.count() == 1
