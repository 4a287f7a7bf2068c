"""A tool is called and answered through the doors, by the engine with a scripted model."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from inference import protocol
from inference.engine import updates
from inference.engine.engine import Engine, EngineLimits
from inference.engine.scripted import ScriptedBackend, ScriptedVocabulary, read_script
from inference.engine.updates import Update
from portal.api.streaming import ended
from portal.streams import connection
from tests.api.conftest import Caller, Worker, in_thread, make_model
from tests.api.test_calling import ABLE, HELLO, MESSAGES, NATIVE, OPENAI, chunks, lines
from tests.inference.engine.families import QWEN3


class Thinker(Worker):
    """Answers as the engine does, with a scripted model of a family that calls tools."""

    async def _play(self, generation_id: UUID) -> None:
        data = await connection.async_client().get(protocol.request_key(generation_id))
        self.will(*await in_thread(_answered)(protocol.decode_request(data)))
        await super()._play(generation_id)


def _answered(request: protocol.Request) -> list[protocol.Event]:
    script = [
        {"when": "<tool_response>", "says": "It rains."},
        {
            "says": "<think>Hm.</think>I look.\n<tool_call>\n"
            '{"name": "get_weather", "arguments": {"z": "Paris"}}\n</tool_call>'
        },
    ]
    engine = Engine(
        ScriptedBackend(
            read_script(json.dumps(script)),
            context_length=4096,
            slots=1,
            vocabulary=ScriptedVocabulary(template=QWEN3.template),
        ),
        clock=lambda: 0.0,
        limits=EngineLimits(),
        about_to_run=lambda _: None,
    )
    try:
        engine.submit(request)
        happened: list[Update] = []
        while not engine.is_idle:
            happened.extend(engine.step())
    finally:
        engine.close()
    return [event for update in happened for event in _events(update)]


def _events(update: Update) -> list[protocol.Event]:
    match update:
        case updates.Said(text=text, kind=kind):
            return [protocol.Piece(text=text, kind=kind)]
        case updates.Called(call=call):
            return [protocol.Called(call=call)]
        case updates.Over(why=why, detail=detail, stats=stats):
            return [protocol.End(why=why, detail=detail, stats=stats)]
        case _:
            return []


@pytest.fixture
async def thinker(http: httpx.AsyncClient) -> AsyncIterator[Worker]:
    thinker = Thinker()
    task = asyncio.create_task(thinker.run())
    yield thinker
    await ended(task)


@pytest.mark.parametrize("is_streaming", [True, False])
async def test_a_tool_is_called_and_its_result_answered_through_the_native_door(
    alice: Caller, thinker: Worker, is_streaming: bool
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    body = {**HELLO, "stream": is_streaming, "think": True}

    first = lines((await alice.post(NATIVE, body)).content)
    (call,) = [call for line in first for call in line["message"].get("tool_calls", [])]
    again = [
        *MESSAGES,
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "content": "Rain", "tool_name": "get_weather"},
    ]
    second = lines((await alice.post(NATIVE, {**body, "messages": again})).content)

    assert "".join(line["message"]["content"] for line in first) == "I look."
    assert "".join(line["message"].get("thinking", "") for line in first) == "Hm."
    assert re.fullmatch(r"call_[a-z0-9]{8}", call["id"])
    assert call["function"] == {
        "index": 0,
        "name": "get_weather",
        "arguments": {"z": "Paris"},
    }
    assert first[-1]["done_reason"] == "stop"
    assert "".join(line["message"]["content"] for line in second) == "It rains."


@pytest.mark.parametrize("is_streaming", [True, False])
async def test_a_tool_is_called_and_its_result_answered_through_the_other_door(
    alice: Caller, thinker: Worker, is_streaming: bool
) -> None:
    await in_thread(make_model)(capabilities=ABLE)
    body = {**HELLO, "stream": is_streaming}

    first = (await alice.post(OPENAI, body)).content
    told = chunks(first) if is_streaming else [json.loads(first)]
    parts = [
        choice.get("delta", choice.get("message")) for each in told for choice in each["choices"]
    ]
    (call,) = [call for part in parts for call in part.get("tool_calls", [])]
    again = [
        *MESSAGES,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "Rain", "tool_call_id": call["id"]},
    ]
    second = (await alice.post(OPENAI, {**HELLO, "messages": again})).json()

    assert "".join(part.get("content") or "" for part in parts) == "I look."
    assert "".join(part.get("reasoning", "") for part in parts) == "Hm."
    assert call["function"] == {"name": "get_weather", "arguments": '{"z":"Paris"}'}
    assert told[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert second["choices"][0]["message"]["content"] == "It rains."
    assert second["choices"][0]["finish_reason"] == "stop"
