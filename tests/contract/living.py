"""One portal that lives through all tests of a module: application, keys, models, worker, registry.

For tables of the contract, whose rows change nothing that another row could see. Tests that write
what others would meet belong in tests/api, where each has a portal of its own.
"""

import asyncio
import contextlib
import dataclasses
import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
import redis
from django.db import connections
from django.test import override_settings
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from portal.accounts.models import KeyScope
from portal.api.streaming import ended
from portal.catalog import jobs
from portal.catalog.jobs import pulling, pushing, queue
from portal.settings.test import PORTAL
from portal.streams import connection, events
from tests.api.conftest import DONE, Worker, in_thread, make_model, make_person, make_secret, said
from tests.doubles.shelf import PATIENCE_SECONDS, Shelf
from tests.emptying import empty_the_database

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

JSON = "application/json; charset=utf-8"
LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
Body = dict[str, Any] | bytes | None


@dataclass(frozen=True)
class House:
    """The doors of that portal, as somebody with each kind of key."""

    http: httpx.AsyncClient
    worker: Worker
    shelf: Shelf
    keys: dict[str, str]
    root: Path

    async def ask(
        self, method: str, path: str, body: Body = None, *, who: str = "user", **headers: str
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.keys[who]}"} if who else {}
        return await self.http.request(method, path, content=content, headers={**sent, **headers})

    async def post(self, path: str, body: Body = None, **more: Any) -> httpx.Response:
        return await self.ask("POST", path, body, **more)

    def says(self, *steps: Any) -> None:
        """What the worker answers from now on."""
        self.worker.taken.clear()
        self.worker.will(*(steps or (*said("Hello", " there"), DONE)))


@contextlib.asynccontextmanager
async def living(blocker: "DjangoDbBlocker", root: Path) -> AsyncIterator[House]:
    """The portal, with `MODELS` of it; afterwards nothing is left in the database."""
    _wait_for_valkey()
    with blocker.unblock(), override_settings(PORTAL=dataclasses.replace(PORTAL, models=root)):
        try:
            with _jobs_done() as shelf:
                async with _open(shelf, root) as house:
                    yield house
        finally:
            await in_thread(empty_the_database)()


@contextlib.asynccontextmanager
async def _open(shelf: Shelf, root: Path) -> AsyncIterator[House]:
    from portal.asgi import application

    keys = await in_thread(_furnished)()
    transport = httpx.ASGITransport(app=application)
    worker = Worker()
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
        working = asyncio.create_task(worker.run())
        try:
            yield House(http, worker, shelf, keys, root)
        finally:
            await ended(working)
    await events.close()
    await connection.close()


# What each of them can do, as the rows of the tables need it.
MODELS: dict[str, dict[str, Any]] = {
    "plain": {},
    "bert": {"capabilities": ["embedding"]},
    "thinker": {"capabilities": ["completion", "thinking"]},
    "tooler": {"capabilities": ["completion", "tools"]},
    "filler": {"capabilities": ["completion", "insert"]},
    "eyes": {"capabilities": ["completion", "vision"], "projector": "b" * 64},
    "oneeye": {"capabilities": ["completion", "vision"], "family": "mllama"},
    "qwen": {"family": "qwen3"},
    "deepseek-r1": {},
}


def _furnished() -> dict[str, str]:
    for name, fields in MODELS.items():
        make_model(f"{name}:latest", **fields)
    user = make_person("alice@example.com")
    manager = make_person("carol@example.com", is_staff=True, is_superuser=True)
    return {
        "user": make_secret(user),
        "manager": make_secret(manager, scopes=list(KeyScope)),
    }


@contextlib.contextmanager
def _jobs_done() -> Iterator[Shelf]:
    """A registry in memory, and somebody who does every job that is asked for."""
    shelf, threads = Shelf(), []

    def work(job_id: UUID) -> None:
        try:
            jobs.work(job_id)
        finally:
            connections.close_all()

    def send(job_id: UUID, *, again: bool = False) -> None:
        threads.append(threading.Thread(target=work, args=(job_id,)))
        threads[-1].start()

    with pytest.MonkeyPatch.context() as patch:
        for module in (pulling, pushing):
            patch.setattr(module, "Registry", shelf)
        patch.setattr(queue, "send", send)
        yield shelf
        for thread in threads:
            thread.join(PATIENCE_SECONDS)


def _wait_for_valkey() -> None:
    """The server of this run may still be starting."""
    patience = Retry(ConstantBackoff(0.02), 500)
    with contextlib.closing(redis.Redis.from_url(PORTAL.redis_url, retry=patience)) as client:
        client.ping()
