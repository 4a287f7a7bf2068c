"""A wanted format reaches the worker, and how likely tokens were reaches the client."""

import json
from itertools import chain
from typing import Any

import pytest

from inference import protocol
from inference.protocol import Alternative, Piece, TokenLogprob
from portal.api import logprobs
from portal.api.streaming import Joined, Said
from portal.catalog.models import Model
from portal.streams.deltas import Delta
from tests.api.conftest import DONE, Caller, Worker

CHAT, OPENAI = "/api/chat", "/v1/chat/completions"
HELLO = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}]}
SCHEMA = {"type": "object", "properties": {"z": {}, "a": {"const": 1}}, "required": ["z"]}
GRUSS = TokenLogprob(
    token="Grü\ufffd",
    logprob=-0.25,
    data=b"Gr\xc3\xbc\xc3",
    top=(Alternative(token="Hi", logprob=-1.5, data=b"Hi"),),
)
SS = TokenLogprob(token="\ufffde", logprob=-1e-7, data=b"\x9fe")
NATIVE = [
    {
        "token": "Grü\ufffd",
        "logprob": -0.25,
        "bytes": [71, 114, 195, 188, 195],
        "top_logprobs": [{"token": "Hi", "logprob": -1.5, "bytes": [72, 105]}],
    },
    {"token": "\ufffde", "logprob": -1e-7, "bytes": [159, 101]},
]
# Their clients read every field of every entry.
FULL = [NATIVE[0], {**NATIVE[1], "top_logprobs": []}]


@pytest.mark.parametrize(
    ("path", "wanted", "format_"),
    [
        (CHAT, {"format": "json"}, protocol.Format()),
        (CHAT, {"format": ""}, None),
        (CHAT, {"format": None}, None),
        (CHAT, {"format": SCHEMA}, protocol.Format(schema=json.dumps(SCHEMA))),
        (OPENAI, {"response_format": {"type": "text"}}, None),
        (OPENAI, {"response_format": {"type": " JSON_object"}}, protocol.Format()),
        (
            OPENAI,
            {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
            protocol.Format(schema=json.dumps(SCHEMA)),
        ),
    ],
)
async def test_a_wanted_format_reaches_the_worker_with_its_properties_in_order(
    alice: Caller,
    model: Model,
    worker: Worker,
    path: str,
    wanted: dict[str, Any],
    format_: protocol.Format | None,
) -> None:
    response = await alice.post(path, {**HELLO, **wanted, "stream": False})

    assert response.status_code == 200
    assert worker.taken[0].format == format_


@pytest.mark.threat("F7")
@pytest.mark.parametrize("path", [CHAT, OPENAI])
async def test_a_schema_that_cannot_be_kept_to_is_a_bad_request_with_the_reason(
    alice: Caller, model: Model, worker: Worker, path: str
) -> None:
    worker.will(protocol.End(why="failed", detail="format", words="the schema is too large"))

    response = await alice.post(path, {**HELLO, "format": SCHEMA})

    assert response.status_code == 400
    assert "the wanted format cannot be kept to: the schema is too large" in response.text


@pytest.mark.threat("F7")
@pytest.mark.parametrize(
    "schema",
    [
        {"enum": ["x" * 300_000]},
        json.loads('{"items":' * 450 + "{}" + "}" * 450),
        json.loads("[" * 600 + "]" * 600),
    ],
    ids=["too long", "too deep", "a list, too deep"],
)
async def test_a_schema_past_every_bound_never_harms_the_door(
    alice: Caller, model: Model, worker: Worker, schema: dict[str, Any] | list[Any]
) -> None:
    response = await alice.post(CHAT, {**HELLO, "format": schema, "stream": False})

    assert response.status_code in (200, 400)
    assert "internal" not in response.text


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"logprobs": True}, 0),
        ({"logprobs": True, "top_logprobs": 20}, 20),
        ({"logprobs": False, "top_logprobs": 5}, None),
        ({}, None),
    ],
)
async def test_only_who_asks_is_told_how_likely_tokens_were(
    alice: Caller, model: Model, worker: Worker, asked: dict[str, Any], count: int | None
) -> None:
    for path in (CHAT, OPENAI):
        await alice.post(path, {**HELLO, **asked, "stream": False})

    assert [request.logprobs for request in worker.taken] == [count, count]


@pytest.mark.threat("F24")
@pytest.mark.parametrize("count", [-1, 21, 2**31, 2**63 - 1])
async def test_a_count_out_of_range_goes_no_further_than_the_door(
    alice: Caller, model: Model, worker: Worker, count: int
) -> None:
    for path in (CHAT, OPENAI):
        response = await alice.post(path, {**HELLO, "logprobs": True, "top_logprobs": count})

        assert response.status_code == 400
        assert "top_logprobs must be between 0 and 20" in response.text
    assert worker.taken == []


async def test_each_dialect_writes_log_probabilities_in_its_own_shape(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(Piece(text="", logprobs=(GRUSS,)), Piece(text="Grüße", logprobs=(SS,)), DONE)

    native = (await alice.post(CHAT, {**HELLO, "stream": False})).json()
    theirs = (await alice.post(OPENAI, HELLO)).json()

    assert native["message"]["content"] == "Grüße"
    assert native["logprobs"] == NATIVE
    assert list(native)[4:7] == ["done_reason", "logprobs", "total_duration"]
    assert theirs["choices"][0]["logprobs"] == {"content": FULL}


async def test_a_stream_tells_them_with_their_text_or_while_it_is_held_back(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(Piece(text="", logprobs=(GRUSS,)), Piece(text="Grüße", logprobs=(SS,)), DONE)

    lines = (await alice.post(CHAT, HELLO)).text.splitlines()
    events = (await alice.post(OPENAI, {**HELLO, "stream": True})).text.split("\n\n")

    told = [json.loads(line).get("logprobs", []) for line in lines]
    assert [*chain.from_iterable(told)] == NATIVE
    assert all("message" in json.loads(line) for line in lines)
    chunks = [json.loads(event.removeprefix("data: ")) for event in events if "{" in event]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    theirs = [choice["logprobs"]["content"] for choice in choices if "logprobs" in choice]
    assert [*chain.from_iterable(theirs)] == FULL
    assert "".join(choice["delta"].get("content", "") for choice in choices) == "Grüße"


async def test_an_answer_without_them_has_no_such_field(
    alice: Caller, model: Model, worker: Worker
) -> None:
    native = (await alice.post(CHAT, {**HELLO, "stream": False})).json()
    theirs = (await alice.post(OPENAI, HELLO)).json()

    assert "logprobs" not in native
    assert "logprobs" not in theirs["choices"][0]


def test_what_a_second_attempt_repeats_is_not_told_again() -> None:
    def token(text: str) -> TokenLogprob:
        return TokenLogprob(token=text, logprob=-1.0, data=text.encode())

    joined = Joined()
    joined.add(Delta(attempt=1, first=1, last=2, text="ab", logprobs=(token("a"), token("b"))))

    steps = joined.add(
        Delta(attempt=2, first=1, last=3, text="abc", logprobs=(token("b"), token("c")))
    )

    assert steps == [Said(text="c", logprobs=(token("c"),))]
    assert logprobs.since((token("b"),), "") == ()
