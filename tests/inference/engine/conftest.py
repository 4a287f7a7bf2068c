"""The real starter model, loaded once for the tests marked `model`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.engine.llama import LlamaBackend, load

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def starter_path() -> Path:
    """`PORTAL_STARTER_GGUF`, or what `make` has unpacked."""
    named = os.environ.get("PORTAL_STARTER_GGUF")
    found = [Path(named)] if named else sorted((_ROOT / "var" / "starter").glob("*.gguf"))
    if not found:
        pytest.fail("no starter model: run `make test`, or name it in PORTAL_STARTER_GGUF")
    return found[0]


@pytest.fixture(scope="session")
def starter(starter_path: Path) -> Iterator[LlamaBackend]:
    # One thread: on a loaded machine several wait for each other longer than they work.
    backend = load(starter_path, context_length=1024, slots=4, gpu_layers=0, threads=1)
    yield backend
    backend.close()
