"""/v1/messages, as Anthropic's clients and agents know it."""

import json
import re
from functools import partial
from typing import Any

import pytest

from inference import protocol
from portal.accounts import keys
from portal.accounts.models import KeyScope
from portal.catalog.models import Model
from tests.api.conftest import (
    DONE,
    STATS,
    Caller,
    Worker,
    in_thread,
    make_model,
    make_secret,
    said,
    thought,
)
from tests.api.named_events import Event, read

PATH = "/v1/messages"
HELLO = {
    "model": "smollm2:135m",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
ABLE = ["completion", "tools", "thinking", "vision"]
PICTURE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="},
}
WEATHER = {
    "name": "get_weather",
    "description": "Weather <now>",
    "input_schema": {"type": "object", "properties": {"z": {"type": "string"}, "a": {}}},
}
CALL = protocol.Called(
    call=protocol.ToolCall(
        name="get_weather", arguments='{"z":"Paris","a":1.5}', id="call_abcd1234"
    )
)
USE = {
    "type": "tool_use",
    "id": "call_abcd1234",
    "name": "get_weather",
    "input": {"z": "Paris", "a": 1.5},
}
USAGE = {"input_tokens": STATS.prompt_tokens, "output_tokens": STATS.answer_tokens}


async def streamed(caller: Caller, body: dict[str, Any]) -> list[Event]:
    return read((await caller.post(PATH, {**body, "stream": True})).text)


# ── What is answered ────────────────────────────────────────────────────────────────────────────


async def test_an_answer_that_is_one_piece_is_one_object_and_a_line_end(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said("Paris", " is it"), DONE)

    response = await alice.post(PATH, HELLO)

    assert response.headers["Content-Type"] == "application/json"
    assert response.content.endswith(b"}\n")
    answer = response.json()
    assert list(answer) == [
        *("id", "type", "role", "model", "content", "stop_reason", "usage"),
    ]
    assert re.fullmatch(r"msg_[0-9a-f]{24}", answer.pop("id"))
    assert answer == {
        "type": "message",
        "role": "assistant",
        "model": "smollm2:135m",
        "content": [{"type": "text", "text": "Paris is it"}],
        "stop_reason": "end_turn",
        "usage": USAGE,
    }


async def test_a_stream_opens_and_closes_each_block(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(*thought("hm"), *said("I look"), CALL, DONE)

    events = await streamed(alice, HELLO)

    (_, start), *between, (_, delta), (_, stop) = events
    assert start["message"].pop("id").startswith("msg_")
    assert start == {
        "type": "message_start",
        "message": {
            "type": "message",
            "role": "assistant",
            "model": "smollm2:135m",
            "content": [],
            "usage": {"input_tokens": 1, "output_tokens": 0},
        },
    }
    assert [told for _, told in between] == [
        *_block(0, {"type": "thinking", "thinking": "", "signature": ""}, thinking="hm"),
        *_block(1, {"type": "text", "text": ""}, text="I look"),
        *_block(2, {**USE, "input": {}}, partial_json='{"z":"Paris","a":1.5}'),
    ]
    assert delta == {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use"},
        "usage": USAGE,
    }
    assert stop == {"type": "message_stop"}


def _block(index: int, block: dict[str, Any], **delta: str) -> list[dict[str, Any]]:
    """A block that is written in one go."""
    kind = {"thinking": "thinking_delta", "text": "text_delta", "partial_json": "input_json_delta"}
    (name,) = delta
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        {"type": "content_block_delta", "index": index, "delta": {"type": kind[name], **delta}},
        {"type": "content_block_stop", "index": index},
    ]


async def test_one_piece_holds_the_blocks_that_a_stream_shows(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(*thought("hm"), *said("I look"), CALL, DONE)

    whole = (await alice.post(PATH, HELLO)).json()

    assert whole["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "I look"},
        USE,
    ]
    assert list(whole["content"][2]["input"]) == ["z", "a"]
    assert whole["stop_reason"] == "tool_use"


async def test_deltas_of_one_kind_are_one_block(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(*thought("h", "m"), *said("I ", "look"), DONE)

    events = await streamed(alice, HELLO)

    opened = [told["index"] for name, told in events if name == "content_block_start"]
    texts = [
        told["delta"].get("text", "") for name, told in events if name == "content_block_delta"
    ]
    assert opened == [0, 1]
    assert "".join(texts) == "I look"


async def test_an_answer_that_was_cut_short_says_so(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said("Par"), protocol.End(why="length", stats=STATS))

    *_, (_, delta), _stop = await streamed(alice, HELLO)
    whole = (await alice.post(PATH, HELLO)).json()

    assert delta["delta"]["stop_reason"] == whole["stop_reason"] == "max_tokens"


async def test_an_empty_answer_has_no_blocks(alice: Caller, model: Model, worker: Worker) -> None:
    worker.will(DONE)

    events = await streamed(alice, HELLO)
    whole = (await alice.post(PATH, HELLO)).json()

    assert [name for name, _ in events] == ["message_start", "message_delta", "message_stop"]
    assert whole["content"] is None


async def test_thinking_that_was_switched_off_is_not_shown(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(*thought("hm"), *said("Yes"), DONE)

    whole = (await alice.post(PATH, {**HELLO, "thinking": {"type": "disabled"}})).json()

    assert [block["type"] for block in whole["content"]] == ["text"]


# ── What is understood ──────────────────────────────────────────────────────────────────────────


async def test_blocks_become_turns_and_results_stand_before_the_words(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    texts = [{"type": "text", "text": "Ra"}, {"type": "text", "text": "in"}]
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "I look."},
                {"type": "redacted_thinking", "data": "x"},
                USE,
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And "},
                PICTURE,
                {"type": "text", "text": "this?"},
                {"type": "tool_result", "tool_use_id": "call_abcd1234", "content": texts},
            ],
        },
        {"role": "system", "content": "Hurry."},
        {"role": "assistant", "content": []},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "call_abcd1234", "content": "Sun"}],
        },
    ]
    system = [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}]

    await alice.post(PATH, {**HELLO, "system": system, "messages": messages})

    (request,) = worker.taken
    told = partial(
        protocol.Message, role="tool", tool_name="get_weather", tool_call_id="call_abcd1234"
    )
    assert request.messages == (
        protocol.Message(role="system", content="Be brief."),
        protocol.Message(role="user", content="Weather?"),
        protocol.Message(
            role="assistant", content="I look.", thinking="hm", tool_calls=(CALL.call,)
        ),
        told(content="Rain"),
        protocol.Message(role="user", content="And [img]this?", images=(b"hello",)),
        protocol.Message(role="system", content="Hurry."),
        told(content="Sun"),
    )


async def test_a_picture_that_a_function_returned_is_seen_where_it_stands(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    returned = [{"type": "text", "text": "Page 1: "}, PICTURE, {"type": "text", "text": "."}, 5]
    result = {"type": "tool_result", "tool_use_id": "call_abcd1234", "content": returned}
    messages = [
        {"role": "user", "content": "Read it."},
        {"role": "assistant", "content": [USE]},
        {"role": "user", "content": [result]},
    ]

    await alice.post(PATH, {**HELLO, "messages": messages})

    _, _, told = worker.taken[0].messages
    assert (told.role, told.content, told.images) == ("tool", "Page 1: [img].", (b"hello",))


async def test_a_picture_that_a_function_returned_is_refused_where_the_model_sees_none(
    alice: Caller, model: Model
) -> None:
    """Passed over in silence, it would be made up."""
    result = {"type": "tool_result", "tool_use_id": "call_abcd1234", "content": [PICTURE]}

    answer = await alice.post(PATH, {**HELLO, "messages": [{"role": "user", "content": [result]}]})

    assert answer.status_code == 400
    assert "image_url is only supported" in answer.json()["error"]["message"]


async def test_a_search_that_was_made_elsewhere_is_read_behind_its_call(
    alice: Caller, model: Model, worker: Worker
) -> None:
    page = {"type": "web_search_result", "title": "Paris", "url": "https://paris.example"}
    content = [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "Paris"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [page]},
    ]
    messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": content}]

    await alice.post(PATH, {**HELLO, "messages": messages})

    _, called, found = worker.taken[0].messages
    assert called.tool_calls == (
        protocol.ToolCall(name="web_search", arguments='{"query":"Paris"}', id="s1"),
    )
    assert (found.role, found.tool_name) == ("tool", "web_search")
    assert found.content == "- Paris: https://paris.example"


async def test_tools_reach_the_worker_as_functions_and_a_search_is_left_out(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    tools = [WEATHER, {"type": "web_search_20250305", "name": "web_search"}, {"name": "add"}]

    await alice.post(PATH, {**HELLO, "tools": tools, "tool_choice": {"type": "any"}})

    told = {
        "name": "get_weather",
        "description": "Weather <now>",
        "parameters": WEATHER["input_schema"],
    }
    assert json.loads(worker.taken[0].tools) == [
        {"type": "function", "function": told},
        {"type": "function", "function": {"name": "add"}},
    ]


async def test_their_fields_become_our_options_and_the_rest_is_the_models(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(parameters={"temperature": 0.3})
    asked = {"temperature": 0.2, "top_p": 0.4, "top_k": 7, "stop_sequences": ["a", "b"]}

    await alice.post(PATH, {**HELLO, "metadata": {"user_id": "x"}})
    await alice.post(PATH, {**HELLO, **asked})

    plain, chosen = (request.options for request in worker.taken)
    assert plain == protocol.Options(num_predict=100, temperature=0.3)
    assert chosen == protocol.Options(
        num_predict=100, temperature=0.2, top_p=0.4, top_k=7, stop=("a", "b")
    )


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, False),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, "low"),
        ({"output_config": {"effort": "xhigh"}}, "high"),
        ({"output_config": {"effort": "max"}}, "max"),
    ],
)
async def test_how_much_to_think_reaches_the_worker(
    alice: Caller, worker: Worker, asked: dict[str, Any], meant: object
) -> None:
    await in_thread(make_model)(capabilities=ABLE)

    await alice.post(PATH, {**HELLO, **asked})

    assert worker.taken[0].think == meant


async def test_a_model_that_cannot_think_is_asked_without_it(
    alice: Caller, model: Model, worker: Worker
) -> None:
    response = await alice.post(PATH, {**HELLO, "thinking": {"type": "enabled"}})

    assert response.status_code == 200
    assert worker.taken[0].think is None


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"model": "", "max_tokens": 0, "messages": []}, 400, "model is required"),
        (
            {"max_tokens": 0, "messages": []},
            400,
            "max_tokens is required and must be positive",
        ),
        ({"max_tokens": None}, 400, "max_tokens is required and must be positive"),
        ({"messages": []}, 400, "messages is required"),
        ({"messages": [{"role": "user", "content": []}]}, 400, "messages is required"),
        ({"model": "absent"}, 404, "model 'absent' not found; you may use: smollm2:135m"),
        ({"messages": [{"role": "<me>", "content": "x"}]}, 400, 'invalid role: "<me>"'),
        (
            {"messages": [{"role": "user", "content": 5}]},
            400,
            "invalid message content type: float64",
        ),
        (
            {"messages": [{"role": "user", "content": ["x"]}]},
            400,
            "invalid content block format",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}
                ]
            },
            400,
            "invalid image source type: url. Only base64 images are supported.",
        ),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]}]},
            400,
            "tool_use block missing required 'id' field",
        ),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "1"}]}]},
            400,
            "tool_use block missing required 'name' field",
        ),
        (
            {"messages": [{"role": "user", "content": [PICTURE]}]},
            400,
            "Invalid content type. image_url is only supported by certain models.",
        ),
        (
            {"tools": [WEATHER]},
            400,
            "registry.ollama.ai/library/smollm2:135m does not support tools",
        ),
        (
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            403,
            "ollama cloud is disabled: web search is unavailable",
        ),
        (
            {"stop_sequences": [1]},
            400,
            "json: cannot unmarshal number into Go struct field"
            " MessagesRequest.stop_sequences of type string",
        ),
        (
            {"temperature": "hot"},
            400,
            "json: cannot unmarshal string into Go struct field"
            " MessagesRequest.temperature of type float64",
        ),
    ],
)
async def test_what_cannot_be_done_is_said_in_their_shape(
    alice: Caller, model: Model, worker: Worker, change: dict[str, Any], status: int, sentence: str
) -> None:
    response = await alice.post(PATH, {**HELLO, **change})

    kinds = {400: "invalid_request_error", 403: "permission_error", 404: "not_found_error"}
    told = response.json()
    assert list(told) == ["type", "error", "request_id"]
    assert re.fullmatch(r"req_[0-9a-f]{24}", told["request_id"])
    assert (told["type"], told["error"]) == (
        "error",
        {"type": kinds[status], "message": sentence},
    )
    assert (response.status_code, response.content[-2:]) == (status, b"}\n")
    assert worker.taken == []


async def test_a_picture_that_is_no_base64_is_refused_in_their_words(alice: Caller) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    broken = {**PICTURE, "source": {"type": "base64", "data": "abcd*"}}

    response = await alice.post(
        PATH, {**HELLO, "messages": [{"role": "user", "content": [broken]}]}
    )

    message = response.json()["error"]["message"]
    assert response.status_code == 400
    assert message == "invalid base64 image data: illegal base64 data at input byte 4"


@pytest.mark.parametrize(
    ("end", "status", "kind"),
    [
        (protocol.End(why="failed", detail="no-room"), 503, "overloaded_error"),
        (protocol.End(why="failed", detail="too-long"), 400, "invalid_request_error"),
        (protocol.End(why="failed", detail="engine"), 500, "api_error"),
    ],
    ids=lambda each: getattr(each, "detail", each),
)
@pytest.mark.parametrize("is_streaming", [True, False])
async def test_what_fails_at_once_has_a_status_of_its_own(
    alice: Caller,
    model: Model,
    worker: Worker,
    end: protocol.End,
    status: int,
    kind: str,
    is_streaming: bool,
) -> None:
    worker.will(end)

    response = await alice.post(PATH, {**HELLO, "stream": is_streaming})

    assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
    assert ("Retry-After" in response.headers) == (status == 503)


async def test_there_is_no_route_that_counts_tokens(alice: Caller) -> None:
    """Their agents ask, and go on without."""
    response = await alice.post(f"{PATH}/count_tokens", HELLO)

    assert (response.status_code, response.text) == (404, "404 page not found")


# ── Who is asking ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.threat("A10")
async def test_their_own_header_carries_a_key_here(
    alice: Caller, model: Model, worker: Worker
) -> None:
    bearer = f"Bearer {alice.key}"
    for headers in (
        {"X-Api-Key": alice.key},
        {"X-Api-Key": "ollama", "Authorization": bearer},
        {"X-Api-Key": alice.key, "Authorization": "Bearer ollama"},
        {"X-Api-Key": alice.key, "Authorization": bearer},
    ):
        response = await alice.http.post(PATH, json=HELLO, headers=headers)
        assert response.status_code == 200, headers


@pytest.mark.threat("A10")
async def test_their_own_header_opens_no_more_than_any_other(
    alice: Caller, bob: Caller, model: Model, worker: Worker
) -> None:
    wrong = alice.key[:-1] + ("a" if alice.key[-1] != "a" else "b")
    measuring = await in_thread(make_secret)(alice.person, scopes=[KeyScope.EMBEDDINGS])
    in_path = await in_thread(make_secret)(alice.person, for_path=True)
    revoked = await in_thread(make_secret)(bob.person)
    _, key = await in_thread(keys.holder_of)(revoked, scope=KeyScope.CHAT)
    await in_thread(keys.revoke)(bob.person, key_id=key.id)
    for headers, path, status in (
        ({"X-Api-Key": wrong}, PATH, 401),
        ({"X-Api-Key": ""}, PATH, 401),
        ({"X-Api-Key": "ollama"}, PATH, 401),
        ({"X-Api-Key": in_path}, PATH, 401),
        ({"X-Api-Key": revoked}, PATH, 401),
        ({"X-Api-Key": measuring}, PATH, 403),
        ({"X-Api-Key": alice.key, "Authorization": f"Bearer {bob.key}"}, PATH, 401),
        ({"X-Api-Key": alice.key, "Authorization": f"Bearer {wrong}"}, PATH, 401),
        ({"X-Api-Key": bob.key}, f"/u/{alice.key}{PATH}", 401),
    ):
        response = await alice.http.post(path, json=HELLO, headers=headers)

        assert response.status_code == status, headers
        kind = {401: "authentication_error", 403: "permission_error"}[status]
        assert response.json()["error"]["type"] == kind
    assert worker.taken == []
