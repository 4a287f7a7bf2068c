"""A registry in memory and a real one, and workers that tests send to work."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from portal.catalog import actions, jobs
from portal.catalog.jobs import pulling, pushing, queue
from portal.catalog.models import Blob, Job, JobState, Model
from portal.catalog.names import ModelName
from portal.catalog.storage.store import Store
from tests.catalog.gguf_files import large_gguf
from tests.doubles.real_registry import real_registry
from tests.doubles.shelf import PATIENCE_SECONDS, Shelf


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    shelf = Shelf()
    monkeypatch.setattr(pulling, "Registry", shelf)
    monkeypatch.setattr(pushing, "Registry", shelf)
    yield shelf
    shelf.gate.set()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """What the workers were told of; nobody does it unless the test says so."""
    told: list[UUID] = []

    def send(job_id: UUID, *, again: bool = False) -> None:
        told.append(job_id)

    monkeypatch.setattr(queue, "send", send)
    return told


class Workers:
    """Threads that do what they are told, and end with the test."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []

    def begin(self, work: Callable[..., Any], *args: Any) -> None:
        thread = threading.Thread(target=self._run, args=(work, *args))
        self._threads.append(thread)
        thread.start()

    def work_on(self, job_id: UUID) -> None:
        self.begin(jobs.work, job_id)

    def finish(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
        self._threads.clear()
        assert not self.errors

    def _run(self, work: Callable[..., Any], *args: Any) -> None:
        try:
            work(*args)
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            connections.close_all()


@pytest.fixture
def workers(transactional_db: None, shelf: Shelf) -> Iterator[Workers]:
    workers = Workers()
    yield workers
    shelf.gate.set()
    workers.finish()


# ── A real registry ──────────────────────────────────────────────────────────────────────────


MODEL_BYTES = 160 * 1024


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def name(registry: str) -> ModelName:
    return ModelName.parse(f"{registry}/team/tiny:1")


@pytest.fixture
def original(
    tmp_path: Path, settings: Any, registry: str, name: ModelName, db: None
) -> dict[str, bytes]:
    """A model in the registry, sent there from a store of its own; its files by digest."""
    root = tmp_path / "elsewhere"
    root.mkdir()
    ours = dataclasses.replace(settings.PORTAL, models=root, registries=(registry,))
    settings.PORTAL = ours
    path = tmp_path / "model.gguf"
    path.write_bytes(large_gguf(MODEL_BYTES))
    actions.import_file(
        None,
        source=actions.LocalFile(path=path),
        name=name.full,
        papers=actions.Papers(license_text="Free.", system="Be brief."),
    )
    push = jobs.start(None, "push", name=name.full, is_sent=False)
    jobs.work(push.id)
    push.refresh_from_db()
    assert push.state == JobState.DONE, push.failure
    files = {
        layer.digest.hex: Store(root).blob_path(layer.digest).read_bytes()
        for layer in Store(root).manifest(name).manifest.all_layers
    }
    files["manifest"] = Store(root).manifest_bytes(name)
    for rows in (Model, Blob, Job):
        rows.objects.all().delete()
    return files


@pytest.fixture
def fresh_store(tmp_path: Path, settings: Any, original: dict[str, bytes]) -> Store:
    root = tmp_path / "models"
    root.mkdir()
    settings.PORTAL = dataclasses.replace(settings.PORTAL, models=root)
    return Store(root)
