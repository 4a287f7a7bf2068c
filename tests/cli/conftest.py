"""A stand-in for Ollama, and somebody who types."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminal import Shell
from tests.cli.typist import Typist
from tests.doubles.ollama_server import Kept, OllamaServer


@pytest.fixture
def ollama() -> Iterator[OllamaServer]:
    seeing = Kept("seer:1b", capabilities=("completion", "vision"))
    thinking = Kept("thinker:1b", capabilities=("completion", "thinking"))
    embedding = Kept("embedder:1b", size=45_960_996, capabilities=("embedding",))
    with OllamaServer(Kept("llama3.2:1b"), seeing, thinking, embedding) as server:
        yield server


@pytest.fixture
def typist(
    ollama: OllamaServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Typist:
    return Typist(Shell(ollama.address, "", tmp_path), monkeypatch, capsys)
