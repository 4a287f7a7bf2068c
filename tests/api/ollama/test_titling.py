"""Requests that nobody typed: ChatBox names a conversation after its first answer (case 23)."""

import asyncio
from typing import Any

import pytest

from portal.api.ollama import titling
from portal.catalog.models import Model
from portal.chat.models import Generation
from tests.api.conftest import Caller, Worker, in_thread, make_model, until

NAME_IT = f"{titling.OPENING}.\nTen characters, no quotes.\n\n```\nuser: Hi\n\nassistant: Ho\n```"
DOORS = ["/api/chat", "/v1/chat/completions"]


def asking_for(text: str, *, model: str = "smollm2:135m", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


async def are_waiting(count: int) -> bool:
    return bool(await in_thread(Generation.objects.count)() == count)


@pytest.mark.threat("F11")
@pytest.mark.parametrize("path", DOORS)
async def test_a_title_gives_way_to_whoever_asks_after_it(
    alice: Caller, bob: Caller, model: Model, worker: Worker, path: str
) -> None:
    worker.is_taking = False
    title = asyncio.create_task(alice.post(path, asking_for(NAME_IT)))
    await until(lambda: are_waiting(1))
    question = asyncio.create_task(bob.post(path, asking_for("Where is Paris?")))
    await until(lambda: are_waiting(2))
    worker.is_taking = True

    answers = await asyncio.gather(title, question)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [request.lane for request in worker.taken] == ["api", "background"]


@pytest.mark.parametrize("path", DOORS)
async def test_a_title_is_short_and_nobody_thinks_about_it(
    alice: Caller, worker: Worker, path: str
) -> None:
    await in_thread(make_model)("deep:1b", capabilities=["completion", "thinking"])

    await alice.post(path, asking_for(NAME_IT, model="deep:1b"))
    await alice.post(path, asking_for("Where is Paris?", model="deep:1b"))

    title, question = worker.taken
    assert title.think is False
    assert title.options.num_predict == titling.MAX_TITLE_TOKENS
    assert question.think is None
    assert question.options.num_predict is None


async def test_a_shorter_limit_of_the_client_stays(
    alice: Caller, model: Model, worker: Worker
) -> None:
    await alice.post("/v1/chat/completions", asking_for(NAME_IT, max_tokens=8))

    assert worker.taken[0].options.num_predict == 8


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": f"What does this mean: {NAME_IT}"}],
        [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": NAME_IT},
        ],
    ],
    ids=["quoted", "in a talk"],
)
async def test_a_person_who_uses_these_words_is_answered_as_ever(
    alice: Caller, model: Model, worker: Worker, messages: list[dict[str, str]]
) -> None:
    await alice.post("/api/chat", {"model": "smollm2:135m", "messages": messages})

    (request,) = worker.taken
    assert (request.lane, request.options.num_predict) == ("api", None)
