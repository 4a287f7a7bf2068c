"""`manage.py` lists and shows models as `ollama` does, and says plainly what is the matter."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from portal.catalog import actions
from portal.catalog.models import Model, ModelState
from portal.catalog.papers import tables
from tests.catalog.gguf_files import build_gguf, chat_gguf, number_value, text_value
from tests.catalog.ollama_folder import OllamaFolder

pytestmark = pytest.mark.django_db

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*command: str) -> str:
        call_command(*command)
        return capsys.readouterr().out

    return run


@pytest.fixture
def folder(store_root: Path) -> OllamaFolder:
    folder = OllamaFolder(store_root)
    folder.put(
        "small/latest",
        [
            ("model", chat_gguf()),
            ("system", b"You are brief."),
            ("params", b'{"stop":["<a>","<b>"],"temperature":0.7}\n'),
            ("license", b"MIT License\n\nCopyright\nmore\n"),
        ],
    )
    folder.put("mlx/latest", [("tensor", b"x")], config={"model_format": "safetensors"})
    return folder


def test_what_is_found_is_told_and_listed_the_newest_first(folder: OllamaFolder, run: Run) -> None:
    assert sorted(run("adoptmodels").splitlines()) == [
        "adopted 'mlx:latest'",
        "adopted 'small:latest'",
    ]
    assert run("adoptmodels") == "Nothing new.\n"

    listed = run("listmodels").splitlines()
    model = Model.objects.get(name="small:latest")

    assert listed[0].split() == ["NAME", "ID", "SIZE", "MODIFIED"]
    (line,) = [line for line in listed if line.startswith("small:latest")]
    start = f"small:latest    {model.digest[:12]}    {tables.human_bytes(model.size_bytes)}    "
    assert line == f"{start}Less than a second ago    "
    assert [each.split()[0] for each in run("listmodels", "SMA").splitlines()] == [
        "NAME",
        "small:latest",
    ]


def test_a_list_with_states_says_what_is_the_matter(folder: OllamaFolder, run: Run) -> None:
    run("adoptmodels")
    Model.objects.filter(name="small:latest").update(state=ModelState.READY)

    text = run("listmodels", "--state")

    assert "nobody (hidden)" in text
    assert "mlx:latest: Its weights are not in the GGUF format" in text
    assert "small:latest:" not in text.partition("mlx:latest: ")[2]


def test_what_runs_elsewhere_has_no_size(folder: OllamaFolder, run: Run) -> None:
    folder.put("cloudy/1", [], config={"remote_host": "https://ollama.com:443"})
    run("adoptmodels")

    (line,) = [line for line in run("listmodels").splitlines() if line.startswith("cloudy")]
    assert line.split()[2] == "-"


def test_a_model_is_shown_in_blocks(folder: OllamaFolder, run: Run) -> None:
    run("adoptmodels")

    assert run("showmodel", "Small") == (
        "  Model\n"
        "    architecture        llama     \n"
        "    parameters          320       \n"
        "    context length      2048      \n"
        "    embedding length    64        \n"
        "    quantization        Q4_K_M    \n"
        "\n"
        "  Capabilities\n"
        "    completion    \n"
        "\n"
        "  Parameters\n"
        '    stop           "<a>"    \n'
        '    stop           "<b>"    \n'
        "    temperature    0.7      \n"
        "\n"
        "  System\n"
        "    You are brief.    \n"
        "\n"
        "  License\n"
        "    MIT License    \n"
        "    Copyright      \n"
        "    ...            \n"
        "\n"
    )
    everything = run("showmodel", "small", "--all")
    assert "  Metadata\n    general.architecture" in everything
    assert "tokenizer.ggml.tokens          [a b ü ...+1 more]" in everything
    assert "  Tensors\n    one    F32     [32 2]    \n    two    Q4_K    [256]     \n" in everything


@pytest.mark.parametrize(
    ("paper", "text"),
    [
        ("license", "MIT License\n\nCopyright\nmore\n\n"),
        ("parameters", f'{"stop":<30} "<a>"\n{"stop":<30} "<b>"\n{"temperature":<30} 0.7\n'),
        ("system", "You are brief."),
        ("template", "{{ messages }}"),
    ],
)
def test_one_paper_is_shown_whole(folder: OllamaFolder, run: Run, paper: str, text: str) -> None:
    run("adoptmodels")

    assert run("showmodel", "small", f"--{paper}") == text


def test_the_modelfile_is_shown(folder: OllamaFolder, run: Run) -> None:
    run("adoptmodels")

    assert "# FROM small:latest\n\nFROM " in run("showmodel", "small", "--modelfile")


def test_what_cannot_be_loaded_can_be_shown(folder: OllamaFolder, run: Run) -> None:
    run("adoptmodels")

    assert "quantization" in run("showmodel", "mlx")


def test_a_projector_has_a_block_of_its_own(folder: OllamaFolder, run: Run) -> None:
    eyes = build_gguf(
        [
            text_value("general.architecture", "clip"),
            number_value("clip.vision.embedding_length", 32),
            number_value("clip.vision.projection_dim", 64),
        ]
    )
    folder.put("eyes/latest", [("model", chat_gguf()), ("projector", eyes)])
    run("adoptmodels")

    shown = run("showmodel", "eyes")

    assert "  Projector\n    architecture        clip    \n" in shown
    assert "    embedding length    32      \n    dimensions          64      \n" in shown


def test_a_model_that_is_not_there_is_a_sentence(folder: OllamaFolder, run: Run) -> None:
    for name in ("absent", "m@d"):
        with pytest.raises(CommandError, match=f"There is no whole model {name}"):
            run("showmodel", name)
    run("adoptmodels")
    (folder.blobs / f"sha256-{Model.objects.get(name='small:latest').weights}").unlink()
    with pytest.raises(CommandError, match="There is no whole model small"):
        run("showmodel", "small")


def test_what_is_not_whole_is_told_on_the_error_stream(
    folder: OllamaFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.put("torn/latest", []).write_bytes(b"{")
    actions.sync_with_store(None)
    for path in folder.blobs.iterdir():
        path.unlink()

    call_command("adoptmodels")

    told = capsys.readouterr().err
    assert "not whole: 'small:latest'. Fetch it again, or remove it." in told
    assert "not a manifest: 'torn:latest'." in told


def test_importmodel_lays_adapters_over_the_weights(
    store_root: Path, file_of: Callable[..., Path]
) -> None:
    values = [text_value("general.architecture", "llama"), text_value("general.type", "adapter")]
    adapters = [file_of(build_gguf([*values, text_value("general.name", n)]), n) for n in "ab"]

    call_command("importmodel", str(file_of(chat_gguf())), "tuned", adapter=adapters)

    assert len(Model.objects.get().adapters) == 2
