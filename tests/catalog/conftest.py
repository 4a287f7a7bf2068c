"""A store of the test's own, and models in it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group

from portal.accounts.models import Person
from portal.catalog import actions
from portal.catalog.models import Model
from portal.catalog.storage.store import Store
from tests.catalog.gguf_files import chat_gguf


@pytest.fixture
def store_root(tmp_path: Path, settings: Any) -> Path:
    """The portal's store, empty, for this test only."""
    root = tmp_path / "models"
    root.mkdir()
    settings.PORTAL = dataclasses.replace(settings.PORTAL, models=root)
    return root


@pytest.fixture
def store(store_root: Path) -> Store:
    return Store(store_root)


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[..., Path]:
    def write(data: bytes, name: str = "file.gguf") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def imported(store_root: Path, file_of: Callable[..., Path], db: None) -> Callable[..., Model]:
    """Brings a model into the store, with a row; not published."""

    def bring(name: str, *, salt: str = "") -> Model:
        path = file_of(chat_gguf(salt=salt), f"{salt or 'plain'}.gguf")
        return actions.import_file(None, source=actions.LocalFile(path=path), name=name)

    return bring


@pytest.fixture
def sales(db: None) -> Group:
    return Group.objects.create(name="Sales")


@pytest.fixture
def alice_in_sales(alice: Person, sales: Group) -> Person:
    alice.groups.add(sales)
    return alice
