"""A broken stream never looks finished; a waiting one lives; one that is left is stopped."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.http import StreamingHttpResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference import protocol
from portal.accounts import keys
from portal.accounts.models import KeyScope, Person
from portal.api import asking, road, streaming
from portal.api.ollama.chat import Lines
from portal.api.openai.chat import Chunks
from portal.api.streaming import Joined, Pace, Said
from portal.catalog.models import Model
from portal.chat.models import Generation, State
from portal.streams import connection
from portal.streams.deltas import Delta
from tests.api.conftest import (
    DONE,
    PATIENCE_SECONDS,
    Caller,
    Worker,
    in_thread,
    said,
    until,
)
from tests.api.old_reader import Broken, OldReader, as_chunks

HELLO = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}]}
QUESTION = asking.Question(
    model_name="smollm2:135m", messages=(protocol.Message(role="user", content="Hello"),)
)
PATHS = ["/api/chat", "/v1/chat/completions"]
ENDS_BADLY = [
    protocol.End(why="interrupted", detail="died"),
    protocol.End(why="interrupted", detail="lost"),
    protocol.End(why="failed", detail="quarantined"),
    protocol.End(why="failed", detail="something new"),
    protocol.End(why="stopped"),
]


def delta(attempt: int, first: int, last: int, text: str = "", **more: Any) -> Delta:
    return Delta(attempt=attempt, first=first, last=last, text=text, **more)


def test_an_attempt_that_repeats_what_was_kept_is_joined_without_a_seam() -> None:
    joined = Joined()

    steps = [
        *joined.add(delta(1, 1, 3, "Hello wo")),
        *joined.add(delta(2, 0, 0)),
        *joined.add(delta(2, 1, 2, "Hello")),
        *joined.add(delta(2, 3, 3, " world")),
        *joined.add(delta(2, 4, 4, "!", end=DONE)),
    ]

    assert steps == [Said(text="Hello wo"), Said(text="rld"), Said(text="!"), DONE]


@pytest.mark.threat("C20")
def test_an_attempt_that_says_something_else_breaks_the_stream() -> None:
    joined = Joined()
    joined.add(delta(1, 1, 3, "Hello"))

    assert joined.add(delta(2, 1, 2, "Bonjour")) == [streaming.LOST]


@pytest.mark.threat("C20")
def test_an_attempt_that_ends_before_what_was_sent_is_no_clean_end() -> None:
    joined = Joined()
    joined.add(delta(1, 1, 3, "Hello world"))

    assert joined.add(delta(2, 1, 2, "Hello", end=DONE)) == [streaming.LOST]


@pytest.mark.threat("C20")
def test_why_an_answer_was_given_up_is_told_whatever_was_sent_of_it() -> None:
    joined = Joined()
    joined.add(delta(1, 1, 3, "Hello world"))
    set_aside = protocol.End(why="failed", detail="quarantined")

    assert joined.add(delta(2, 0, 0, end=set_aside)) == [set_aside]


@pytest.mark.threat("C20")
def test_a_hole_in_the_numbers_breaks_the_stream() -> None:
    joined = Joined()
    joined.add(delta(1, 1, 3, "Hello"))

    assert joined.add(delta(1, 5, 5, "!")) == [streaming.LOST]


def test_what_was_said_twice_is_heard_once_and_late_words_of_the_dead_never() -> None:
    joined = Joined()
    joined.add(delta(2, 1, 3, "Hello"))

    assert joined.add(delta(2, 2, 3, "lo")) == []
    assert joined.add(delta(1, 1, 9, "old")) == []


@given(st.data())
def test_any_way_of_dying_and_going_on_gives_one_text(data: st.DataObject) -> None:
    whole = data.draw(st.text(min_size=1, max_size=40))
    joined, heard = Joined(), ""
    kept = 0
    for attempt in range(1, data.draw(st.integers(1, 4)) + 1):
        pieces = [whole[:kept], *whole[kept : data.draw(st.integers(kept, len(whole)))]]
        for number, piece in enumerate(pieces, start=1):
            for step in joined.add(delta(attempt, number, number, piece)):
                assert isinstance(step, Said)
                heard += step.text
        kept = sum(map(len, pieces))

    assert heard == whole[:kept]


@pytest.mark.threat("C20")
@pytest.mark.parametrize("end", ENDS_BADLY, ids=lambda end: end.detail or end.why)
async def test_a_stream_that_broke_ends_with_an_error_and_no_closing_mark(
    alice: Caller, model: Model, worker: Worker, end: protocol.End
) -> None:
    for form in (_lines(), _chunks()):
        breaks = asyncio.Event()
        worker.will(*said("Par"), breaks, end)
        stream = await _stream_of(alice, form)

        while b"Par" not in await anext(stream):
            pass
        breaks.set()
        rest = b"".join([part async for part in stream])

        last = json.loads(rest.strip().splitlines()[-1].removeprefix(b"data: "))
        assert list(last) == ["error"]
        for closing in (b'"done":true', b"[DONE]", b'"finish_reason":"'):
            assert closing not in rest


@pytest.mark.threat("C20")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("is_streaming", [True, False])
@pytest.mark.parametrize(
    ("detail", "native", "openai", "code"),
    [
        ("too-long", 400, 400, "context_length_exceeded"),
        ("quarantined", 400, 400, None),
        ("no-room", 503, 429, None),
        ("unloadable", 500, 500, None),
        ("template", 500, 500, None),
    ],
)
async def test_what_fails_before_the_first_word_has_a_status_of_its_own(
    alice: Caller,
    model: Model,
    worker: Worker,
    path: str,
    is_streaming: bool,
    detail: str,
    native: int,
    openai: int,
    code: str | None,
) -> None:
    worker.will(protocol.End(why="failed", detail=detail))

    response = await alice.post(path, {**HELLO, "stream": is_streaming})

    assert response.status_code == (native if path == "/api/chat" else openai)
    assert response.headers["Content-Type"].startswith("application/json")
    assert ("Retry-After" in response.headers) == (native == 503)
    if path != "/api/chat":
        assert response.json()["error"]["code"] == code


@pytest.mark.parametrize("path", PATHS)
async def test_a_full_queue_is_said_so_that_clients_wait(
    alice: Caller, model: Model, settings: Any, path: str
) -> None:
    from dataclasses import replace

    settings.PORTAL = replace(settings.PORTAL, max_queue=0)

    response = await alice.post(path, HELLO)

    assert response.status_code == (503 if path == "/api/chat" else 429)
    assert int(response.headers["Retry-After"]) > 0
    assert "server busy, please try again.  maximum pending requests exceeded" in response.text


async def test_a_request_without_end_is_told_about_the_context(
    alice: Caller, model: Model, worker: Worker
) -> None:
    endless = {"role": "user", "content": "x" * 10_000_000}

    response = await alice.post("/v1/chat/completions", {**HELLO, "messages": [endless]})

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"
    assert "longer than the context length" in response.json()["error"]["message"]


async def test_a_waiting_sse_stream_lives_and_then_answers(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.is_taking = False
    stream = await _stream_of(alice, _chunks())

    waiting = [await anext(stream) for _ in range(4)]
    worker.is_taking = True
    rest = [part async for part in stream]

    assert all(part.startswith(b": ") and part.endswith(b"\n\n") for part in waiting)
    assert rest[-1].endswith(b"data: [DONE]\n\n")


async def test_a_waiting_line_stream_sends_its_headers_and_no_empty_line(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.is_taking = False
    stream = await _stream_of(alice, _lines())

    assert await anext(stream) == b""
    worker.is_taking = True
    rest = [part async for part in stream]

    assert all(line for line in b"".join(rest).splitlines())
    assert b'"done":true' in rest[-1]


@pytest.mark.threat("F13")
@pytest.mark.parametrize("is_taken", [True, False])
async def test_a_reader_who_leaves_stops_the_answer(
    alice: Caller, model: Model, worker: Worker, is_taken: bool
) -> None:
    worker.is_taking = is_taken
    worker.will(*said("Par"), asyncio.Event(), DONE)
    stream = await _stream_of(alice, _lines())
    await anext(stream)

    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator

    generation = await in_thread(Generation.objects.get)()
    assert await connection.async_client().exists(protocol.stop_key(generation.id))
    if is_taken:
        await until(lambda: generation.id in worker.stopped)
    else:
        assert generation.state == State.STOPPED


@pytest.mark.threat("F13")
async def test_a_caller_who_leaves_before_the_row_is_made_leaves_nothing_running(
    alice: Caller, model: Model
) -> None:
    asked = asyncio.create_task(road.started(alice.person, QUESTION))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked

    rows = await in_thread(lambda: list(Generation.objects.values_list("state", flat=True)))()
    assert rows == [State.STOPPED]


@pytest.mark.threat("F13")
async def test_while_somebody_reads_the_reaper_is_told(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.is_taking = False
    generation = await in_thread(asking.begin)(alice.person, QUESTION, client_key=uuid4())
    answer = streaming.Answer(alice.person, generation, pace=Pace(listening_seconds=0.02))
    redis = connection.async_client()
    key = protocol.listening_key(answer.generation_id)

    assert await answer.step(within_seconds=0.02) is None
    await redis.delete(key)

    await until(partial(redis.exists, key))

    await answer.close()


@pytest.mark.threat("A7")
@pytest.mark.parametrize("taken", ["key", "account"])
async def test_whose_key_or_account_is_taken_away_reads_no_further(
    alice: Caller, model: Model, worker: Worker, taken: str
) -> None:
    worker.will(*said("Par"), asyncio.Event(), DONE)
    person, key = await in_thread(keys.holder_of)(alice.key, scope=KeyScope.CHAT)
    stream = await _stream_of(dataclasses.replace(alice, person=person), _lines())
    await anext(stream)

    if taken == "key":
        assert await in_thread(keys.revoke)(person, key_id=key.pk)
    else:
        await in_thread(Person.objects.filter(pk=person.pk).update)(is_active=False)

    async with asyncio.timeout(PATIENCE_SECONDS):
        *_, last = [line async for line in stream if line]
    assert json.loads(last)["error"].startswith("unauthorized: ")
    generation = await in_thread(Generation.objects.get)()
    await until(lambda: generation.id in worker.stopped)


@pytest.mark.threat("C21")
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(pieces=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=8), data=st.data())
def test_any_text_in_any_chunks_is_read_back_by_the_old_reader(
    pieces: list[str], data: st.DataObject
) -> None:
    form = _lines()
    body = "".join(form.said(Said(text=piece)) for piece in pieces) + form.finished(DONE)
    reader = OldReader()

    for chunk in as_chunks(body.encode(), size=data.draw(st.integers(1, 7))):
        reader.feed(chunk)

    assert reader.finish() == "".join(pieces)


def test_the_old_reader_is_as_fragile_as_it_was() -> None:
    line = '{"message":{"role":"assistant","content":""},"done":false}\n'

    with pytest.raises(Broken):
        OldReader().feed(line.encode())
    garbled = OldReader()
    for chunk in as_chunks('{"message":{"content":"é"},"done":false}\n'.encode(), size=1):
        garbled.feed(chunk)
    assert garbled.finish() == "\ufffd\ufffd"


async def _stream_of(caller: Caller, form: streaming.Form) -> AsyncIterator[bytes]:
    pace = Pace(opening_seconds=0.02, heartbeat_seconds=0.02, listening_seconds=0.02)
    answer = await road.started(caller.person, QUESTION, pace=pace)
    response = await streaming.open_stream(answer, form, pace=pace)
    assert isinstance(response, StreamingHttpResponse)
    return response._iterator  # type: ignore[attr-defined,no-any-return]  # as Django reads it


def _lines() -> Lines:
    return Lines(model_name="smollm2:135m", began_ns=0, shows_thinking=False)


def _chunks() -> Chunks:
    return Chunks(
        generation_id=uuid4(),
        model_name="smollm2:135m",
        created=0,
        shows_thinking=True,
        wants_usage_apart=False,
    )
