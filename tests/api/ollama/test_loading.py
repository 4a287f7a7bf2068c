"""An empty prompt or no messages: the model comes into memory, or goes, for whoever may say so."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest

from inference import protocol
from portal.accounts.models import KeyScope
from portal.api.ollama.loading import TOO_SLOW
from portal.api.streaming import ended
from portal.audit.models import Entry
from portal.catalog import queries
from portal.catalog.memory import loading
from portal.catalog.models import Model
from portal.chat.models import Generation
from portal.streams import awaited, connection
from tests.api.conftest import (
    PATIENCE_SECONDS,
    Caller,
    hold_ready,
    in_thread,
    make_person,
    make_secret,
    until,
)

DOORS: list[tuple[str, dict[str, Any]]] = [
    ("/api/generate", {"model": "smollm2:135m"}),
    ("/api/chat", {"model": "smollm2:135m", "messages": []}),
]
both_doors = pytest.mark.parametrize(("path", "body"), DOORS, ids=["generate", "chat"])


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(loading, "LOOK_SECONDS", 0.005)
    yield
    assert not loading._waits


@pytest.fixture
async def carol(http: httpx.AsyncClient) -> Caller:
    person = await in_thread(make_person)("carol@example.com", is_staff=True, is_superuser=True)
    return Caller(person, await in_thread(make_secret)(person), http)


def queue_of(model: Model) -> str:
    return queries.spec_of(model, "answer").queue


async def is_awaited(model: Model) -> bool:
    return bool(await connection.async_client().exists(protocol.awaited_key(queue_of(model))))


async def unloaded() -> list[str]:
    entries = await connection.async_client().xrange(protocol.UNLOAD)
    return [str(fields[b"queue"], "ascii") for _, fields in entries]


@asynccontextmanager
async def waiting(
    caller: Caller, path: str, body: dict[str, Any], model: Model
) -> AsyncIterator[asyncio.Task[httpx.Response]]:
    """She has asked, and her wish is with the workers. In the end it comes true."""
    asking = asyncio.create_task(caller.post(path, body))
    await until(lambda: is_awaited(model))
    try:
        yield asking
    finally:
        await hold_ready(model)
        await asyncio.wait({asking}, timeout=PATIENCE_SECONDS)


@both_doors
async def test_the_answer_comes_when_the_model_is_in_memory_and_not_before(
    alice: Caller, model: Model, path: str, body: dict[str, Any]
) -> None:
    redis = connection.async_client()
    async with waiting(alice, path, body, model) as asking:
        spec = protocol.decode_spec(await redis.get(protocol.spec_key(queue_of(model))))
        assert spec == await in_thread(queries.spec_of)(model, "answer")
        assert await redis.sismember(protocol.QUEUES, spec.queue)
        assert [fields for _, fields in await redis.xrange(protocol.WANTED)]
        await hold_ready(model, "loading", progress=0.5)
        assert not (await asyncio.wait({asking}, timeout=0.05))[0]
        await hold_ready(model)

        response = await asking

    assert (response.status_code, response.json()["done_reason"]) == (200, "load")
    assert not await is_awaited(model)
    # Nobody was answered: no row, no place in the queue, not one token.
    assert not await Generation.objects.aexists()
    assert not await redis.zcard(protocol.queue_key(queue_of(model)))


@both_doors
async def test_a_model_that_cannot_be_loaded_is_told_in_the_words_of_the_door(
    alice: Caller, model: Model, path: str, body: dict[str, Any]
) -> None:
    async with waiting(alice, path, body, model) as asking:
        await in_thread(awaited.note_refusal)(queue_of(model), "unloadable")
        response = await asking

    assert response.status_code == 500
    assert "cannot be loaded" in response.json()["error"]
    assert not await is_awaited(model)


@both_doors
async def test_nobody_waits_longer_than_the_operator_allows_without_progress(
    alice: Caller, model: Model, settings: Any, path: str, body: dict[str, Any]
) -> None:
    settings.PORTAL = dataclasses.replace(settings.PORTAL, load_timeout_seconds=0.05)

    response = await alice.post(path, body)

    assert (response.status_code, response.json()) == (500, {"error": TOO_SLOW})
    assert not await is_awaited(model)


@pytest.mark.threat("F13")
async def test_who_gives_up_waiting_wants_nothing_any_more(alice: Caller, model: Model) -> None:
    waiting_for_it = asyncio.create_task(loading.load(alice.person, model))
    await until(lambda: is_awaited(model))

    await ended(waiting_for_it)

    assert not await is_awaited(model)


@pytest.mark.threat("F13")
async def test_who_gives_up_is_heard_though_the_redis_client_swallows_it(
    alice: Caller, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def swallowing(queue: str) -> awaited.Standing:
        asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return awaited.Standing()

    monkeypatch.setattr(awaited, "standing", swallowing)
    waiting_for_it = asyncio.create_task(loading.load(alice.person, model))
    await asked.wait()

    # Once, as the server does it when a connection is lost.
    waiting_for_it.cancel()
    await asyncio.wait({waiting_for_it}, timeout=PATIENCE_SECONDS)

    assert waiting_for_it.cancelled()
    assert not await is_awaited(model)


@pytest.mark.threat("G4")
async def test_a_redis_that_came_back_empty_is_told_again(
    alice: Caller, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "WANT_AGAIN_SECONDS", 0.01)
    path, body = DOORS[0]
    async with waiting(alice, path, body, model) as asking:
        await connection.async_client().flushall()
        await until(lambda: is_awaited(model))
        await hold_ready(model)

        assert (await asking).json()["done_reason"] == "load"


@pytest.mark.threat("F22")
async def test_one_person_waits_for_so_many_models_and_no_more(
    alice: Caller, bob: Caller, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "MAX_WAITS_EACH", 1)
    path, body = DOORS[0]
    async with waiting(alice, path, body, model) as asking:
        assert (await alice.post(path, body)).status_code == 429
        async with waiting(bob, path, body, model):
            await hold_ready(model)
        assert (await asking).status_code == 200


@pytest.mark.threat("B1")
@both_doors
async def test_a_model_that_is_hidden_from_her_is_not_loaded_for_her(
    alice: Caller, model: Model, path: str, body: dict[str, Any]
) -> None:
    await Model.objects.filter(id=model.id).aupdate(is_published=False)

    assert (await alice.post(path, body)).status_code == 404
    assert not await connection.async_client().exists(protocol.QUEUES)


@pytest.mark.threat("F22")
@both_doors
async def test_who_manages_models_unloads_one_with_a_key_for_that(
    carol: Caller, model: Model, path: str, body: dict[str, Any]
) -> None:
    response = await carol.post(path, {**body, "keep_alive": 0})

    assert response.json()["done_reason"] == "unload"
    assert response.headers["X-Portal-Unloaded"] == "yes"
    specs = await in_thread(queries.specs_of)(model)
    assert await unloaded() == [spec.queue for spec in specs]
    entry = await Entry.objects.aget(act="model.unloaded")
    assert entry.person_id == carol.person.pk


@pytest.mark.threat("F22")
@both_doors
async def test_for_everybody_else_only_the_schedule_unloads(
    alice: Caller, carol: Caller, model: Model, path: str, body: dict[str, Any]
) -> None:
    """Neither a person without the right, nor a key without the scope, nor staff without it."""
    chat_only = await in_thread(make_secret)(carol.person, scopes=[KeyScope.CHAT])
    erin = await in_thread(make_person)("erin@example.com", is_staff=True)
    others = (
        alice,
        dataclasses.replace(carol, key=chat_only),
        Caller(erin, await in_thread(make_secret)(erin), alice.http),
    )
    for caller in others:
        response = await caller.post(path, {**body, "keep_alive": 0})

        assert (response.status_code, response.json()["done_reason"]) == (200, "unload")
        assert response.headers["X-Portal-Unloaded"] == "no"
    assert await unloaded() == []
    assert not await Entry.objects.filter(act="model.unloaded").aexists()
