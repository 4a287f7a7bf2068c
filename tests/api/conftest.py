"""People with keys, a model, the whole HTTP application, and a worker that follows a script."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
from channels.db import database_sync_to_async
from django.utils import timezone

from inference import protocol
from portal.accounts import keys
from portal.accounts.models import Person
from portal.api.streaming import ended
from portal.catalog import queries
from portal.catalog.models import Model, ModelState
from portal.streams import connection, events
from portal.streams.tasks import end_if_cancelled

STATS = protocol.Stats(
    prompt_tokens=26,
    cached_tokens=4,
    answer_tokens=12,
    load_ns=45_000_000,
    prompt_ns=120_000_000,
    answer_ns=210_000_000,
)
DONE = protocol.End(why="done", stats=STATS)
LOOK_SECONDS = 0.005
PATIENCE_SECONDS = 60.0

Step = protocol.Event | asyncio.Event


@dataclass
class Worker:
    """Plays the other end of protocol.py: takes each request and says what its script says.

    An `asyncio.Event` in the script is waited for; meanwhile Stop is obeyed, as at any step.
    """

    script: list[Step] = field(default_factory=lambda: [*said("Hello", " there"), DONE])
    taken: list[protocol.Request] = field(default_factory=list)
    stopped: set[UUID] = field(default_factory=set)
    is_taking: bool = True

    def will(self, *steps: Step) -> None:
        self.script = list(steps)

    async def run(self) -> None:
        redis: Any = connection.async_client()
        playing: set[asyncio.Task[None]] = set()
        try:
            while True:
                end_if_cancelled()
                for queue in await redis.smembers(protocol.QUEUES):
                    name = protocol.queue_key(str(queue, "ascii"))
                    if self.is_taking and (popped := await redis.zpopmin(name)):
                        generation_id = UUID(str(popped[0][0], "ascii"))
                        playing.add(asyncio.create_task(self._play(generation_id)))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in playing:
                await ended(task)

    async def _play(self, generation_id: UUID) -> None:
        redis: Any = connection.async_client()
        request = protocol.decode_request(await redis.get(protocol.request_key(generation_id)))
        self.taken.append(request)
        await redis.set(
            protocol.lease_key(generation_id), protocol.lease_value(request.attempt, "double")
        )
        number = 0
        for step in (protocol.Taken(runner="double"), *self._steps(request)):
            if await self._waits_until_stopped(generation_id, step):
                step = protocol.End(why="stopped")
                self.stopped.add(generation_id)
            if isinstance(step, asyncio.Event):
                continue
            number += 1
            await redis.xadd(
                protocol.events_key(generation_id),
                {protocol.EVENT_FIELD: protocol.encode(step)},
                id=protocol.event_id(request.attempt, number),
            )
            if isinstance(step, protocol.End):
                return

    def _steps(self, request: protocol.Request) -> list[Step]:
        """The script; where it only says something and a number was wanted, that number."""
        if not request.inputs or not any(isinstance(s, protocol.Piece) for s in self.script):
            return self.script
        if request.model.task == "rerank":
            return [protocol.Scores(scores=(0.5,) * len(request.inputs)), DONE]
        return [protocol.Vectors(first=0, vectors=(b"\0\0\0\0",) * len(request.inputs)), DONE]

    async def _waits_until_stopped(self, generation_id: UUID, step: Step) -> bool:
        redis = connection.async_client()
        while isinstance(step, asyncio.Event) and not step.is_set():
            end_if_cancelled()
            if await redis.exists(protocol.stop_key(generation_id)):
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False


def said(*texts: str) -> list[Step]:
    return [protocol.Piece(text=text) for text in texts]


def thought(*texts: str) -> list[Step]:
    return [protocol.Piece(text=text, kind="thinking") for text in texts]


@dataclass(frozen=True)
class Caller:
    """One person, with a key, in front of the whole application."""

    person: Person
    key: str
    http: httpx.AsyncClient

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.http.get(path, headers=self.headers, **more)

    async def post(self, path: str, json: Any, **more: Any) -> httpx.Response:
        return await self.http.post(path, json=json, headers=self.headers, **more)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@pytest.fixture
async def http(transactional_db: None) -> AsyncIterator[httpx.AsyncClient]:
    """The application as the server runs it, without a network."""
    from portal.asgi import application

    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client
    await events.close()
    await connection.async_client().flushall()
    await connection.close()


@pytest.fixture
async def worker(http: httpx.AsyncClient) -> AsyncIterator[Worker]:
    worker = Worker()
    task = asyncio.create_task(worker.run())
    yield worker
    await ended(task)


async def until(condition: Callable[[], Any]) -> None:
    """Until it holds; whoever waits in vain fails with a time-out."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = condition()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0)  # lets the others run


async def hold_ready(model: Model, state: Any = "ready", **more: Any) -> None:
    """A worker says that it has this model, ready or so far."""
    spec = queries.spec_of(model, "answer")
    runner = protocol.RunnerState(
        runner="double", queue=spec.queue, model_name=model.name, pid=1, state=state, **more
    )
    host = protocol.HostState(host="double", seen_at=1.0, runners=(runner,))
    await connection.async_client().sadd(protocol.HOSTS, "double")
    await connection.async_client().set(protocol.host_key("double"), protocol.encode(host))


def make_model(name: str = "smollm2:135m", **fields: Any) -> Model:
    return Model.objects.create(
        **{
            "name": name,
            "digest": "d" * 64,
            "weights": "a" * 64,
            "state": ModelState.READY,
            "size_bytes": 98_362_432,
            "family": "llama",
            "parameter_size": "134.52M",
            "quantization": "Q4_1",
            "context_length": 8192,
            "embedding_length": 576,
            "capabilities": ["completion"],
            "is_published": True,
            "is_for_everyone": True,
            "modified_at": timezone.now(),
            **fields,
        }
    )


def make_person(email: str, **fields: Any) -> Person:
    return Person.objects.create_user(email, **fields)


def make_secret(person: Person, **more: Any) -> str:
    _, secret = keys.make_key(person, name="a client", **more)
    return secret


in_thread: Callable[..., Callable[..., Any]] = database_sync_to_async


@pytest.fixture
async def model(http: httpx.AsyncClient) -> Model:
    made: Model = await in_thread(make_model)()
    return made


@pytest.fixture
async def alice(http: httpx.AsyncClient) -> Caller:
    person = await in_thread(make_person)("alice@example.com")
    return Caller(person, await in_thread(make_secret)(person), http)


@pytest.fixture
async def bob(http: httpx.AsyncClient) -> Caller:
    person = await in_thread(make_person)("bob@example.com")
    return Caller(person, await in_thread(make_secret)(person), http)
