"""What a pipe, a terminal or a disk cannot carry ends no command with a traceback."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import main
from tests.cli.typist import Typist
from tests.doubles.ollama_server import Kept, OllamaServer

Begun = Callable[..., int]


@pytest.fixture
def begun(typist: Typist, monkeypatch: pytest.MonkeyPatch) -> Begun:
    """The whole command, with the streams that it is given."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in typist.environment.items():
        monkeypatch.setenv(name, value)

    def begun(*words: str, **streams: object) -> int:
        monkeypatch.setattr(sys, "argv", ["portal", *words])
        for name, stream in streams.items():
            monkeypatch.setattr(sys, name, stream)
        return main()

    return begun


def of_bytes(written: bytes = b"", *, encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(written), encoding=encoding)


def test_a_file_in_another_encoding_is_asked_about_all_the_same(
    begun: Begun, ollama: OllamaServer
) -> None:
    code = begun("run", "llama3.2:1b", "Wh\udce9?", stdin=of_bytes(b"caf\xe9"))

    assert code == 0
    assert [body["prompt"] for body in ollama.bodies("/api/generate")] == ["caf\ufffd Wh\ufffd?"]


def test_letters_that_a_terminal_has_not_are_replaced(begun: Begun, ollama: OllamaServer) -> None:
    ollama.models["wide:1b"] = Kept("wide:1b", said=("你好, Grüße",))
    screen = of_bytes(encoding="latin-1")

    code = begun("run", "wide:1b", "Hello", stdin=of_bytes(), stdout=screen)

    screen.seek(0)
    assert (code, screen.read()) == (0, "??, Grüße\n\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
def test_a_full_disk_behind_the_command_is_an_error_of_one_line(
    begun: Begun, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        code = begun("list", stdin=of_bytes(), stdout=full)

    said = capsys.readouterr().err
    assert code == 1
    assert said.startswith("Error: ")
    assert said.endswith(f"{os.strerror(28)}\n")


def test_streams_that_were_closed_before_are_nothing_to_read_and_nowhere_to_write(
    begun: Begun, ollama: OllamaServer
) -> None:
    code = begun("run", "llama3.2:1b", "Why?", stdin=None, stdout=None, stderr=None)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()

    assert code == 0
    assert [body["prompt"] for body in ollama.bodies("/api/generate")] == ["Why?"]


def test_a_key_that_cannot_be_kept_is_told_with_another_way(
    typist: Typist, ollama: OllamaServer, tmp_path: Path
) -> None:
    (tmp_path / ".config").write_text("not a folder", encoding="utf-8")

    done = typist.types("login", ollama.address, piped="a-key\n")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: the key is right, but it cannot be kept here: ")
    assert done.err.endswith(". Set PORTAL_HOST and PORTAL_KEY instead.\n")
