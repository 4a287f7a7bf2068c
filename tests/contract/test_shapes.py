"""Sections 1.4 to 1.11 of the contract: every kind of answer, byte for byte.

What no two answers have in common (times, durations that we measure, ids) is put in by pattern.
What a model says in several pieces may come in fewer lines, so each answer here is one piece.
"""

import re
from typing import Any

import pytest
from msgspec.structs import replace

from inference import protocol
from portal.catalog import queries
from portal.catalog.models import Model
from portal.streams import connection
from tests.api.conftest import DONE, in_thread, said, thought
from tests.contract.living import EVENTS, JSON, LINES, House

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.django_db(transaction=True)]

ASKED = {"role": "user", "content": "Hello"}
CHAT: dict[str, Any] = {"model": "plain", "messages": [ASKED]}
GENERATE: dict[str, Any] = {"model": "plain", "prompt": "Hello"}
CALL = protocol.ToolCall(id="call_a1b2c3d4", name="get_weather", arguments='{"location":"Paris"}')

# What may stand in a pattern for what is never the same.
VARIABLE = {
    "TIME": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,8}[1-9])?Z",
    "LOCAL": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,8}[1-9])?(?:Z|[+-]\d\d:\d\d)",
    "TOTAL": r"[1-9]\d*",
    "ID": r"chatcmpl-[0-9a-f]+",
    "UNIX": r"[1-9]\d{9}",
}
COUNTERS = (
    '"total_duration":<TOTAL>,"load_duration":<TOTAL>,"prompt_eval_count":26,'
    '"prompt_eval_duration":120000000,"eval_count":12,"eval_duration":210000000'
)


def matches(pattern: str, body: bytes) -> bool:
    parts = re.split(r"<(\w+)>", pattern)
    whole = "".join(VARIABLE[part] if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.fullmatch(whole, body.decode("ascii")) is not None


def lines(*each: str) -> str:
    return "".join(f"{line}\n" for line in each)


def chat(message: str, rest: str = '"done":false') -> str:
    return f'{{"model":"plain","created_at":"<TIME>","message":{{{message}}},{rest}}}'


def generated(response: str, rest: str = '"done":false') -> str:
    return f'{{"model":"plain","created_at":"<TIME>","response":{response},{rest}}}'


LAST = f'"done":true,"done_reason":"stop",{COUNTERS}'
NOTHING = '"role":"assistant","content":""'

CHATS: list[tuple[str, dict[str, Any], tuple[Any, ...], str, str]] = [
    (
        "stream",
        {},
        (*said("Hi <b>&"), DONE),
        LINES,
        lines(
            chat(r'"role":"assistant","content":"Hi \u003cb\u003e\u0026"'),
            chat(NOTHING, LAST),
        ),
    ),
    (
        "null means to stream",
        {"stream": None},
        (*said("Grüße 👋\u2028"), DONE),
        LINES,
        lines(
            chat(r'"role":"assistant","content":"Gr\u00fc\u00dfe \ud83d\udc4b\u2028"'),
            chat(NOTHING, LAST),
        ),
    ),
    (
        "nothing said",
        {},
        (protocol.End(why="done"),),
        LINES,
        lines(
            chat(
                NOTHING,
                '"done":true,"done_reason":"stop","total_duration":<TOTAL>,"load_duration":<TOTAL>',
            )
        ),
    ),
    (
        "length",
        {"stream": False},
        (*said("Hi", " you"), replace(DONE, why="length")),
        JSON,
        chat(
            '"role":"assistant","content":"Hi you"',
            f'"done":true,"done_reason":"length",{COUNTERS}',
        ),
    ),
    (
        "thinking",
        {"model": "thinker", "think": True},
        (*thought("hm"), DONE),
        LINES,
        lines(
            chat('"role":"assistant","content":"","thinking":"hm"'),
            chat(NOTHING, LAST),
        ).replace('"plain"', '"thinker"'),
    ),
    (
        "thinking, whole",
        {"model": "thinker", "think": "high", "stream": False},
        (*thought("h", "m"), *said("Y", "es"), DONE),
        JSON,
        chat('"role":"assistant","content":"Yes","thinking":"hm"', LAST).replace(
            '"plain"', '"thinker"'
        ),
    ),
    (
        "a call",
        {"model": "tooler", "tools": [{"type": "function", "function": {"name": "get_weather"}}]},
        (protocol.Called(call=CALL), DONE),
        LINES,
        lines(
            chat(
                '"role":"assistant","content":"","tool_calls":[{"id":"call_a1b2c3d4","function":'
                '{"index":0,"name":"get_weather","arguments":{"location":"Paris"}}}]'
            ),
            chat(NOTHING, LAST),
        ).replace('"plain"', '"tooler"'),
    ),
    (
        "an error behind the first line",
        {},
        (*said("Hi"), protocol.End(why="interrupted", detail="died")),
        LINES,
        lines(
            chat('"role":"assistant","content":"Hi"'),
            '{"error":"the model stopped working in mid-answer; the answer is not complete"}',
        ),
    ),
]


@pytest.mark.parametrize(
    ("change", "steps", "kind", "pattern"),
    [row[1:] for row in CHATS],
    ids=[row[0] for row in CHATS],
)
async def test_a_chat_is_theirs_byte_for_byte(
    house: House, change: dict[str, Any], steps: tuple[Any, ...], kind: str, pattern: str
) -> None:
    house.says(*steps)

    response = await house.post("/api/chat", {**CHAT, **change})

    assert (response.status_code, response.headers["Content-Type"]) == (200, kind)
    assert matches(pattern, response.content), response.text


GENERATES: list[tuple[str, dict[str, Any], tuple[Any, ...], str, str]] = [
    (
        "stream",
        {},
        (*said("Hi"), replace(DONE, context=(1, 2, 3))),
        LINES,
        lines(
            generated('"Hi"'),
            generated('""', f'"done":true,"done_reason":"stop","context":[1,2,3],{COUNTERS}'),
        ),
    ),
    (
        "whole",
        {"stream": False},
        (*said("Hi", " you"), replace(DONE, why="length", context=(1, 2, 3))),
        JSON,
        generated('"Hi you"', f'"done":true,"done_reason":"length","context":[1,2,3],{COUNTERS}'),
    ),
    (
        "raw has no context",
        {"raw": True, "stream": False},
        (*said("Hi"), DONE),
        JSON,
        generated('"Hi"', LAST),
    ),
    (
        "thinking",
        {"model": "thinker", "think": "low"},
        (*thought("hm"), DONE),
        LINES,
        lines(generated('"","thinking":"hm"'), generated('""', LAST)).replace(
            '"plain"', '"thinker"'
        ),
    ),
    (
        "an error behind the first line",
        {},
        (*said("Hi"), protocol.End(why="failed", detail="engine")),
        LINES,
        lines(generated('"Hi"'), '{"error":"the model could not compute this request"}'),
    ),
]


@pytest.mark.parametrize(
    ("change", "steps", "kind", "pattern"),
    [row[1:] for row in GENERATES],
    ids=[row[0] for row in GENERATES],
)
async def test_a_continued_prompt_is_theirs_byte_for_byte(
    house: House, change: dict[str, Any], steps: tuple[Any, ...], kind: str, pattern: str
) -> None:
    house.says(*steps)

    response = await house.post("/api/generate", {**GENERATE, **change})

    assert (response.status_code, response.headers["Content-Type"]) == (200, kind)
    assert matches(pattern, response.content), response.text


TOP = protocol.Alternative(token="Ho", logprob=-2.5, data=b"Ho")
CHANCE = protocol.TokenLogprob(token="Hi", logprob=-0.25, data=b"Hi", top=(TOP,))


async def test_chances_stand_in_the_line_of_their_text_and_before_the_counters(
    house: House,
) -> None:
    house.says(protocol.Piece(text="Hi", logprobs=(CHANCE,)), DONE)
    told = (
        '"logprobs":[{"token":"Hi","logprob":-0.25,"bytes":[72,105],"top_logprobs":'
        '[{"token":"Ho","logprob":-2.5,"bytes":[72,111]}]}]'
    )
    wish = {"logprobs": True, "top_logprobs": 1}
    end = '"done":true,"done_reason":"stop"'

    stream = await house.post("/api/chat", {**CHAT, **wish})
    whole = await house.post("/api/chat", {**CHAT, **wish, "stream": False})
    generate = await house.post("/api/generate", {**GENERATE, **wish, "stream": False})

    hi = '"role":"assistant","content":"Hi"'
    assert matches(lines(chat(hi, f'"done":false,{told}'), chat(NOTHING, LAST)), stream.content)
    assert matches(chat(hi, f"{end},{told},{COUNTERS}"), whole.content)
    assert matches(generated('"Hi"', f"{end},{COUNTERS},{told}"), generate.content)


def chunk(choices: str, rest: str = "") -> str:
    return (
        '{"id":"<ID>","object":"chat.completion.chunk","created":<UNIX>,"model":"plain",'
        f'"system_fingerprint":"fp_ollama","choices":[{choices}]{rest}}}'
    )


def choice(delta: str, reason: str = "null") -> str:
    return f'{{"index":0,"delta":{{{delta}}},"finish_reason":{reason}}}'


def sse(*each: str) -> str:
    return "".join(f"data: {event}\n\n" for event in (*each, "[DONE]"))


USAGE = '"usage":{"prompt_tokens":26,"completion_tokens":12,"total_tokens":38}'
OPENED = chunk(choice('"role":"assistant","content":""'))
COMPLETIONS: list[tuple[str, dict[str, Any], tuple[Any, ...], str, str]] = [
    (
        "stream",
        {"stream": True},
        (*said("Grüße 👋"), DONE),
        EVENTS,
        sse(
            OPENED,
            chunk(choice(r'"content":"Gr\u00fc\u00dfe \ud83d\udc4b"')),
            chunk(choice("", '"stop"'), f",{USAGE}"),
        ),
    ),
    (
        "usage apart",
        {"stream": True, "stream_options": {"include_usage": True}},
        (*said("Hi"), replace(DONE, why="length")),
        EVENTS,
        sse(
            OPENED,
            chunk(choice('"content":"Hi"')),
            chunk(choice("", '"length"')),
            chunk("", f",{USAGE}"),
        ),
    ),
    (
        "thinking first",
        {"stream": True},
        (*thought("hm"), *said("Yes"), DONE),
        EVENTS,
        sse(
            OPENED,
            chunk(choice('"reasoning_content":"hm","reasoning":"hm"')),
            chunk(choice('"content":"Yes"')),
            chunk(choice("", '"stop"'), f",{USAGE}"),
        ),
    ),
    (
        "a call",
        {"stream": True, "model": "tooler", "tools": [{"function": {"name": "get_weather"}}]},
        (protocol.Called(call=CALL), DONE),
        EVENTS,
        sse(
            OPENED,
            chunk(
                choice(
                    '"tool_calls":[{"id":"call_a1b2c3d4","index":0,"type":"function","function":'
                    r'{"name":"get_weather","arguments":"{\"location\":\"Paris\"}"}}]'
                )
            ),
            chunk(choice("", '"tool_calls"'), f",{USAGE}"),
        ).replace('"plain"', '"tooler"'),
    ),
    (
        "one object",
        {},
        (*said("Hi", " you"), DONE),
        "application/json",
        '{"id":"<ID>","object":"chat.completion","created":<UNIX>,"model":"plain",'
        '"system_fingerprint":"fp_ollama","choices":[{"index":0,"message":{"role":"assistant",'
        f'"content":"Hi you"}},"finish_reason":"stop"}}],{USAGE}}}\n',
    ),
]


@pytest.mark.parametrize(
    ("change", "steps", "kind", "pattern"),
    [row[1:] for row in COMPLETIONS],
    ids=[row[0] for row in COMPLETIONS],
)
async def test_openais_chat_is_theirs_byte_for_byte(
    house: House, change: dict[str, Any], steps: tuple[Any, ...], kind: str, pattern: str
) -> None:
    house.says(*steps)

    response = await house.post("/v1/chat/completions", {**CHAT, **change})

    assert (response.status_code, response.headers["Content-Type"]) == (200, kind)
    # Comments are signs of life; how many there are is nobody's promise.
    assert matches(pattern, response.content.replace(b": working\n\n", b"")), response.text


async def test_loading_and_unloading_are_one_object_also_when_streaming(house: House) -> None:
    from tests.api.conftest import hold_ready

    await hold_ready(await Model.objects.aget(name="plain:latest"))

    for keep_alive, reason in ((None, "load"), (0, "unload")):
        for stream in (None, True, False):
            wish = {"model": "plain", "keep_alive": keep_alive, "stream": stream}
            chatted = await house.post("/api/chat", wish)
            completed = await house.post("/api/generate", wish)

            end = f'"done":true,"done_reason":"{reason}"'
            assert matches(chat(NOTHING, end), chatted.content)
            assert matches(generated('""', end), completed.content)
            assert chatted.headers["Content-Type"] == completed.headers["Content-Type"] == JSON


async def test_a_prompt_that_is_only_rendered_is_one_object(house: House) -> None:
    wish = {"_debug_render_only": True}
    info = '"done":false,"_debug_info":{"rendered_template":"Hello there"}'

    chatted = await house.post("/api/chat", {**CHAT, **wish})
    completed = await house.post("/api/generate", {**GENERATE, **wish})

    assert matches(chat('"role":"","content":""', info), chatted.content)
    assert matches(generated('""', info), completed.content)


TAG = (
    '{"name":"plain:latest","model":"plain:latest","modified_at":"<LOCAL>","size":98362432,'
    f'"digest":"{"d" * 64}","details":{{"parent_model":"","format":"gguf","family":"llama",'
    '"families":["llama"],"parameter_size":"134.52M","quantization_level":"Q4_1",'
    '"context_length":8192,"embedding_length":576},"capabilities":["completion"]}'
)
RUNNING = (
    '{"models":[{"name":"plain:latest","model":"plain:latest","size":2200000000,'
    f'"digest":"{"d" * 64}","details":{{"parent_model":"","format":"gguf","family":"llama",'
    '"families":["llama"],"parameter_size":"134.52M","quantization_level":"Q4_1"},'
    '"expires_at":"<LOCAL>","size_vram":0,"context_length":4096}]}'
)


async def test_the_lists_are_theirs_byte_for_byte(house: House) -> None:
    model = await Model.objects.aget(name="plain:latest")
    runner = protocol.RunnerState(
        runner="r",
        queue=(await in_thread(queries.spec_of)(model)).queue,
        model_name=model.name,
        pid=1,
        state="ready",
        context_length=4096,
        size_bytes=2_200_000_000,
        expires_at=9e9,
    )
    host = protocol.HostState(host="h", seen_at=0.0, runners=(runner,))
    redis: Any = connection.async_client()

    await redis.sadd(protocol.HOSTS, "h")
    await redis.set(protocol.host_key("h"), protocol.encode(host))
    # The same spec serves every model of these files; the one that was loaded is named.
    running = await house.ask("GET", "/api/ps")
    tags = await house.ask("GET", "/api/tags")
    head = await house.ask("HEAD", "/api/tags")
    version = await house.ask("GET", "/api/version")

    assert matches(RUNNING, running.content), running.text
    items = tags.text.removeprefix('{"models":[').removesuffix("]}").split(',{"name"')
    assert any(matches(TAG, item.encode()) for item in (items[0], *map('{"name"'.__add__, items)))
    assert (head.status_code, head.content) == (200, b"")
    assert re.fullmatch(rb'\{"version":"\d+\.\d+\.\d+"\}', version.content)
    for response in (running, tags, head, version):
        assert response.headers["Content-Type"] == JSON


async def test_openais_list_has_their_fields_first_and_what_clients_can_use_behind(
    house: House,
) -> None:
    listed = await house.ask("GET", "/v1/models")
    one = await house.ask("GET", "/v1/models/bert")

    pattern = (
        '{"id":"bert","object":"model","created":<UNIX>,"owned_by":"library","name":"bert:latest",'
        '"context_length":4096,"architecture":{"input_modalities":["text"]}}\n'
    )
    assert matches(pattern, one.content), one.text
    assert listed.text.startswith('{"object":"list","data":[{"id":"')
    assert listed.text.endswith("}]}\n")
    for response in (listed, one):
        assert response.headers["Content-Type"] == "application/json"
