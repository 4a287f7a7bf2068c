"""Both servers are asked the same, down to the last word."""

import json
from typing import Any

import httpx
import pytest

from bench import load, prompts
from bench.load import Broken, Crowd, Door
from bench.works import WORKS, chosen

EVENTS = (
    'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
    'data: {"choices":[{"delta":{"content":"Good "}}]}\n\n'
    'data: {"choices":[{"delta":{"content":"day"}}]}\n\n'
    'data: {"choices":[],"usage":{"completion_tokens":2,"prompt_tokens":9}}\n\n'
    "data: [DONE]\n\n"
)
LINES = (
    '{"message":{"content":"Good "},"done":false}\n'
    '{"message":{"content":"day"},"done":false}\n'
    '{"message":{"content":""},"done":true,"eval_count":2,"prompt_eval_count":9}\n'
)


class Heard:
    """A server that writes down what it is asked."""

    def __init__(self, answer: str, *, status: int = 200) -> None:
        self.answer = answer
        self.status = status
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(self.status, text=self.answer)

    def at(self, door: Door) -> Crowd:
        return Crowd(door, httpx.AsyncClient(transport=httpx.MockTransport(self)))

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.asked]


OURS = Door(base="http://ours", model="m", keys=("key-a", "key-b"))
THEIRS = Door(base="http://theirs", model="m")


async def test_both_servers_are_sent_the_same_bodies_in_a_burst():
    ours, theirs = Heard(EVENTS), Heard(EVENTS)
    for heard, door in ((ours, OURS), (theirs, THEIRS)):
        await load.burst(heard.at(door), people=3, times=2, max_tokens=5, seed=7)

    assert len(ours.bodies) == 6
    assert sorted(map(json.dumps, ours.bodies)) == sorted(map(json.dumps, theirs.bodies))


async def test_both_servers_are_sent_the_same_conversations():
    ours, theirs = Heard(EVENTS), Heard(EVENTS)
    for heard, door in ((ours, OURS), (theirs, THEIRS)):
        await load.talk(heard.at(door), people=2, turns=3, think_seconds=0.0, max_tokens=5, seed=7)

    assert len(ours.bodies) == 6
    assert sorted(map(json.dumps, ours.bodies)) == sorted(map(json.dumps, theirs.bodies))


async def test_different_people_ask_with_different_keys():
    heard = Heard(EVENTS)
    await load.burst(heard.at(OURS), people=2, times=1, max_tokens=5, seed=7)

    keys = {request.headers["Authorization"] for request in heard.asked}
    assert keys == {"Bearer key-a", "Bearer key-b"}


def test_the_same_seed_gives_the_same_words_and_another_gives_others():
    assert prompts.essay(7, 3, turn=1) == prompts.essay(7, 3, turn=1)
    assert prompts.essay(7, 3) != prompts.essay(8, 3)
    assert prompts.essay(7, 3) != prompts.essay(7, 4)
    assert prompts.document(7, 3, turn=1) == prompts.document(7, 3, turn=1)


def test_answers_are_greedy_and_end_where_the_model_ends_them():
    body = prompts.body(prompts.essay(7, 0), model="m", max_tokens=5, dialect="openai")

    assert body["temperature"] == 0
    assert body["max_tokens"] == 5
    assert "ignore_eos" not in body


@pytest.mark.parametrize(("dialect", "said"), [("openai", EVENTS), ("ollama", LINES)])
async def test_an_answer_is_read_alike_in_both_dialects(dialect, said):
    crowd = Heard(said).at(Door(base="http://any", model="m", dialect=dialect))

    answer = await crowd.ask(0, prompts.essay(7, 0), max_tokens=5)

    assert (answer.text, answer.tokens, answer.prompt_tokens) == ("Good day", 2, 9)
    assert len(answer.gaps) == 1


async def test_a_refusal_is_a_fault_and_never_a_fast_answer():
    crowd = Heard("busy", status=503).at(OURS)

    with pytest.raises(Broken):
        await crowd.ask(0, prompts.essay(7, 0), max_tokens=5)
    figures = await load.burst(crowd, people=2, times=1, max_tokens=5, seed=7)

    assert (figures.answers, figures.errors) == (0, 2)


async def test_two_models_are_asked_by_turns():
    heard = Heard(EVENTS)
    door = Door(base="http://ours", model="one", other_model="two")

    await load.switch(heard.at(door), times=4, seed=7)

    assert [body["model"] for body in heard.bodies] == ["two", "one", "two", "one"]


def test_what_shares_a_table_has_equal_memory_for_conversations():
    for work in WORKS:
        for rival in work.rivals:
            if rival.kind == "llama-server":
                assert rival.shape.cells == work.shape.cells, work.name


def test_works_are_chosen_by_name_or_beginning():
    assert [work.name for work in chosen("talk")] == ["talk-4", "talk-10"]
    assert [work.name for work in chosen("burst-1, long")] == ["burst-1", "long"]
    assert len(chosen("")) == len(WORKS)
