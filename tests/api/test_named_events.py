"""What both newer dialects promise of their streams: headers, waiting, breaking, and no seams."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, cast
from uuid import UUID, uuid4

import anthropic
import httpx
import httpx2
import openai
import pytest
from django.http import StreamingHttpResponse
from hypothesis import given
from hypothesis import strategies as st

from inference import protocol
from portal.api import asking, streaming, suggesting
from portal.api.anthropic import messages, messages_reading
from portal.api.openai import completions, responses, responses_reading
from portal.api.streaming import Pace
from portal.catalog.models import Model
from tests.api.conftest import DONE, Caller, Worker, said, until
from tests.api.named_events import Event, read

RESPONSES: tuple[str, dict[str, Any]] = (
    "/v1/responses",
    {"model": "smollm2:135m", "input": "Hello"},
)
MESSAGES: tuple[str, dict[str, Any]] = (
    "/v1/messages",
    {
        "model": "smollm2:135m",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hello"}],
    },
)
COMPLETIONS: tuple[str, dict[str, Any]] = (
    "/v1/completions",
    {"model": "smollm2:135m", "prompt": "Hello"},
)
both = pytest.mark.parametrize(("path", "body"), [RESPONSES, MESSAGES], ids=["openai", "anthropic"])
all_three = pytest.mark.parametrize(
    ("path", "body"), [RESPONSES, MESSAGES, COMPLETIONS], ids=["responses", "messages", "older"]
)
CLOSING = (b"response.completed", b"message_stop", b"[DONE]", b'"finish_reason":"')
SHORT = Pace(opening_seconds=0.0, heartbeat_seconds=0.01)


async def stream_of(
    caller: Caller, path: str, body: dict[str, Any], *, pace: Pace
) -> AsyncGenerator[bytes, None]:
    """What is written, part by part, as the server would send it."""
    question, form_of = _readers(path, body)
    answer = await suggesting.begun(caller.person, question)
    response = await streaming.open_stream(answer, form_of(answer.generation_id), pace=pace)
    assert isinstance(response, StreamingHttpResponse)
    return cast(AsyncGenerator[bytes, None], response.__aiter__())


def _readers(
    path: str, body: dict[str, Any]
) -> tuple[asking.Question, Callable[[UUID], streaming.Form]]:
    if path == "/v1/responses":
        newer = responses_reading.read(body)
        return newer.question, lambda answer_id: responses.Events(answer_id=answer_id, asked=newer)
    if path == "/v1/messages":
        other = messages_reading.read(body)
        return other.question, lambda answer_id: messages.Events(answer_id=answer_id, asked=other)
    older = completions.read_completion(body)
    return older.question, lambda answer_id: completions.chunks_of(older, answer_id)


@both
async def test_a_stream_has_the_headers_that_these_dialects_add(
    alice: Caller, model: Model, worker: Worker, path: str, body: dict[str, Any]
) -> None:
    headers = (await alice.post(path, {**body, "stream": True})).headers

    assert headers["Content-Type"] == "text/event-stream"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Connection"] == "keep-alive"


@pytest.mark.threat("C21")
@all_three
async def test_any_script_arrives_whole_and_no_byte_could_be_cut_in_two(
    alice: Caller, model: Model, worker: Worker, path: str, body: dict[str, Any]
) -> None:
    worker.will(*said("你好，", "👋🏽 <b>&", "\u2028 Grüße"), DONE)

    streamed = (await alice.post(path, {**body, "stream": True})).content

    assert streamed.isascii()
    data = [line for line in streamed.decode().splitlines() if line.startswith("data: {")]
    told = [json.loads(line.removeprefix("data: ")) for line in data]
    texts = [_text_of(each) for each in told]
    assert "".join(texts) == "你好，👋🏽 <b>&\u2028 Grüße"


def _text_of(event: dict[str, Any]) -> str:
    if event.get("object") == "text_completion":
        return str(event["choices"][0]["text"])
    if event["type"] == "response.output_text.delta":
        return str(event["delta"])
    if event["type"] == "content_block_delta":
        return str(event["delta"]["text"])
    return ""


@both
async def test_who_waits_is_told_at_once_that_it_has_begun_and_then_by_comments(
    alice: Caller, model: Model, worker: Worker, path: str, body: dict[str, Any]
) -> None:
    goes_on = asyncio.Event()
    worker.will(goes_on, *said("Hello"), DONE)
    stream = await stream_of(alice, path, body, pace=SHORT)

    first, second = await anext(stream), await anext(stream)
    goes_on.set()
    rest = b"".join([part async for part in stream])

    assert first.startswith((b"event: response.created\n", b"event: message_start\n"))
    assert second == b": working\n\n"
    assert sum(part.count(b"response.created") for part in (first, rest)) <= 2
    assert b"Hello" in rest


@pytest.mark.threat("C20")
@all_three
@pytest.mark.parametrize(
    "end",
    [
        protocol.End(why="interrupted", detail="died"),
        protocol.End(why="failed", detail="quarantined"),
        protocol.End(why="stopped"),
    ],
    ids=lambda end: end.detail or end.why,
)
async def test_a_stream_that_broke_ends_with_an_error_and_no_closing_mark(
    alice: Caller,
    model: Model,
    worker: Worker,
    path: str,
    body: dict[str, Any],
    end: protocol.End,
) -> None:
    breaks = asyncio.Event()
    worker.will(*said("Par"), breaks, end)
    stream = await stream_of(alice, path, body, pace=Pace(opening_seconds=0.0))
    written = b""
    while b"Par" not in written:
        written += await anext(stream)
    breaks.set()
    written += b"".join([part async for part in stream])

    last = json.loads(written.strip().splitlines()[-1].removeprefix(b"data: "))
    assert last["error"]["message"]
    assert not [mark for mark in CLOSING if mark in written]


@pytest.mark.threat("C20")
@both
async def test_what_went_wrong_in_the_middle_is_told_to_every_kind_of_client(
    alice: Caller, model: Model, worker: Worker, path: str, body: dict[str, Any]
) -> None:
    breaks = asyncio.Event()
    worker.will(*said("Par"), breaks, protocol.End(why="interrupted", detail="died"))
    stream = await stream_of(alice, path, body, pace=Pace(opening_seconds=0.0))
    written = b""
    while b"Par" not in written:
        written += await anext(stream)
    breaks.set()
    written += b"".join([part async for part in stream])

    events = read(written.decode())
    name, last = events[-1]
    sentence = "the model stopped working in mid-answer; the answer is not complete"
    assert (name, last["error"]["message"]) == ("error", sentence)
    assert not [mark for mark in CLOSING if mark in written]
    if path == "/v1/responses":
        failed, told = events[-2]
        assert failed == "response.failed"
        assert told["response"]["status"] == "failed"
        assert told["response"]["error"] == {"code": "server_error", "message": sentence}
        assert (last["message"], last["code"], last["param"]) == (sentence, None, None)
    else:
        assert last["error"]["type"] == "api_error"
        assert last["request_id"].startswith("req_")


@pytest.mark.threat("F13")
@both
async def test_who_stops_reading_stops_the_answer(
    alice: Caller, model: Model, worker: Worker, path: str, body: dict[str, Any]
) -> None:
    worker.will(*said("Par"), asyncio.Event(), DONE)
    stream = await stream_of(alice, path, body, pace=Pace(opening_seconds=0.0))
    while b"Par" not in await anext(stream):
        pass

    await stream.aclose()

    await until(lambda: worker.stopped)


# ── What the published packages make of it ──────────────────────────────────────────────────────


@pytest.fixture
async def wire(http: httpx.AsyncClient) -> AsyncIterator[httpx2.AsyncClient]:
    """The application as the packages reach it, without a network."""
    from portal.asgi import application

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=application)) as wire:
        yield wire


@pytest.mark.threat("C20")
async def test_anthropics_package_keeps_what_was_said_and_raises(
    alice: Caller, model: Model, worker: Worker, wire: httpx2.AsyncClient
) -> None:
    worker.will(*said("Half of it"), protocol.End(why="interrupted", detail="died"))
    client = anthropic.AsyncAnthropic(
        base_url="http://testserver", api_key=alice.key, http_client=wire, max_retries=0
    )
    events: list[Any] = []

    with pytest.raises(anthropic.APIStatusError, match="not complete"):
        await _heard(events, await client.messages.create(**MESSAGES[1], stream=True))

    assert events[-1].delta.text == "Half of it"


@pytest.mark.threat("C20")
async def test_openais_package_keeps_what_was_said_and_raises(
    alice: Caller, model: Model, worker: Worker, wire: httpx2.AsyncClient
) -> None:
    worker.will(*said("Half of it"), protocol.End(why="interrupted", detail="died"))
    client = openai.AsyncOpenAI(
        base_url="http://testserver/v1", api_key=alice.key, http_client=wire, max_retries=0
    )
    events: list[Any] = []

    with pytest.raises(openai.APIError, match="not complete"):
        await _heard(events, await client.responses.create(**RESPONSES[1], stream=True))

    assert [event.type for event in events[-2:]] == [
        *("response.output_text.delta", "response.failed"),
    ]
    assert events[-2].delta == "Half of it"


async def _heard(events: list[Any], stream: Any) -> None:
    async for event in stream:
        events.append(event)  # one by one: what comes before the error stays


# ── Whatever a model does, and in whatever pieces ───────────────────────────────────────────────

CALLS = st.builds(
    protocol.ToolCall,
    name=st.sampled_from(["f", "ns.g"]),
    arguments=st.sampled_from(["{}", '{"z":"ß","a":[1]}']),
    id=st.uuids().map(lambda each: f"call_{each.hex[:8]}"),
)
STEPS = st.lists(
    st.builds(
        streaming.Said,
        text=st.text(max_size=5),
        thinking=st.text(max_size=5),
        calls=st.lists(CALLS, max_size=2).map(tuple),
    ),
    max_size=8,
)


def written(form: streaming.Form, steps: list[streaming.Said]) -> list[Event]:
    body = form.heartbeat() + "".join(map(form.said, steps)) + form.heartbeat()
    return read(body + form.finished(DONE))


@given(STEPS)
def test_a_response_is_the_items_that_its_events_have_shown(steps: list[streaming.Said]) -> None:
    asked = responses_reading.read(RESPONSES[1])
    events = written(responses.Events(answer_id=uuid4(), asked=asked), steps)

    assert [told["sequence_number"] for _, told in events] == list(range(len(events)))
    *_, (last, completed) = events
    output = completed["response"]["output"]
    assert last == "response.completed"
    assert output == [told["item"] for name, told in events if name == "response.output_item.done"]
    for index, item in enumerate(output):
        about = [(name, told) for name, told in events if told.get("output_index") == index]
        assert about[0][0] == "response.output_item.added"
        assert about[-1][0] == "response.output_item.done"
        assert {told.get("item_id", item["id"]) for _, told in about} == {item["id"]}
        deltas = "".join(told["delta"] for name, told in about if name.endswith(".delta"))
        assert deltas == _words_of(item)
    calls = [call for step in steps for call in step.calls]
    assert [item["call_id"] for item in output if item["type"] == "function_call"] == [
        call.id for call in calls
    ]
    thoughts = "".join(step.thinking for step in steps)
    assert "".join(_words_of(item) for item in output if item["type"] == "reasoning") == thoughts


def _words_of(item: dict[str, Any]) -> str:
    if item["type"] == "reasoning":
        return str(item["encrypted_content"])
    if item["type"] == "function_call":
        return str(item["arguments"])
    return "".join(part["text"] for part in item["content"])


@given(STEPS)
def test_a_message_is_the_blocks_that_its_events_have_opened_and_closed(
    steps: list[streaming.Said],
) -> None:
    asked = messages_reading.read(MESSAGES[1])
    events = written(messages.Events(answer_id=uuid4(), asked=asked), steps)

    blocks: list[dict[str, Any]] = []
    texts: list[str] = []
    is_open = False
    for name, told in events[1:-2]:
        if name == "content_block_start":
            assert (is_open, told["index"]) == (False, len(blocks))
            is_open = True
            blocks.append(told["content_block"])
            texts.append("")
            continue
        assert (is_open, told["index"]) == (True, len(blocks) - 1)
        if name == "content_block_stop":
            is_open = False
        else:
            kind, delta = told["delta"]["type"], told["delta"]
            texts[-1] += delta[{"input_json_delta": "partial_json"}.get(kind, kind[:-6])]
    assert not is_open
    assert [name for name, _ in (events[0], *events[-2:])] == [
        *("message_start", "message_delta", "message_stop"),
    ]
    said = "".join(
        text for block, text in zip(blocks, texts, strict=True) if block["type"] == "text"
    )
    assert said == "".join(step.text for step in steps)
    called = [block["id"] for block in blocks if block["type"] == "tool_use"]
    assert called == [call.id for step in steps for call in step.calls]


@given(STEPS)
def test_what_is_one_piece_has_the_blocks_of_the_stream(steps: list[streaming.Said]) -> None:
    """The pieces of the answer put together first, as they are when nobody streams."""
    asked = messages_reading.read(MESSAGES[1])
    together = streaming.Said(
        text="".join(step.text for step in steps),
        thinking="".join(step.thinking for step in steps),
        calls=tuple(call for step in steps for call in step.calls),
    )

    whole = messages.Events(answer_id=uuid4(), asked=asked).whole(together, DONE)
    events = written(messages.Events(answer_id=uuid4(), asked=asked), [together])

    opened = [told["content_block"] for name, told in events if name == "content_block_start"]
    shown = whole["content"] or []
    assert [(block["type"], block.get("id")) for block in shown] == [
        (block["type"], block.get("id")) for block in opened
    ]
