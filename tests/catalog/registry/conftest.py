"""A registry that lies when told, rules that allow it, and a client with little patience."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.catalog.registry import Patience, Registry, Rules
from tests.doubles.lying_registry import LyingRegistry

CHUNK_BYTES = 64 * 1024
HASTY = Patience(
    # A slow machine is not silence: who tests that has less patience.
    connect_seconds=60.0,
    stall_seconds=60.0,
    first_wait_seconds=0.0,
    longest_wait_seconds=0.0,
    tries=3,
    document_tries=2,
    stalls=2,
    beat_seconds=0.01,
)


@pytest.fixture
def other() -> Iterator[LyingRegistry]:
    with LyingRegistry().serving() as registry:
        yield registry


@pytest.fixture
def lying() -> Iterator[LyingRegistry]:
    with LyingRegistry().serving() as registry:
        yield registry


@pytest.fixture
def rules(lying: LyingRegistry, tmp_path: Path) -> Rules:
    return Rules(
        registries=(lying.host,),
        key_file=tmp_path / "id_ed25519",
        streams=4,
        chunk_bytes=CHUNK_BYTES,
        patience=HASTY,
    )


@pytest.fixture
def registry(rules: Rules) -> Registry:
    return Registry(rules)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "staged"
    path.mkdir()
    return path


def with_patience(rules: Rules, **changes: Any) -> Rules:
    return dataclasses.replace(rules, patience=dataclasses.replace(rules.patience, **changes))


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def ignored(there_bytes: int) -> None:
    """For those who do not ask how far it is."""
