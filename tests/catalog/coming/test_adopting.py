"""A folder that Ollama filled becomes ours as it is; what we write, Ollama could have written."""

import errno
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog import actions, queries, tasks
from portal.catalog.models import Model, ModelState
from portal.catalog.names import Digest, ModelName
from portal.catalog.papers import details
from portal.catalog.storage.store import Store
from portal.catalog.trying import trials
from tests.catalog.gguf_files import build_gguf, chat_gguf, text_value
from tests.catalog.ollama_folder import OllamaFolder

pytestmark = pytest.mark.django_db

LATER = 2**40
WEIGHTS = chat_gguf()
PARAMS = b'{"stop":["<|im_end|>"],"temperature":0.7}\n'
MESSAGES = b'[{"role":"user","content":"Who are you?"},{"role":"assistant","content":"Ann."}]\n'


@pytest.fixture
def folder(store_root: Path) -> OllamaFolder:
    return OllamaFolder(store_root)


def test_everything_that_ollama_keeps_is_adopted_as_it_is(folder: OllamaFolder) -> None:
    papers = [
        ("template", b"{{ .System }} {{ .Prompt }}"),
        ("system", b"Be brief."),
        ("params", PARAMS),
        ("messages", MESSAGES),
        ("license", b"MIT"),
        ("license", b"Apache-2.0"),
    ]
    folder.put("plain/latest", [("model", WEIGHTS), *papers])
    folder.put("other/7b", [("model", WEIGHTS), ("adapter", b"GGUF adapter")])
    folder.put("Odd/Case", [("model", WEIGHTS), ("projector", b"GGUF eyes")])
    folder.put("hf.co/Someone/Model-GGUF/Q4_K_M", [("model", WEIGHTS)])
    folder.put("localhost:5000/me/mine/v1", [("model", WEIGHTS), ("embed", b"obsolete")])
    folder.half_written()
    before = folder.tree()

    synced = actions.sync_with_store(None)

    assert sorted(synced.adopted) == [
        *("Odd:Case", "hf.co/Someone/Model-GGUF:Q4_K_M"),
        *("localhost:5000/me/mine:v1", "other:7b", "plain:latest"),
    ]
    assert (synced.broken, synced.unreadable) == ((), ())
    assert folder.tree() == before
    plain = Model.objects.get(name="plain:latest")
    assert (plain.system, plain.template) == ("Be brief.", "{{ .System }} {{ .Prompt }}")
    assert plain.parameters == {"stop": ["<|im_end|>"], "temperature": 0.7}
    assert [each["content"] for each in plain.messages] == ["Who are you?", "Ann."]
    assert len(Model.objects.get(name="other:7b").adapters) == 1
    assert "vision" in Model.objects.get(name="Odd:Case").capabilities
    assert len({model.weights for model in Model.objects.all()}) == 1
    assert not Model.objects.filter(is_published=True).exists()
    assert actions.sync_with_store(None).adopted == ()


def test_what_cannot_be_loaded_is_listed_and_it_is_said_why(folder: OllamaFolder) -> None:
    tensors = [("tensor", b"weights"), ("json", b'{"architectures":["LlamaForCausalLM"]}')]
    folder.put("mlx/latest", tensors, config={"model_format": "safetensors"})
    remote = {"remote_host": "https://ollama.com:443", "remote_model": "gpt-oss:120b"}
    folder.put("gpt-oss/120b-cloud", [], config={"model_format": "", **remote})
    folder.put("empty/latest", [("template", b"{{ .Prompt }}")])

    synced = actions.sync_with_store(None)

    assert len(synced.adopted) == 3
    said = {model.name: trials.sentence_about(model) for model in Model.objects.all()}
    assert "not in the GGUF format" in said["mlx:latest"]
    assert "on another server" in said["gpt-oss:120b-cloud"]
    assert "no weights" in said["empty:latest"]
    for model in Model.objects.all():
        assert model.state == ModelState.UNLOADABLE
        assert "left as they are" in said[model.name]
        assert queries.specs_of(model) == []
        assert trials.check_again(None, model_id=model.id).state == ModelState.UNLOADABLE
    assert actions.sync_with_store(None).adopted == ()


def test_a_name_in_two_spellings_is_one_model_and_keeps_the_files_of_both(
    folder: OllamaFolder, store: Store
) -> None:
    folder.put("Model/1", [("model", WEIGHTS)])
    folder.put("model/1", [("model", chat_gguf(salt="other"))])

    synced = actions.sync_with_store(None)
    actions.sync_with_store(None)

    assert synced.adopted == ("Model:1",)
    assert Model.objects.count() == 1
    assert store.remove_unreferenced(older_than=2**40) == []


def test_files_of_an_early_ollama_get_the_names_of_a_late_one(folder: OllamaFolder) -> None:
    folder.put("old/latest", [("model", WEIGHTS)])
    names = sorted(path.name for path in folder.blobs.iterdir())
    for name in names:
        (folder.blobs / name).rename(folder.blobs / name.replace("-", ":"))

    assert actions.sync_with_store(None).adopted == ("old:latest",)
    assert sorted(path.name for path in folder.blobs.iterdir()) == names


def test_what_is_damaged_is_told_and_takes_nothing_else_with_it(folder: OllamaFolder) -> None:
    folder.put("whole/latest", [("model", WEIGHTS)])
    folder.put("rotten/latest", [("model", chat_gguf(salt="rotten"))])
    folder.put("torn/latest", [("model", WEIGHTS)]).write_bytes(b'{"schemaVersion":2')
    for path in folder.blobs.iterdir():
        if b"small rotten" in path.read_bytes():
            path.write_bytes(path.read_bytes()[:-1] + b"!")

    synced = actions.sync_with_store(None)

    assert synced.adopted == ("whole:latest",)
    assert synced.broken == ("rotten:latest",)
    assert synced.unreadable == ("torn:latest",)


@pytest.mark.threat("E9")
def test_what_many_models_share_is_read_once_and_again_when_it_was_exchanged(
    folder: OllamaFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("one/latest", "two/latest", "registry.ollama.ai/library/.no/name"):
        folder.put(name, [("model", WEIGHTS)])
    read: list[Digest] = []
    really_check = Store.check_blob

    def noting(store: Store, digest: Digest) -> None:
        read.append(digest)
        really_check(store, digest)

    monkeypatch.setattr(Store, "check_blob", noting)

    assert actions.sync_with_store(None).adopted == ("one:latest", "two:latest")
    assert len(read) == len(set(read))
    assert [line for line in caplog.messages if "left out" in line] == [
        "a file among the manifests is left out: its name is not a model's"
    ]

    weights = folder.blobs / f"sha256-{Model.objects.get(name='one:latest').weights}"
    written_at = weights.stat().st_mtime_ns
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    os.utime(weights, ns=(written_at, written_at))  # as programs that copy do
    three = folder.root / "manifests/registry.ollama.ai/library/three/latest"
    three.parent.mkdir()
    shutil.copy(three.parent.parent / "one/latest", three)

    assert actions.sync_with_store(None).broken == ("three:latest",)


@pytest.mark.threat("E20")
def test_a_folder_that_we_may_only_read_is_adopted_and_nothing_is_written_there(
    folder: OllamaFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("plain/latest", [("model", WEIGHTS)])
    before = folder.tree()
    really_open = os.open

    def read_only(path: str, flags: int, *more: int) -> int:
        if flags & (os.O_CREAT | os.O_RDWR | os.O_WRONLY) and Path(path).is_relative_to(
            folder.root
        ):
            raise OSError(errno.EROFS, "read-only file system", str(path))
        return really_open(path, flags, *more)

    monkeypatch.setattr(os, "open", read_only)

    synced = actions.sync_with_store(None)

    assert synced.adopted == ("plain:latest",)
    assert folder.tree() == before


@pytest.mark.threat("E15")
def test_a_folder_that_cannot_be_read_holds_up_no_other_model_and_costs_no_file(
    folder: OllamaFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not by its rights: a test may be run by somebody whom no rights stop."""
    folder.put("models.example.com/team/hidden/latest", [("model", WEIGHTS), ("system", b"One.")])
    assert actions.sync_with_store(None).adopted == ("models.example.com/team/hidden:latest",)
    folder.put("plain/latest", [("model", WEIGHTS), ("system", b"Two.")])
    really_scan = os.scandir

    def shut(path: Path) -> object:
        if str(path).endswith("/team"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really_scan(path)

    monkeypatch.setattr(os, "scandir", shut)
    call_command("adoptmodels")
    store = queries.open_store()

    said = capsys.readouterr()
    assert said.out == "adopted 'plain:latest'\n"
    assert "cannot be read: the folder manifests/models.example.com/team." in said.err
    assert not Model.objects.filter(state=ModelState.BROKEN).exists()
    assert store.manifest(ModelName.parse("plain")).name.model == "plain"
    assert store.has_manifest(ModelName.parse("models.example.com/others/new")) is False
    with pytest.raises(PermissionError):
        store.has_manifest(ModelName.parse("models.example.com/TEAM/hidden"))
    assert store.remove_unreferenced(older_than=LATER) == []
    call_command("prunemodels")
    assert "models.example.com/team cannot be read" in capsys.readouterr().err


def test_only_who_looks_after_models_may_adopt(alice: Person, store_root: Path) -> None:
    from portal.chat.errors import Forbidden

    with pytest.raises(Forbidden):
        actions.sync_with_store(alice)


def test_two_looks_at_once_are_one(folder: OllamaFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.catalog.coming import adopting

    inner: list[bool] = []
    look = adopting._sync

    def slow(person: Person | None, store: Store) -> actions.Synced:
        inner.append(actions.sync_with_store(None).is_busy)
        return look(person, store)

    monkeypatch.setattr(adopting, "_sync", slow)

    assert not actions.sync_with_store(None).is_busy
    assert inner == [True]


def meanwhile(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object]) -> None:
    """Somebody does this while the store is looked at, as the first file is read."""
    really, deeds = Store.check_blob, [deed]

    def check(store: Store, digest: Digest) -> None:
        really(store, digest)
        if deeds:
            deeds.pop()()

    monkeypatch.setattr(Store, "check_blob", check)


@pytest.mark.threat("E15")
def test_a_model_removed_while_it_was_read_does_not_come_back(
    folder: OllamaFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("plain/latest", [("model", WEIGHTS)])
    folder.put("same/latest", [("model", WEIGHTS)])  # so that the files stay
    meanwhile(monkeypatch, lambda: actions.delete_named(None, name="plain"))

    assert actions.sync_with_store(None).adopted == ("same:latest",)
    assert [model.name for model in Model.objects.all()] == ["same:latest"]


@pytest.mark.threat("E15")
def test_a_model_replaced_while_the_old_one_was_read_is_not_broken_by_that(
    imported: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    imported("small", salt="old")
    Model.objects.update(state=ModelState.BROKEN)
    meanwhile(monkeypatch, lambda: imported("small", salt="new"))

    actions.sync_with_store(None)

    assert Model.objects.get().state == ModelState.ADDED


def test_rows_of_an_earlier_edition_learn_what_it_did_not_read(
    folder: OllamaFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = b"{{ if .Tools }}{{ .Tools }}{{ end }}{{ .Prompt }}{{ .Suffix }}"
    folder.put("plain/latest", [("model", WEIGHTS), ("template", template)])
    actions.sync_with_store(None)
    fresh = Model.objects.get()
    acts = Entry.objects.count()
    Model.objects.update(
        capabilities=[], template="", listing={}, edition=0, state=ModelState.READY
    )
    read: list[object] = []
    monkeypatch.setattr(Store, "check_blob", lambda _store, digest: read.append(digest))

    tasks.sync()

    model = Model.objects.get()
    assert model.capabilities == fresh.capabilities == ["completion", "tools", "insert"]
    assert model.template == template.decode()
    assert (model.listing, model.edition) == (fresh.listing, details.edition())
    assert (model.state, read) == (ModelState.READY, [])
    assert Entry.objects.count() == acts


def test_what_we_write_ollama_could_have_written(
    store_root: Path, imported: Callable[..., Model]
) -> None:
    """Its laws, checked without our own reader: names, places, rights, and what a manifest says."""
    imported("me/small:1")
    actions.copy_model(None, source="me/small:1", destination="hf.co/me/small:copy")

    manifests = [path for path in (store_root / "manifests").rglob("*") if path.is_file()]
    assert sorted(str(path.relative_to(store_root)) for path in manifests) == [
        "manifests/hf.co/me/small/copy",
        "manifests/registry.ollama.ai/me/small/1",
    ]
    for path in manifests:
        written = json.loads(path.read_bytes())
        assert list(written) == ["schemaVersion", "mediaType", "config", "layers"]
        assert path.read_bytes().endswith(b"}\n")
        for layer in (written["config"], *written["layers"]):
            algorithm, _, hexadecimal = layer["digest"].partition(":")
            blob = store_root / "blobs" / f"{algorithm}-{hexadecimal}"
            assert blob.stat().st_size == layer["size"]
            assert stat.S_IMODE(blob.stat().st_mode) == 0o644
    for folder in (store_root / "blobs", *(path.parent for path in manifests)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_folder_of_ours_that_lost_our_rows_is_adopted_like_any_other(
    store_root: Path, imported: Callable[..., Model], tmp_path: Path
) -> None:
    first = imported("me/small:1")
    shutil.copytree(store_root, tmp_path / "again")
    Model.objects.all().delete()
    shutil.rmtree(store_root)
    (tmp_path / "again").rename(store_root)

    assert actions.sync_with_store(None).adopted == ("me/small:1",)
    again = Model.objects.get()
    assert (again.digest, again.listing) == (first.digest, first.listing)


def test_lists_tell_f32_where_the_model_itself_says_unknown(folder: OllamaFolder) -> None:
    from tests.catalog.gguf_files import number_value

    weights = build_gguf(
        [text_value("general.architecture", "llama"), number_value("general.file_type", 0)]
    )
    folder.put("full/latest", [("model", weights)], config={"file_type": "unknown"})

    actions.sync_with_store(None)

    model = Model.objects.get()
    assert (model.quantization, model.listing["quantization"]) == ("unknown", "F32")


def test_the_name_on_the_disk_is_the_name_of_the_model(folder: OllamaFolder, store: Store) -> None:
    folder.put("Odd/Case", [("model", WEIGHTS)])
    actions.sync_with_store(None)

    actions.delete_named(None, name="oDD:cASE")

    assert not Model.objects.exists()
    assert not store.has_manifest(ModelName.parse("odd:case"))
    assert list(folder.blobs.iterdir()) == []
