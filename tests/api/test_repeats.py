"""A request that comes again while the first still waits is no second one (threat F25)."""

import asyncio
from collections.abc import Sized
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from inference import protocol
from portal.accounts.models import Person
from portal.api import asking, road
from portal.api.streaming import Answer, whole
from portal.catalog.models import Model
from portal.chat.models import Generation, State
from portal.streams import connection, repeats
from tests.api.conftest import DONE, Caller, Worker, in_thread, make_secret, said, until

pytestmark = pytest.mark.threat("F25")

HELLO: dict[str, Any] = {
    "model": "smollm2:135m",
    "messages": [{"role": "user", "content": "Hello"}],
}
PROMPT: dict[str, Any] = {"model": "smollm2:135m", "prompt": "Hello"}
DOORS = [("/api/chat", HELLO), ("/v1/chat/completions", HELLO), ("/api/generate", PROMPT)]
QUESTION = asking.Question(
    model_name="smollm2:135m", messages=(protocol.Message(role="user", content="Hello"),)
)


def has_length(items: Sized, count: int) -> bool:
    return len(items) == count


async def readers() -> list[int]:
    """How many read each of the presses that Redis knows."""
    redis: Any = connection.async_client()
    return [int(await redis.get(key)) async for key in redis.scan_iter("portal:readers:*")]


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The generation that each request in turn has begun to read."""
    begun: list[UUID] = []

    def note(person: Person, generation: Generation, **more: Any) -> Answer:
        begun.append(generation.id)
        return Answer(person, generation, **more)

    monkeypatch.setattr(road, "Answer", note)
    return begun


@pytest.mark.parametrize("is_streaming", [True, False])
@pytest.mark.parametrize(("path", "body"), DOORS, ids=[path for path, _ in DOORS])
async def test_four_times_the_same_while_the_first_waits_is_one_answer_for_all(
    alice: Caller,
    model: Model,
    worker: Worker,
    path: str,
    reading: list[UUID],
    body: dict[str, Any],
    is_streaming: bool,
) -> None:
    worker.is_taking = False
    asked = []
    for count in range(1, 5):
        asked.append(asyncio.create_task(alice.post(path, {**body, "stream": is_streaming})))
        await until(partial(has_length, reading, count))
    worker.is_taking = True

    answers = await asyncio.gather(*asked)

    assert await in_thread(Generation.objects.count)() == 1
    assert len(worker.taken) == 1
    for answer in answers:
        assert answer.status_code == 200
        assert "Hello" in answer.text
        assert "there" in answer.text
        assert "error" not in answer.text


async def test_many_at_one_moment_are_one(
    alice: Caller, model: Model, worker: Worker, reading: list[UUID]
) -> None:
    worker.is_taking = False
    asked = [asyncio.create_task(alice.post("/api/chat", HELLO)) for _ in range(12)]
    await until(lambda: len(reading) == 12)
    worker.is_taking = True

    answers = await asyncio.gather(*asked)

    assert {answer.status_code for answer in answers} == {200}
    assert await in_thread(Generation.objects.count)() == 1


@pytest.mark.threat("F13")
async def test_the_last_reader_to_leave_stops_it_and_none_before(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.is_taking = False
    first, second = [await road.started(alice.person, QUESTION) for _ in range(2)]
    assert first.generation_id == second.generation_id
    redis = connection.async_client()
    stop = protocol.stop_key(first.generation_id)

    await first.close()
    assert not await redis.exists(stop)
    await second.close()

    assert await redis.exists(stop)
    assert (await in_thread(Generation.objects.get)()).state == State.STOPPED


async def test_who_stays_is_answered_though_the_first_one_left(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.is_taking = False
    first, second = [await road.started(alice.person, QUESTION) for _ in range(2)]

    await first.close()
    worker.is_taking = True
    answer, end = await whole(second)

    assert (answer.text, end.why) == ("Hello there", "done")


@pytest.mark.parametrize(
    "change",
    [
        {"messages": [{"role": "user", "content": "Hello!"}]},
        {"options": {"seed": 7}},
        {"format": "json"},
        {"keep_alive": 0, "messages": [{"role": "system", "content": "x"}, *HELLO["messages"]]},
    ],
    ids=str,
)
async def test_what_is_not_the_same_is_asked_by_itself(
    alice: Caller, model: Model, worker: Worker, change: dict[str, Any]
) -> None:
    worker.is_taking = False
    asked = [
        asyncio.create_task(alice.post("/api/chat", body)) for body in (HELLO, {**HELLO, **change})
    ]
    await until(lambda: are_stored(2))
    worker.is_taking = True

    assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200, 200]
    assert len(worker.taken) == 2


async def are_stored(count: int) -> bool:
    return bool(await in_thread(Generation.objects.count)() == count)


@pytest.mark.threat("B12")
async def test_two_people_never_share_an_answer(
    alice: Caller, bob: Caller, model: Model, worker: Worker
) -> None:
    worker.is_taking = False
    asked = [asyncio.create_task(caller.post("/api/chat", HELLO)) for caller in (alice, bob)]
    await until(lambda: are_stored(2))
    worker.is_taking = True

    await asyncio.gather(*asked)

    assert {request.person for request in worker.taken} == {
        alice.person.pk.hex,
        bob.person.pk.hex,
    }


@pytest.mark.threat("B12")
async def test_two_keys_of_one_person_are_counted_each_for_itself(
    alice: Caller, model: Model, worker: Worker, reading: list[UUID]
) -> None:
    worker.is_taking = False
    other = Caller(alice.person, await in_thread(make_secret)(alice.person), alice.http)
    asked = [asyncio.create_task(each.post("/api/chat", HELLO)) for each in (alice, other)]
    await until(lambda: len(reading) == 2)
    worker.is_taking = True

    answers = await asyncio.gather(*asked)

    assert {answer.status_code for answer in answers} == {200}
    assert len(set(reading)) == 2


async def test_strangers_without_a_key_share_nothing_though_they_are_one_person_to_us(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.is_taking = False
    await Person.objects.filter(pk=alice.person.pk).aupdate(is_system=True)
    nobody = await Person.objects.aget(pk=alice.person.pk)

    first, second = [await road.started(nobody, QUESTION) for _ in range(2)]

    assert first.generation_id != second.generation_id
    await first.close()
    await second.close()


async def test_an_answer_that_has_begun_is_not_joined(
    alice: Caller, model: Model, worker: Worker
) -> None:
    goes_on = asyncio.Event()
    worker.will(*said("Par"), goes_on, *said("is"), DONE)
    first = asyncio.create_task(alice.post("/api/chat", {**HELLO, "stream": False}))
    await until(lambda: worker.taken)
    generation_id = worker.taken[0].generation_id
    await until(lambda: in_thread(repeats.has_said_something)(generation_id))

    second = asyncio.create_task(alice.post("/api/chat", {**HELLO, "stream": False}))
    await until(lambda: len(worker.taken) == 2)
    goes_on.set()

    for answer in await asyncio.gather(first, second):
        assert answer.json()["message"]["content"] == "Paris"


async def test_the_same_question_later_is_a_question_of_its_own(
    alice: Caller, model: Model, worker: Worker
) -> None:
    for _ in range(3):
        answer = await alice.post("/api/chat", {**HELLO, "stream": False})
        assert answer.json()["message"]["content"] == "Hello there"

    assert len(worker.taken) == 3


async def test_what_was_refused_is_remembered_by_nobody(alice: Caller, model: Model) -> None:
    for _ in range(2):
        refused = await alice.post("/api/chat", {**HELLO, "model": "absent"})
        assert refused.status_code == 404

    assert await readers() == []


async def test_while_nobody_knows_of_others_every_request_is_its_own(
    alice: Caller, model: Model, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise ConnectionError

    monkeypatch.setattr(repeats, "client", away)

    answers = await asyncio.gather(*(alice.post("/api/chat", HELLO) for _ in range(2)))

    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(worker.taken) == 2
