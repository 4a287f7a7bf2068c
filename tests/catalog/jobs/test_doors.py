"""One model of a real registry, through every door: the same bytes, the same lines, once."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as configured
from django.core.management import call_command
from django.test import AsyncClient, Client
from django.urls import reverse

from portal.accounts import keys
from portal.accounts.models import KeyScope, Person
from portal.audit.models import Entry
from portal.catalog import jobs
from portal.catalog.jobs import queue
from portal.catalog.models import Job, JobState, Model
from portal.catalog.names import ModelName
from portal.catalog.storage.store import Store
from portal.streams import connection
from tests.catalog.jobs.conftest import Workers

pytestmark = pytest.mark.django_db(transaction=True)

Door = Callable[[Person, ModelName], None]


@pytest.fixture
def background(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    """Whoever is asked for work does it at once."""
    workers = Workers()

    def send(job_id: UUID, *, again: bool = False) -> None:
        workers.work_on(job_id)

    monkeypatch.setattr(queue, "send", send)
    yield workers
    workers.finish()


def by_act(person: Person, name: ModelName) -> None:
    jobs.start(person, "pull", name=name.full, wants={"insecure": False})


def by_command(person: Person, name: ModelName) -> None:
    call_command("pull", name.full)


def by_the_administration(person: Person, name: ModelName) -> None:
    browser = Client()
    browser.force_login(person, backend=configured.AUTHENTICATION_BACKENDS[0])
    response = browser.post(reverse("admin:catalog_model_add"), {"name": name.full})
    assert response.status_code == 302


def by_rest(person: Person, name: ModelName) -> None:
    _, secret = keys.make_key(person, name="a program", scopes=[KeyScope.MANAGE])

    async def ask() -> str:
        try:
            response: Any = await AsyncClient().post(
                "/api/pull",
                {"model": name.full},
                content_type="application/json",
                headers={"Authorization": f"Bearer {secret}"},
            )
            assert response.status_code == 200
            return b"".join([part async for part in response.streaming_content]).decode()
        finally:
            await connection.close()

    assert asyncio.run(ask()).endswith('{"status":"success"}\n')


DOORS = [by_act, by_command, by_the_administration, by_rest]


@pytest.mark.parametrize("door", DOORS)
def test_a_model_of_a_real_registry_comes_whole_through_every_door_and_only_once(
    fresh_store: Store,
    name: ModelName,
    original: dict[str, bytes],
    background: Workers,
    carol_the_admin: Person,
    door: Door,
) -> None:
    for turn in (1, 2):
        door(carol_the_admin, name)
        background.finish()
        assert Job.objects.count() == turn
        assert not Job.objects.exclude(state=JobState.DONE).values_list("failure", flat=True)

    folder = configured.PORTAL.models / "blobs"
    files = {path.name.removeprefix("sha256-"): path.read_bytes() for path in folder.iterdir()}
    assert {**files, "manifest": fresh_store.manifest_bytes(name)} == original
    assert Model.objects.get().name == name.short
    assert Entry.objects.filter(act="model.pulled").count() == 2
