"""People who attach files, through the page's own doors, and a model that sees."""

import shutil
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from portal.accounts.models import Person
from portal.catalog.models import Model, ModelState
from portal.files import places, reading

Added = Callable[..., UUID]
SEEING = "seeing:latest"


@pytest.fixture(autouse=True)
def _no_bytes() -> None:
    """Nothing of the test before lies about."""
    shutil.rmtree(places.root(), ignore_errors=True)


@pytest.fixture
def browser_of(settings: Any) -> Callable[[Person], Client]:
    def browser(person: Person) -> Client:
        client = Client()
        client.force_login(person, backend=settings.AUTHENTICATION_BACKENDS[0])
        return client

    return browser


@pytest.fixture
def added(browser_of: Callable[[Person], Client]) -> Added:
    """A file of hers, sent in by her browser and read as background work does."""

    def add(
        person: Person, data: bytes = b"The answer is 42.", *, name: str = "notes.txt", read=True
    ) -> UUID:
        response = browser_of(person).post("/page/files/", {"file": SimpleUploadedFile(name, data)})
        assert response.status_code == 201, response.content
        file_id = UUID(response.json()["id"])
        if read:
            reading.read(file_id)
        return file_id

    return add


@pytest.fixture
def a_seeing_model(db: None) -> Model:
    return Model.objects.create(
        name=SEEING,
        digest="e" * 64,
        weights="b" * 64,
        state=ModelState.READY,
        context_length=2048,
        capabilities=["completion", "vision"],
        is_published=True,
        is_for_everyone=True,
        modified_at=timezone.now(),
    )
