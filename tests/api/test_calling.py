"""Tools and thinking through both doors: what reaches the worker, and how calls come back."""

import json
from typing import Any

import pytest

from inference import protocol
from portal.api.streaming import LOST, Joined, Said
from portal.streams.deltas import Delta
from tests.api.conftest import DONE, Caller, Worker, in_thread, make_model, said

NATIVE, OPENAI = "/api/chat", "/v1/chat/completions"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather <now> & later",
        "parameters": {"type": "object", "properties": {"z": {"type": "string"}, "a": {}}},
    },
}
MESSAGES = [{"role": "user", "content": "Hello"}]
HELLO = {"model": "smollm2:135m", "messages": MESSAGES, "tools": [WEATHER]}
CALL = protocol.Called(
    call=protocol.ToolCall(
        name="get_weather", arguments='{"z":"Paris","a":1.5}', id="call_abcd1234"
    )
)
AGAIN = protocol.Called(call=protocol.ToolCall(name="get_weather", id="call_wxyz9876"))
ABLE = ["completion", "tools", "thinking"]


def lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


def chunks(body: bytes) -> list[dict[str, Any]]:
    events = [each for each in body.decode().split("\n\n") if each.startswith("data: {")]
    return [json.loads(each.removeprefix("data: ")) for each in events]


@pytest.mark.parametrize("path", [NATIVE, OPENAI])
async def test_tools_reach_the_worker_as_they_were_written(
    alice: Caller, worker: Worker, path: str
) -> None:
    await in_thread(make_model)(capabilities=ABLE)

    await alice.post(path, HELLO)

    (request,) = worker.taken
    assert json.loads(request.tools) == [WEATHER]
    assert list(json.loads(request.tools)[0]["function"]["parameters"]["properties"]) == ["z", "a"]
    assert request.think is None


async def test_calls_come_as_lines_of_their_own(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(*said("I look."), CALL, AGAIN, DONE)

    streamed = lines((await alice.post(NATIVE, HELLO)).content)
    whole = (await alice.post(NATIVE, {**HELLO, "stream": False})).json()

    calls = [call for line in streamed for call in line["message"].get("tool_calls", [])]
    assert calls == whole["message"]["tool_calls"]
    assert calls == [
        {
            "id": "call_abcd1234",
            "function": {
                "index": 0,
                "name": "get_weather",
                "arguments": {"z": "Paris", "a": 1.5},
            },
        },
        {
            "id": "call_wxyz9876",
            "function": {"index": 1, "name": "get_weather", "arguments": {}},
        },
    ]
    assert list(calls[0]["function"]["arguments"]) == ["z", "a"]
    assert "".join(line["message"]["content"] for line in streamed) == "I look."
    assert "tool_calls" not in streamed[-1]["message"]
    assert streamed[-1]["done_reason"] == whole["done_reason"] == "stop"


async def test_calls_come_as_whole_deltas_with_text_arguments(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(CALL, AGAIN, DONE)

    streamed = chunks((await alice.post(OPENAI, {**HELLO, "stream": True})).content)
    whole = (await alice.post(OPENAI, HELLO)).json()

    deltas = [chunk["choices"][0]["delta"] for chunk in streamed]
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert calls == whole["choices"][0]["message"]["tool_calls"]
    assert calls[0] == {
        "id": "call_abcd1234",
        "index": 0,
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"z":"Paris","a":1.5}'},
    }
    assert [call["index"] for call in calls] == [0, 1]
    assert streamed[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert whole["choices"][0]["finish_reason"] == "tool_calls"


async def test_an_answer_cut_short_says_length_even_behind_a_call(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(CALL, protocol.End(why="length"))

    whole = (await alice.post(OPENAI, HELLO)).json()

    assert whole["choices"][0]["finish_reason"] == "length"


async def test_a_round_trip_reaches_the_worker_whole(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    call = {"function": {"name": "get_weather", "arguments": {"z": "Paris"}}}
    native = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [{"id": "1", **call}]},
        {"role": "tool", "content": "Rain", "tool_name": "get_weather", "tool_call_id": "1"},
        {"role": "tool", "content": "Wind", "tool_name": "get_weather"},
    ]
    written = {"name": "get_weather", "arguments": '{"z": "Paris"}'}
    openai = [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "reasoning": "hm",
            "tool_calls": [{"id": "1", "type": "function", "function": written}],
        },
        {"role": "tool", "content": "Rain", "tool_call_id": "1"},
        {"role": "tool", "content": "Wind", "name": "get_weather"},
    ]

    await alice.post(NATIVE, {**HELLO, "messages": native})
    await alice.post(OPENAI, {**HELLO, "messages": openai})

    first, second = worker.taken
    assert first.messages == second.messages
    assert first.messages[1:] == (
        protocol.Message(
            role="assistant",
            content="",
            thinking="hm",
            tool_calls=(protocol.ToolCall(name="get_weather", arguments='{"z":"Paris"}', id="1"),),
        ),
        protocol.Message(role="tool", content="Rain", tool_name="get_weather", tool_call_id="1"),
        protocol.Message(role="tool", content="Wind", tool_name="get_weather"),
    )


CROWDED = {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}] * 300}
LONG = {"role": "tool", "tool_name": "x" * 5_000}


def calling(name: Any, arguments: Any) -> dict[str, Any]:
    call = {"function": {"name": name, "arguments": arguments}}
    return {"messages": [{"role": "assistant", "content": "", "tool_calls": [call]}]}


@pytest.mark.parametrize(
    ("path", "change", "sentence"),
    [
        (
            NATIVE,
            calling("f", "{}"),
            "json: cannot unmarshal string into Go struct field"
            " ChatRequest.messages.tool_calls.function.arguments"
            " of type api.ToolCallFunctionArguments",
        ),
        (NATIVE, calling("", {}), "a tool call needs the name of a function"),
        (NATIVE, calling("x" * 600, {}), "a tool call needs the name of a function"),
        (OPENAI, calling("f", "oops"), "invalid tool call arguments"),
        (OPENAI, calling("f", "[1]"), "invalid tool call arguments"),
        (OPENAI, calling("f", '{"x": NaN}'), "invalid tool call arguments"),
        (OPENAI, calling("f", '{"x": "\\ud800"}'), None),
        (
            NATIVE,
            {"messages": [CROWDED]},
            "too many tool calls in one message",
        ),
        (NATIVE, {"messages": [LONG]}, "tool_name is too long"),
        (
            NATIVE,
            {"tools": {}},
            "json: cannot unmarshal object into Go struct field"
            " ChatRequest.tools of type api.Tools",
        ),
        (
            NATIVE,
            {"tools": [1]},
            "json: cannot unmarshal number into Go struct field ChatRequest.tools of type api.Tool",
        ),
        (
            NATIVE,
            {"tools": [{"function": {"name": 1}}]},
            "json: cannot unmarshal number into Go struct field ChatRequest.tools.function.name"
            " of type string",
        ),
        (NATIVE, {"tools": [{"x": "y" * 1_000_000}]}, "the tools are too long"),
    ],
)
async def test_what_is_no_tool_or_no_call_is_refused(
    alice: Caller, worker: Worker, path: str, change: dict[str, Any], sentence: str | None
) -> None:
    await in_thread(make_model)(capabilities=ABLE)

    response = await alice.post(path, {**HELLO, **change})

    error = response.json()["error"]
    assert response.status_code == 400
    assert worker.taken == []
    if sentence is not None:
        assert (error if path == NATIVE else error["message"]) == sentence


@pytest.mark.parametrize(
    ("path", "field", "value", "meant"),
    [
        (NATIVE, "think", True, True),
        (NATIVE, "think", False, False),
        (NATIVE, "think", "low", "low"),
        (NATIVE, "think", "max", "max"),
        (OPENAI, "reasoning_effort", "none", False),
        (OPENAI, "reasoning_effort", "minimal", "low"),
        (OPENAI, "reasoning_effort", "medium", "medium"),
        (OPENAI, "reasoning_effort", "xhigh", "max"),
        (OPENAI, "reasoning", {"effort": "ultra"}, "max"),
    ],
)
async def test_how_much_to_think_reaches_the_worker(
    alice: Caller, worker: Worker, path: str, field: str, value: object, meant: object
) -> None:
    await in_thread(make_model)(capabilities=ABLE)

    await alice.post(path, {**HELLO, field: value})

    assert worker.taken[0].think == meant


async def test_not_thinking_can_be_asked_of_any_model(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)()

    response = await alice.post(NATIVE, {**HELLO, "tools": [], "think": False})

    assert response.status_code == 200


async def test_the_administrators_prompt_is_told_from_peoples_messages(
    alice: Caller, worker: Worker
) -> None:
    theirs = {"role": "system", "content": "Speak like a pirate."}
    mine = {"role": "system", "content": "Mine."}
    await in_thread(make_model)(system=theirs["content"])

    await alice.post(NATIVE, {**HELLO, "tools": []})
    await alice.post(NATIVE, {**HELLO, "tools": [], "messages": [theirs, *MESSAGES]})
    await alice.post(NATIVE, {**HELLO, "tools": [], "messages": [mine, *MESSAGES]})
    await alice.post(NATIVE, {**HELLO, "tools": [], "messages": [theirs, mine, *MESSAGES]})

    assert [request.published for request in worker.taken] == [1, 1, 0, 0]


# ── Attempts ────────────────────────────────────────────────────────────────────────────────────


def delta(attempt: int, number: int, **fields: Any) -> Delta:
    return Delta(attempt=attempt, first=number, last=number, **fields)


def test_a_call_is_told_once_however_many_attempts_it_took() -> None:
    joined = Joined()
    again = protocol.ToolCall(name="get_weather", arguments=CALL.call.arguments, id="call_other")

    assert joined.add(delta(1, 1, text="I", calls=(CALL.call,))) == [
        Said(text="I", calls=(CALL.call,))
    ]
    assert joined.add(delta(2, 1, text="I look", calls=(again, AGAIN.call), end=DONE)) == [
        Said(text=" look", calls=(AGAIN.call,)),
        DONE,
    ]


@pytest.mark.threat("C20")
@pytest.mark.parametrize("calls", [(), (AGAIN.call,)])
def test_an_attempt_that_calls_otherwise_is_no_clean_end(
    calls: tuple[protocol.ToolCall, ...],
) -> None:
    joined = Joined()
    joined.add(delta(1, 1, calls=(CALL.call,)))

    assert joined.add(delta(2, 1, calls=calls, end=DONE))[-1] == LOST


@pytest.mark.threat("C20")
def test_who_comes_too_late_for_a_call_sees_no_clean_end() -> None:
    """The row knows how many events there were, and not what a call among them said."""
    joined = Joined()
    joined.add(delta(1, 1))

    assert joined.add(delta(1, 4, end=DONE)) == [LOST]
