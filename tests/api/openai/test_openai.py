"""/v1, as OpenAI's clients know it."""

import json
from typing import Any

import pytest

from inference import protocol
from portal.catalog.models import Model
from tests.api.conftest import DONE, STATS, Caller, Worker, in_thread, make_model, said, thought

HELLO = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}]}
CHAT = "/v1/chat/completions"
PIXEL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}


def events(body: str) -> list[Any]:
    """The data of each event; comments are passed over as readers do."""
    blocks = body.split("\n\n")
    assert blocks.pop() == ""
    data = [block.removeprefix("data: ") for block in blocks if not block.startswith(":")]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


async def test_a_stream_is_role_deltas_finish_with_usage_and_done(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said("Paris", " is it"), DONE)

    response = await alice.post(CHAT, {**HELLO, "stream": True})

    assert response.headers["Content-Type"] == "text/event-stream"
    role, *deltas, finish, done = events(response.text)
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(each["choices"][0]["delta"]["content"] for each in deltas) == "Paris is it"
    assert finish["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert finish["usage"] == {
        "prompt_tokens": STATS.prompt_tokens,
        "completion_tokens": STATS.answer_tokens,
        "total_tokens": STATS.prompt_tokens + STATS.answer_tokens,
    }
    assert done == "[DONE]"
    assert len({each["id"] for each in (role, *deltas, finish)}) == 1
    assert all(each["object"] == "chat.completion.chunk" for each in (role, *deltas, finish))


async def test_usage_stands_apart_when_it_was_asked_for(
    alice: Caller, model: Model, worker: Worker
) -> None:
    wants = {"stream": True, "stream_options": {"include_usage": True}}

    *_, finish, usage, _done = events((await alice.post(CHAT, {**HELLO, **wants})).text)

    assert "usage" not in finish
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 38


async def test_without_stream_the_answer_is_one_object_and_a_line_end(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said("Paris", " is it"), protocol.End(why="length", stats=STATS))

    response = await alice.post(CHAT, HELLO)

    assert response.content.endswith(b"}\n")
    answer = response.json()
    assert list(answer) == [
        *("id", "object", "created", "model", "system_fingerprint", "choices", "usage"),
    ]
    assert answer["object"] == "chat.completion"
    message = {"role": "assistant", "content": "Paris is it"}
    assert answer["choices"] == [{"index": 0, "message": message, "finish_reason": "length"}]


async def test_thinking_comes_before_the_answer_under_both_names(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=["completion", "thinking"])
    worker.will(*thought("hm"), *said("Yes"), DONE)

    streamed = events((await alice.post(CHAT, {**HELLO, "stream": True})).text)
    whole = (await alice.post(CHAT, HELLO)).json()
    silent = (await alice.post(CHAT, {**HELLO, "reasoning_effort": "none"})).json()

    deltas = [each["choices"][0]["delta"] for each in streamed[:-1]]
    assert "".join(each.get("reasoning_content", "") for each in deltas) == "hm"
    assert [each for each in deltas if "reasoning" in each and "content" in each] == []
    assert whole["choices"][0]["message"] == {
        "role": "assistant",
        "content": "Yes",
        "reasoning_content": "hm",
        "reasoning": "hm",
    }
    assert silent["choices"][0]["message"] == {"role": "assistant", "content": "Yes"}


async def test_their_defaults_and_fields_become_our_options(
    alice: Caller, model: Model, worker: Worker
) -> None:
    asked = {"max_tokens": 5, "temperature": 0.3, "stop": "###", "seed": 3, "presence_penalty": 1}

    await alice.post(CHAT, HELLO)
    await alice.post(CHAT, {**HELLO, **asked})

    plain, chosen = (request.options for request in worker.taken)
    assert plain == protocol.Options(temperature=1.0, top_p=1.0)
    assert chosen == protocol.Options(
        num_predict=5, temperature=0.3, top_p=1.0, stop=("###",), seed=3, presence_penalty=1.0
    )


async def test_parts_of_text_and_odd_roles_are_understood(
    alice: Caller, model: Model, worker: Worker
) -> None:
    call = {"name": "f", "arguments": "{}"}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "x", "function": call}]},
        {"role": "user", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]},
    ]

    await alice.post(CHAT, {**HELLO, "messages": messages})

    assert [(each.role, each.content) for each in worker.taken[0].messages] == [
        ("system", "Be brief."),
        ("assistant", ""),
        ("user", "A\n\nB"),
    ]


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"messages": []}, 400, "[] is too short - 'messages'"),
        ({"model": ""}, 400, "model is required"),
        ({"messages": [{"role": "user"}]}, 400, "invalid message content type: <nil>"),
        ({"messages": [{"role": "user", "content": [1]}]}, 400, "invalid message format"),
        ({"messages": [{"role": "an owner", "content": "x"}]}, 400, 'invalid role: "an owner"'),
        (
            {"messages": [{"role": "user", "content": [PIXEL]}]},
            400,
            "Invalid content type. image_url is only supported by certain models.",
        ),
        (
            {"temperature": "hot"},
            400,
            "json: cannot unmarshal string into Go struct field"
            " ChatCompletionRequest.temperature of type float64",
        ),
        (
            {"reasoning_effort": "huge"},
            400,
            'invalid reasoning value: "huge" (must be "minimal", "low", "medium", "high", "xhigh",'
            ' "ultra", "max", or "none")',
        ),
        ({"reasoning_effort": "low"}, 400, '"smollm2:135m" does not support thinking'),
        (
            {"tools": [{"type": "function"}]},
            400,
            "registry.ollama.ai/library/smollm2:135m does not support tools",
        ),
        (
            {"response_format": {"type": "xml"}},
            400,
            'response_format "xml" is not known',
        ),
        (
            {"response_format": {"type": "json_schema"}},
            400,
            "response_format needs a json_schema.schema object",
        ),
        (
            {"logprobs": True, "top_logprobs": 21},
            400,
            "top_logprobs must be between 0 and 20",
        ),
        ({"model": "absent"}, 404, "model 'absent' not found; you may use: smollm2:135m"),
    ],
)
async def test_what_cannot_be_done_is_said_in_their_shape(
    alice: Caller, model: Model, worker: Worker, change: dict[str, Any], status: int, sentence: str
) -> None:
    response = await alice.post(CHAT, {**HELLO, **change})

    kind = {400: "invalid_request_error", 404: "not_found_error"}[status]
    error = {"message": sentence, "type": kind, "param": None, "code": None}
    assert (response.status_code, response.json()) == (status, {"error": error})
    assert response.content.endswith(b"}\n")
    assert worker.taken == []


async def test_an_empty_body_is_called_eof(alice: Caller) -> None:
    response = await alice.http.post(CHAT, content=b"", headers=alice.headers)

    assert (response.status_code, response.json()["error"]["message"]) == (400, "EOF")


async def test_models_are_listed_with_what_clients_can_use(alice: Caller) -> None:
    await in_thread(make_model)("me/llava:7b", capabilities=["completion", "vision"])

    listed = (await alice.get("/v1/models")).json()
    one = (await alice.get("/v1/models/me/llava:7b")).json()

    (item,) = listed["data"]
    assert listed["object"] == "list"
    assert list(item) == [
        *("id", "object", "created", "owned_by", "name", "context_length", "architecture"),
    ]
    assert (item["id"], item["object"], item["owned_by"]) == ("me/llava:7b", "model", "me")
    assert item["context_length"] == 4096
    assert item["architecture"] == {"input_modalities": ["text", "image"]}
    assert one == item


async def test_a_model_that_is_not_there_is_a_404_in_their_shape(alice: Caller) -> None:
    response = await alice.get("/v1/models/absent")

    assert response.status_code == 404
    assert response.json()["error"]["type"] == "not_found_error"
    assert response.json()["error"]["message"] == "model 'absent' not found"


@pytest.mark.parametrize(
    "path",
    [
        "/chat/completions",
        "/api/v1/chat/completions",
        "//v1//chat/completions",
        "/v1/chat/completions/",
        "/v1/v1/chat/completions",
    ],
)
async def test_the_aliases_answer_the_same(
    alice: Caller, model: Model, worker: Worker, path: str
) -> None:
    response = await alice.post(path, HELLO)

    assert response.json()["choices"][0]["message"]["content"] == "Hello there"


async def test_the_list_answers_without_v1(alice: Caller, model: Model) -> None:
    assert (await alice.get("/models")).json() == (await alice.get("/v1/models")).json()
