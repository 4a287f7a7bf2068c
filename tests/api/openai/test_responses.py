"""/v1/responses, as OpenAI's newer clients and agents know it."""

import json
from typing import Any
from uuid import uuid4

import pytest
import zstandard

from inference import protocol
from portal.api import compressed
from portal.api.openai import responses, responses_reading
from portal.api.streaming import Said
from portal.catalog.models import Model
from tests.api.conftest import DONE, STATS, Caller, Worker, in_thread, make_model, said, thought
from tests.api.named_events import Event, read

PATH = "/v1/responses"
HELLO = {"model": "smollm2:135m", "input": "Hello"}
ABLE = ["completion", "tools", "thinking", "vision"]
PICTURE = "data:image/png;base64,aGVsbG8="
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather <now>",
    "parameters": {"type": "object", "properties": {"z": {"type": "string"}, "a": {}}},
    "strict": True,
}
CALL = protocol.Called(
    call=protocol.ToolCall(name="get_weather", arguments='{"z":"Paris"}', id="call_abcd1234")
)
AGAIN = protocol.Called(call=protocol.ToolCall(name="get_weather", id="call_wxyz9876"))
FIELDS = [
    *("id", "object", "created_at", "completed_at", "status", "incomplete_details", "model"),
    *("previous_response_id", "instructions", "output", "error", "tools", "tool_choice"),
    *("truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty"),
    *("frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage"),
    *("max_output_tokens", "max_tool_calls", "store", "background", "service_tier"),
    *("metadata", "safety_identifier", "prompt_cache_key"),
]
OPENING = ["response.created", "response.in_progress"]
SPOKEN = [
    *("response.output_item.added", "response.content_part.added", "response.output_text.delta"),
    *("response.output_text.done", "response.content_part.done", "response.output_item.done"),
]
THOUGHT = [
    *("response.output_item.added", "response.reasoning_summary_text.delta"),
    *("response.reasoning_summary_text.done", "response.output_item.done"),
]
CALLED = [
    *("response.output_item.added", "response.function_call_arguments.delta"),
    *("response.function_call_arguments.done", "response.output_item.done"),
]


async def streamed(caller: Caller, body: dict[str, Any]) -> list[Event]:
    return read((await caller.post(PATH, {**body, "stream": True})).text)


def in_order(events: list[Event]) -> list[str]:
    """The names of the events; a run of deltas counts as one."""
    names: list[str] = []
    for name, _ in events:
        if not (name.endswith(".delta") and names and names[-1] == name):
            names.append(name)
    return names


# ── What is answered ────────────────────────────────────────────────────────────────────────────


async def test_an_answer_that_is_one_piece_is_the_whole_object_and_a_line_end(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said("Paris", " is it"), DONE)

    response = await alice.post(PATH, {**HELLO, "max_output_tokens": 9, "temperature": 0.5})

    assert response.headers["Content-Type"] == "application/json"
    assert response.content.endswith(b"}\n")
    answer = response.json()
    assert list(answer) == FIELDS
    told = {name: answer[name] for name in FIELDS if name not in ("id", "created_at", "output")}
    assert isinstance(told.pop("completed_at"), int)
    assert told == {
        "object": "response",
        "status": "completed",
        "incomplete_details": None,
        "model": "smollm2:135m",
        "previous_response_id": None,
        "instructions": None,
        "error": None,
        "tools": [],
        "tool_choice": "auto",
        "truncation": "disabled",
        "parallel_tool_calls": True,
        "text": {"format": {"type": "text"}},
        "top_p": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_logprobs": 0,
        "temperature": 0.5,
        "reasoning": None,
        "usage": {
            "input_tokens": STATS.prompt_tokens,
            "output_tokens": STATS.answer_tokens,
            "total_tokens": STATS.prompt_tokens + STATS.answer_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
        "max_output_tokens": 9,
        "max_tool_calls": None,
        "store": False,
        "background": False,
        "service_tier": "default",
        "metadata": {},
        "safety_identifier": None,
        "prompt_cache_key": None,
    }
    (item,) = answer["output"]
    part = {"type": "output_text", "text": "Paris is it", "annotations": [], "logprobs": []}
    assert item.pop("id").startswith("msg_")
    assert item == {
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }


async def test_a_stream_announces_writes_and_shows_each_item(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(*thought("hm"), *said("I ", "look"), CALL, AGAIN, DONE)

    events = await streamed(alice, HELLO)

    whole = [*OPENING, *THOUGHT, *SPOKEN, *CALLED, *CALLED, "response.completed"]
    assert in_order(events) == whole
    assert [told["sequence_number"] for _, told in events] == list(range(len(events)))
    assert [list(told)[:2] for _, told in events] == [["type", "sequence_number"]] * len(events)
    created, _in_progress, *_, completed = (told for _, told in events)
    assert list(created["response"]) == list(completed["response"]) == FIELDS
    assert (created["response"]["status"], created["response"]["usage"]) == ("in_progress", None)
    shown = [told["item"] for name, told in events if name == "response.output_item.done"]
    assert completed["response"]["output"] == shown
    assert [item["type"] for item in shown] == [
        *("reasoning", "message", "function_call", "function_call"),
    ]
    assert len({item["id"] for item in shown}) == 4


async def test_deltas_add_up_to_what_is_shown_at_the_end_of_their_item(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(*thought("h", "m"), *said("I ", "look"), CALL, DONE)

    events = await streamed(alice, HELLO)

    for kind, text in (
        ("response.reasoning_summary_text", "hm"),
        ("response.output_text", "I look"),
        ("response.function_call_arguments", '{"z":"Paris"}'),
    ):
        deltas = [told["delta"] for name, told in events if name == f"{kind}.delta"]
        (done,) = [told for name, told in events if name == f"{kind}.done"]
        assert "".join(deltas) == done.get("text", done.get("arguments")) == text
    for name, told in events:
        if "item_id" in told:
            (item,) = [
                other["item"]
                for each, other in events
                if each == "response.output_item.added"
                and other["output_index"] == told["output_index"]
            ]
            assert item["id"] == told["item_id"], name


async def test_one_piece_holds_the_items_that_a_stream_shows(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(*thought("hm"), *said("I look"), CALL, DONE)

    *_, (_, completed) = await streamed(alice, HELLO)
    whole = (await alice.post(PATH, HELLO)).json()

    in_stream, at_once = (
        [{name: value for name, value in item.items() if name != "id"} for item in output]
        for output in (completed["response"]["output"], whole["output"])
    )
    assert in_stream == at_once
    assert at_once[0] == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "hm",
    }
    assert at_once[2] == {
        "type": "function_call",
        "status": "completed",
        "call_id": "call_abcd1234",
        "name": "get_weather",
        "arguments": '{"z":"Paris"}',
    }


async def test_a_call_alone_is_the_only_item(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(CALL, DONE)

    events = await streamed(alice, HELLO)
    whole = (await alice.post(PATH, HELLO)).json()

    assert in_order(events) == [*OPENING, *CALLED, "response.completed"]
    assert [item["type"] for item in whole["output"]] == ["function_call"]


def test_text_behind_a_call_is_dropped() -> None:
    form = responses.Events(answer_id=uuid4(), asked=responses_reading.read(HELLO))

    body = form.said(Said(calls=(CALL.call,))) + form.said(Said(text="Done.")) + form.finished(DONE)

    assert in_order(read(body)) == [*OPENING, *CALLED, "response.completed"]


async def test_an_empty_answer_is_an_empty_message(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(DONE)

    events = await streamed(alice, HELLO)
    whole = (await alice.post(PATH, HELLO)).json()

    spoken = [name for name in SPOKEN if not name.endswith(".delta")]
    assert in_order(events) == [*OPENING, *spoken, "response.completed"]
    assert [item["content"][0]["text"] for item in whole["output"]] == [""]


async def test_an_answer_that_was_cut_short_says_why(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said("Par"), protocol.End(why="length", stats=STATS))

    whole = (await alice.post(PATH, HELLO)).json()
    *_, (name, last) = await streamed(alice, HELLO)

    assert name == "response.completed"
    for response in (whole, last["response"]):
        assert response["status"] == "completed"
        assert response["incomplete_details"] == {"reason": "max_output_tokens"}


async def test_thinking_that_was_switched_off_is_not_shown(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(*thought("hm"), *said("Yes"), DONE)

    whole = (await alice.post(PATH, {**HELLO, "reasoning": {"effort": "none"}})).json()

    assert [item["type"] for item in whole["output"]] == ["message"]
    assert worker.taken[0].think is False


async def test_what_was_asked_stands_in_the_answer_again(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    schema = {"type": "json_schema", "name": "facts", "schema": {"type": "object"}}
    asked = {
        "instructions": "Be brief.",
        "tools": [WEATHER],
        "text": {"format": schema, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "top_p": 0.25,
    }

    whole = (await alice.post(PATH, {**HELLO, **asked})).json()

    told = {name: whole[name] for name in asked}
    assert told == {**asked, "text": {"format": schema}}


# ── What is understood ──────────────────────────────────────────────────────────────────────────


async def test_items_become_turns(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    call = {"type": "function_call", "name": "get_weather", "arguments": '{"z":"Paris"}'}
    items = [
        {"role": "user", "content": "Weather?"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "hm"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "I look."}],
        },
        {**call, "call_id": "a"},
        {**call, "call_id": "b"},
        {"type": "function_call_output", "call_id": "a", "output": "Rain"},
        {
            "type": "function_call_output",
            "call_id": "b",
            "output": [{"type": "input_text", "text": "Wi"}, {"type": "input_text", "text": "nd"}],
        },
        {"type": "reasoning", "encrypted_content": "again"},
        {**call, "call_id": "c"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "function_call_output", "call_id": "c", "output": "Sun"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "And "},
                {"type": "input_image", "image_url": PICTURE},
                {"type": "input_text", "text": "this?"},
            ],
        },
    ]

    await alice.post(PATH, {**HELLO, "instructions": "Be brief.", "input": items})

    (request,) = worker.taken
    calls = {
        each: protocol.ToolCall(name="get_weather", arguments='{"z":"Paris"}', id=each)
        for each in "abc"
    }
    assert request.messages == (
        protocol.Message(role="system", content="Be brief."),
        protocol.Message(role="user", content="Weather?"),
        protocol.Message(
            role="assistant",
            content="I look.",
            thinking="hm",
            tool_calls=(calls["a"], calls["b"]),
        ),
        protocol.Message(role="tool", content="Rain", tool_name="get_weather", tool_call_id="a"),
        protocol.Message(role="tool", content="Wind", tool_name="get_weather", tool_call_id="b"),
        protocol.Message(role="assistant", content="", thinking="again", tool_calls=(calls["c"],)),
        protocol.Message(role="tool", content="Sun", tool_name="get_weather", tool_call_id="c"),
        protocol.Message(role="user", content="And [img]this?", images=(b"hello",)),
    )


async def test_what_was_thought_last_is_not_lost(
    alice: Caller, model: Model, worker: Worker
) -> None:
    items = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"type": "reasoning", "encrypted_content": "hm"},
    ]

    await alice.post(PATH, {**HELLO, "input": items})

    assert [(each.role, each.content, each.thinking) for each in worker.taken[0].messages] == [
        ("system", "Be brief.", ""),
        ("user", "Hello", ""),
        ("assistant", "", "hm"),
    ]


async def test_the_answer_of_one_request_is_understood_by_the_next(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    worker.will(*thought("hm"), *said("I look."), CALL, DONE)
    first = (await alice.post(PATH, {**HELLO, "tools": [WEATHER]})).json()

    result = {"type": "function_call_output", "call_id": "call_abcd1234", "output": "Rain"}
    asked = [{"role": "user", "content": "Hello"}, *first["output"], result]
    await alice.post(PATH, {**HELLO, "input": asked})

    _, answered, told = worker.taken[1].messages
    assert (answered.thinking, answered.content) == ("hm", "I look.")
    assert answered.tool_calls == (CALL.call,)
    assert (told.content, told.tool_name) == ("Rain", "get_weather")


async def test_tools_are_functions_and_those_of_a_namespace_go_by_both_names(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    bare = {"type": "function", "name": "add"}
    tools = [
        WEATHER,
        {"type": "namespace", "name": "sums", "tools": [bare]},
        {"type": "web_search"},
        {"type": "local_shell"},
    ]

    await alice.post(PATH, {**HELLO, "tools": tools})

    told = {name: WEATHER[name] for name in ("name", "description", "parameters")}
    assert json.loads(worker.taken[0].tools) == [
        {"type": "function", "function": told},
        {"type": "function", "function": {"name": "sums.add"}},
    ]


async def test_their_fields_become_our_options(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=ABLE, parameters={"top_p": 0.3})
    asked = {"max_output_tokens": 5, "temperature": 0.2, "top_p": 0.4}

    await alice.post(PATH, HELLO)
    await alice.post(PATH, {**HELLO, **asked, "reasoning": {"effort": "xhigh"}})

    plain, chosen = worker.taken
    assert plain.options == protocol.Options(temperature=1.0, top_p=0.3)
    assert chosen.options == protocol.Options(num_predict=5, temperature=0.2, top_p=0.4)
    assert (plain.think, chosen.think) == (None, "max")


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, protocol.Format()),
        (
            {"type": "json_schema", "name": "x", "schema": {"type": "object"}},
            protocol.Format(schema='{"type": "object"}'),
        ),
    ],
)
async def test_the_form_of_the_text_reaches_the_worker(
    alice: Caller,
    model: Model,
    worker: Worker,
    wanted: dict[str, Any],
    meant: protocol.Format | None,
) -> None:
    await alice.post(PATH, {**HELLO, "text": {"format": wanted}})

    assert worker.taken[0].format == meant


async def test_what_names_an_earlier_answer_is_passed_over(
    alice: Caller, model: Model, worker: Worker
) -> None:
    ignored = {"previous_response_id": "resp_1", "store": True, "tool_choice": "required"}

    answer = (await alice.post(PATH, {**HELLO, **ignored})).json()

    assert (answer["previous_response_id"], answer["store"]) == (None, False)
    assert (answer["tool_choice"], len(worker.taken[0].messages)) == ("auto", 1)


DEEP: Any = {}
for _ in range(480):
    DEEP = {"x": DEEP}


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"model": ""}, 400, "model is required"),
        ({"model": "absent"}, 404, "model 'absent' not found; you may use: smollm2:135m"),
        ({"input": ""}, 400, "input is required"),
        ({"input": None}, 400, "input is required"),
        ({"input": 5}, 400, "input must be a string or array"),
        (
            {"input": ["Hello"]},
            400,
            "json: cannot unmarshal string into Go struct field ResponsesRequest.input"
            " of type openai.ResponsesInputItem",
        ),
        ({"input": [{"type": "item_reference"}]}, 400, "unknown input item type: item_reference"),
        ({"input": [{"content": "Hello"}]}, 400, "unknown input item type: "),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            400,
            "file inputs are not currently supported",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_video"}]}]},
            400,
            "unknown content type: input_video",
        ),
        (
            {
                "input": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "input_image", "image_url": "https://x.example/a.png"}
                        ],
                    }
                ]
            },
            400,
            "image URLs are not currently supported, please use base64 encoded data instead",
        ),
        (
            {"input": [{"type": "function_call", "name": "f", "arguments": "oops"}]},
            400,
            "invalid tool call arguments",
        ),
        ({"text": {"format": {"type": "xml"}}}, 400, 'text.format "xml" is not known'),
        ({"text": {"format": {"type": 1}}}, 400, 'text.format "number" is not known'),
        (
            {"text": {"format": {"type": "json_schema"}}},
            400,
            "text.format needs a schema object",
        ),
        (
            {"reasoning": {"effort": "huge"}},
            400,
            'invalid reasoning value: "huge" (must be "minimal", "low", "medium", "high", "xhigh",'
            ' "ultra", "max", or "none")',
        ),
        (
            {"tools": [{"type": "web_search_preview"}]},
            403,
            "ollama cloud is disabled: web search is unavailable",
        ),
        ({"tools": [{**WEATHER, "parameters": DEEP}]}, 400, "exceeded max depth"),
    ],
)
async def test_what_cannot_be_done_is_said_in_their_shape(
    alice: Caller, model: Model, worker: Worker, change: dict[str, Any], status: int, sentence: str
) -> None:
    response = await alice.post(PATH, {**HELLO, **change})

    kind = {400: "invalid_request_error", 404: "not_found_error"}.get(status, "api_error")
    error = {"message": sentence, "type": kind, "param": None, "code": None}
    assert (response.status_code, response.json()) == (status, {"error": error})
    assert worker.taken == []


# ── Packed bodies ───────────────────────────────────────────────────────────────────────────────


async def packed(caller: Caller, body: bytes) -> Any:
    headers = {**caller.headers, "Content-Encoding": "zstd"}
    return await caller.http.post(PATH, content=body, headers=headers)


async def test_a_packed_body_is_unpacked(alice: Caller, model: Model, worker: Worker) -> None:
    body = zstandard.compress(json.dumps({**HELLO, "input": "Grüße " * 1000}).encode())

    response = await packed(alice, body)

    assert response.status_code == 200
    assert worker.taken[0].messages[0].content == "Grüße " * 1000


@pytest.mark.threat("C15")
@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"not packed at all", 400, "the body is not what zstd makes"),
        (zstandard.compress(b'{"model":"x"}')[:-3], 400, "unexpected EOF"),
        (
            zstandard.compress(b" " * (compressed.MAX_UNPACKED_BYTES + 1)),
            413,
            "the request is larger than 20 MiB when it is unpacked",
        ),
        (zstandard.compress(b" " * 1000) * 2, 400, "EOF"),
    ],
    ids=["not packed", "cut", "bomb", "empty"],
)
async def test_a_body_that_is_not_well_packed_or_too_large_is_refused(
    alice: Caller, model: Model, body: bytes, status: int, sentence: str
) -> None:
    response = await packed(alice, body)

    assert (response.status_code, response.json()["error"]["message"]) == (status, sentence)


@pytest.mark.threat("C15")
async def test_a_body_that_would_hold_much_memory_while_it_is_unpacked_is_refused(
    alice: Caller, model: Model
) -> None:
    far = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    packing = zstandard.ZstdCompressor(compression_params=far).compressobj()
    body = packing.compress(json.dumps(HELLO).encode()) + packing.flush()

    response = await packed(alice, body)

    sentence = "the body is not what zstd makes"
    assert (response.status_code, response.json()["error"]["message"]) == (400, sentence)


@pytest.mark.threat("C7")
async def test_what_would_be_said_again_is_bounded_before_it_is_written(
    alice: Caller, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of tools that are left out: they stand in each object of the answer."""
    monkeypatch.setattr(responses_reading, "MAX_ECHOED_CHARS", 50)
    tools = [{"type": "file_search", "vector_store_ids": ["x" * 50]}]

    answer = await alice.post(PATH, {**HELLO, "tools": tools})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "the tools are too long"
