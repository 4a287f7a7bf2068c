"""A store of the test's own, and a sender that speaks to the addresses of uploads."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.test import Client

from portal.accounts.models import Person
from portal.catalog.jobs import queue

Reply = Any


class Sender:
    """One browser. Its replies are the portal's, untouched."""

    def __init__(self, person: Person) -> None:
        self.client = Client()
        self.client.force_login(person, backend=django_settings.AUTHENTICATION_BACKENDS[0])

    def begin(self, name: str, files: dict[str, int], **more: str) -> Reply:
        return self.post({"name": name, "files": files, **more})

    def post(self, order: object) -> Reply:
        return self.client.post("/uploads/", json.dumps(order), content_type="application/json")

    def offset(self, address: str) -> Reply:
        return self.client.head(address, headers={"Tus-Resumable": "1.0.0"})

    def more(self, address: str, data: bytes, *, offset: int) -> Reply:
        return self.client.patch(
            address,
            data,
            content_type="application/offset+octet-stream",
            headers={"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)},
        )

    def send(self, name: str, files: dict[str, bytes], **more: str) -> Reply:
        """All of it; the last reply to a piece."""
        begun = self.begin(name, {file: len(data) for file, data in files.items()}, **more).json()
        reply: Reply = None
        for file in begun["files"]:
            reply = self.more(file["address"], files[file["name"]], offset=0)
        return reply

    def files(self, name: str, sizes: dict[str, int]) -> dict[str, str]:
        """Begun; the address of each file."""
        begun = self.begin(name, sizes).json()
        return {file["name"]: file["address"] for file in begun["files"]}


@pytest.fixture
def carol(carol_the_admin: Person, store_root: Path) -> Sender:
    return Sender(carol_the_admin)


@pytest.fixture
def sender_of(store_root: Path) -> Callable[[Person], Sender]:
    return Sender


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Jobs that were asked for; nobody does them unless the test says so."""
    told: list[UUID] = []
    monkeypatch.setattr(queue, "send", lambda job_id, **_: told.append(job_id))
    return told
