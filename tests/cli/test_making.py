"""A Modelfile becomes a request whose paths stay here: the server sees digests only."""

from pathlib import Path

import pytest

from cli import making
from cli.errors import Failed


def sent(path: Path) -> str:
    return f"sha256:{path.name}"


def request(folder: Path, text: str, **options: str) -> dict[str, object]:
    (folder / "Modelfile").write_text(text)
    return making.request(
        "mine", file=folder / "Modelfile", quantize=options.get("quantize", ""), upload=sent
    )


def test_every_command_finds_its_field(tmp_path: Path) -> None:
    text = (
        "FROM llama3.2\nTEMPLATE {{ .Prompt }}\nSYSTEM be kind\n"
        "PARAMETER stop a\nPARAMETER stop b\n"
        "PARAMETER temperature 0.5\nPARAMETER num_ctx 2048\nLICENSE one\nLICENSE two\n"
        "MESSAGE user hi\nMESSAGE assistant hello\nREQUIRES v0.14.0\n"
    )

    assert request(tmp_path, text, quantize="q4_K_M") == {
        "model": "mine",
        "quantize": "q4_K_M",
        "from": "llama3.2",
        "template": "{{ .Prompt }}",
        "system": "be kind",
        "parameters": {"stop": ["a", "b"], "temperature": 0.5, "num_ctx": 2048},
        "license": ["one", "two"],
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
        ],
        "requires": "0.14.0",
    }


def test_files_that_exist_are_sent_under_names_relative_to_each_other(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for name in ("weights.gguf", "parts/projector.gguf", "lora.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")

    made = request(tmp_path, "FROM ./weights.gguf\nFROM parts/projector.gguf\nADAPTER lora.gguf\n")

    assert made["files"] == {
        "weights.gguf": "sha256:weights.gguf",
        "parts/projector.gguf": "sha256:projector.gguf",
    }
    assert made["adapters"] == {"lora.gguf": "sha256:lora.gguf"}


def test_of_a_folder_the_safetensors_go_with_what_lies_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("model-00001.safetensors", "config.json", "tokenizer.model", "notes.txt", "x.bin"):
        (folder / name).write_bytes(b"{}")

    made = request(tmp_path, "FROM model\n")

    assert isinstance(made["files"], dict)
    assert set(made["files"]) == {"model-00001.safetensors", "config.json", "tokenizer.model"}


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.gguf").write_bytes(b"GGUF")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a.gguf").symlink_to(tmp_path / "secret.gguf")

    with pytest.raises(Failed, match="insecure path"):
        request(tmp_path, "FROM model\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM a\nPARAMETER tfs_z 1\n", "unknown parameter 'tfs_z'"),
        ("FROM a\nPARAMETER top_k many\n", r"invalid int value \[many\]"),
        ("FROM a\nREQUIRES soon\n", "requires must be a valid semver"),
        ("FROM a\nADAPTER ./nothing.gguf\n", "no such file or directory"),
        ("SYSTEM a\n", "no FROM line"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_is_sent(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(Failed, match=words):
        request(tmp_path, text)


def test_old_parameters_are_dropped_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = request(tmp_path, "FROM a\nPARAMETER mirostat 1\n")

    assert "parameters" not in made or not made["parameters"]
    assert capsys.readouterr().err == "warning: parameter mirostat is deprecated\n"
