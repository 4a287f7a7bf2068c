"""/api/chat and the lists, as Ollama's clients know them."""

import json
import re
from typing import Any

import pytest

from inference import protocol
from portal.catalog.models import Model
from tests.api.conftest import (
    DONE,
    Caller,
    Worker,
    hold_ready,
    in_thread,
    make_model,
    said,
    thought,
)

HELLO = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}]}


def lines(body: bytes) -> list[dict[str, Any]]:
    assert body.endswith(b"\n")
    return [json.loads(line) for line in body.splitlines()]


async def test_an_answer_comes_as_lines_and_ends_with_the_counters(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said("Paris", " is it"), DONE)

    response = await alice.post("/api/chat", HELLO)

    assert response.headers["Content-Type"] == "application/x-ndjson"
    *middle, last = lines(response.content)
    assert "".join(line["message"]["content"] for line in middle) == "Paris is it"
    assert all(line["message"]["content"] and line["done"] is False for line in middle)
    assert list(middle[0]) == ["model", "created_at", "message", "done"]
    assert last["message"] == {"role": "assistant", "content": ""}
    assert list(last) == [
        *("model", "created_at", "message", "done", "done_reason", "total_duration"),
        *("load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count"),
        "eval_duration",
    ]
    assert (last["done"], last["done_reason"]) == (True, "stop")
    assert (last["prompt_eval_count"], last["eval_count"]) == (26, 12)
    # The worker says 45 ms; but this question had no part in a loading of before its time.
    assert 0 < last["load_duration"] <= max(1, last["total_duration"] - last["eval_duration"])


async def test_without_streaming_the_answer_is_one_object_without_a_line_end(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said("Paris", " is it"), protocol.End(why="length"))

    response = await alice.post("/api/chat", {**HELLO, "stream": False})

    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert not response.content.endswith(b"\n")
    answer = response.json()
    assert answer["message"] == {"role": "assistant", "content": "Paris is it"}
    assert (answer["done"], answer["done_reason"]) == (True, "length")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", answer["created_at"])


async def test_what_was_asked_reaches_the_worker(
    alice: Caller, model: Model, worker: Worker
) -> None:
    messages = [
        {"role": "SYSTEM", "content": "Be brief."},
        {"role": "user", "content": "One", "images": []},
        {"role": "user", "content": "Two"},
    ]
    options = {"temperature": 0.7, "seed": 7, "num_ctx": 99, "mirostat": 1}

    await alice.post(
        "/api/chat", {"Model": "SmolLM2:135M", "messages": messages, "options": options}
    )

    (request,) = worker.taken
    assert [(each.role, each.content) for each in request.messages] == [
        ("system", "Be brief."),
        ("user", "One\n\nTwo"),
    ]
    assert request.options == protocol.Options(temperature=0.7, seed=7)
    assert request.lane == "api"


async def test_the_models_own_system_prompt_stands_first_unless_the_client_brings_one(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(system="Speak like a pirate.", parameters={"temperature": 0.1})

    await alice.post("/api/chat", HELLO)

    assert worker.taken[0].messages[0] == protocol.Message(
        role="system", content="Speak like a pirate."
    )
    assert worker.taken[0].options.temperature == 0.1


async def test_a_model_that_says_nothing_gives_one_last_line(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(DONE)

    (line,) = lines((await alice.post("/api/chat", HELLO)).content)

    assert line["done"] is True


async def test_thinking_is_shown_only_to_those_who_asked(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=["completion", "thinking"])
    worker.will(*thought("hm", "m"), *said("Yes"), DONE)

    silent = lines((await alice.post("/api/chat", HELLO)).content)
    open_minded = lines((await alice.post("/api/chat", {**HELLO, "think": True})).content)

    assert [line["message"]["content"] for line in silent] == ["Yes", ""]
    assert all("thinking" not in line["message"] for line in silent)
    thoughts = [line["message"].get("thinking", "") for line in open_minded]
    assert "".join(thoughts) == "hmm"


@pytest.mark.threat("C21")
@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
async def test_streams_are_ascii_whatever_the_answer_is(
    alice: Caller, model: Model, worker: Worker, path: str
) -> None:
    worker.will(*said("Grüße 👋", "你好\u2028", "<b>&"), DONE)

    response = await alice.post(path, {**HELLO, "stream": True})

    assert response.content.isascii()
    assert b"\\ud83d\\udc4b" in response.content
    assert b"\\u003cb\\u003e\\u0026" in response.content


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"model": "smollm2:135m"}, "load"),
        ({"model": "smollm2:135m", "messages": []}, "load"),
        ({"model": "smollm2:135m", "keep_alive": 0}, "unload"),
        ({"model": "smollm2:135m", "keep_alive": "0s"}, "unload"),
        ({"model": "smollm2:135m", "keep_alive": "5m"}, "load"),
    ],
)
async def test_no_messages_load_or_unload_with_one_object(
    alice: Caller, model: Model, worker: Worker, body: dict[str, Any], reason: str
) -> None:
    await hold_ready(model)

    answer = (await alice.post("/api/chat", body)).json()

    assert answer["message"] == {"role": "assistant", "content": ""}
    assert (answer["done"], answer["done_reason"]) == (True, reason)
    assert worker.taken == []


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"model": ""}, 400, "model is required"),
        ({"model": "m@d"}, 400, "invalid model name"),
        ({"model": "absent"}, 404, "model 'absent' not found"),
        ({"model": "smollm2:135m" + ":local" * 100_000}, 400, "invalid model name"),
        ({"model": "x:cloud"}, 403, "ollama cloud is disabled: remote model is unavailable"),
        ({"model": "x:20b-cloud"}, 403, "ollama cloud is disabled: remote model is unavailable"),
        (
            {"model": "x:local:cloud"},
            400,
            'use either :local or :cloud, not both: "x:local:cloud"',
        ),
        ({"think": True}, 400, '"smollm2:135m" does not support thinking'),
        (
            {"think": "maybe"},
            400,
            'invalid think value: "maybe" (must be "high", "medium", "low", "max", true, or false)',
        ),
        (
            {"think": 1},
            400,
            'think must be a boolean or string ("high", "medium", "low", "max", true, or false)',
        ),
        (
            {"tools": [{"type": "function"}]},
            400,
            "registry.ollama.ai/library/smollm2:135m does not support tools",
        ),
        ({"keep_alive": True}, 400, "Unsupported type: 'bool'"),
        ({"keep_alive": "300"}, 400, 'time: missing unit in duration "300"'),
        ({"keep_alive": "1d"}, 400, 'time: unknown unit "d" in duration "1d"'),
        ({"top_logprobs": 21}, 400, "top_logprobs must be between 0 and 20"),
        (
            {"format": "xml"},
            500,
            r'invalid format: "\"xml\""; expected "json" or a valid JSON Schema object',
        ),
        (
            {"format": [1]},
            500,
            'invalid format: "[1]"; expected "json" or a valid JSON Schema object',
        ),
        ({"options": {"num_ctx": "x"}}, 500, 'option "num_ctx" must be of type integer'),
        (
            {"model": 1},
            400,
            "json: cannot unmarshal number into Go struct field ChatRequest.model of type string",
        ),
        (
            {"messages": [{"role": "user", "content": "x", "images": ["ab*d"]}]},
            400,
            "illegal base64 data at input byte 2",
        ),
    ],
)
async def test_what_cannot_be_done_is_said_in_the_words_clients_know(
    alice: Caller, model: Model, worker: Worker, change: dict[str, Any], status: int, sentence: str
) -> None:
    response = await alice.post("/api/chat", {**HELLO, **change})

    assert (response.status_code, response.json()) == (status, {"error": sentence})
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert worker.taken == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "missing request body"),
        (b"  \n", "missing request body"),
        (b"null", "model is required"),
        (b'{"model":', "unexpected EOF"),
        (b"{]", "invalid character ']' looking for beginning of object key string"),
        (b'{"a":' * 100_000, "exceeded max depth"),
    ],
)
async def test_a_broken_body_is_a_400_in_their_words(
    alice: Caller, model: Model, body: bytes, sentence: str
) -> None:
    response = await alice.http.post("/api/chat", content=body, headers=alice.headers)

    assert (response.status_code, response.json()) == (400, {"error": sentence})


async def test_a_picture_for_a_model_that_reads_text_is_refused(
    alice: Caller, model: Model, worker: Worker
) -> None:
    with_picture = {"role": "user", "content": "", "images": ["aGVsbG8="]}

    response = await alice.post("/api/chat", {**HELLO, "messages": [with_picture]})

    assert response.status_code == 400
    assert "image_url is only supported by certain models" in response.json()["error"]


async def test_the_list_of_models_is_theirs_field_by_field(alice: Caller) -> None:
    from datetime import UTC, datetime

    old, new = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 3, 4, 5, 6, 7, 500_000, tzinfo=UTC)
    await in_thread(make_model)("old:1b", modified_at=old)
    await in_thread(make_model)("new:1b", modified_at=new)

    response = await alice.get("/api/tags")

    newest, oldest = response.json()["models"]
    assert (newest["name"], oldest["name"]) == ("new:1b", "old:1b")
    assert newest["modified_at"] == "2026-03-04T05:06:07.5Z"
    assert list(newest) == [
        *("name", "model", "modified_at", "size", "digest", "details", "capabilities"),
    ]
    assert list(newest["details"]) == [
        *("parent_model", "format", "family", "families", "parameter_size"),
        *("quantization_level", "context_length", "embedding_length"),
    ]
    assert newest["digest"] == "d" * 64


@pytest.mark.threat("B16")
async def test_lists_hold_what_the_asker_may_use(alice: Caller, bob: Caller) -> None:
    from django.contrib.auth.models import Group

    def only_for_bob() -> None:
        group = Group.objects.create(name="research")
        bob.person.groups.add(group)
        make_model("secret:7b", is_for_everyone=False).groups.add(group)

    await in_thread(only_for_bob)()
    chat = {"model": "secret:7b", "messages": [], "keep_alive": 0}

    for path, field in (("/api/tags", "models"), ("/v1/models", "data")):
        assert (await alice.get(path)).json()[field] == []
        assert len((await bob.get(path)).json()[field]) == 1
    assert (await alice.post("/api/chat", chat)).json() == {"error": "model 'secret:7b' not found"}
    assert (await bob.post("/api/chat", chat)).status_code == 200


async def test_what_is_loaded_is_listed_with_its_memory_and_expiry(
    alice: Caller, model: Model
) -> None:
    from portal.catalog import queries
    from portal.streams import connection

    def runner(queue: str, expires_at: float | None) -> protocol.RunnerState:
        return protocol.RunnerState(
            runner=f"r-{queue}",
            queue=queue,
            model_name="smollm2:135m",
            pid=1,
            state="ready",
            context_length=4096,
            size_bytes=2_200_000,
            expires_at=expires_at,
        )

    ours = queries.spec_of(model).queue
    state = protocol.HostState(
        host="h", seen_at=0.0, runners=(runner(ours, None), runner("f" * 32, 9e9))
    )
    redis = connection.async_client()
    await redis.sadd(protocol.HOSTS, "h")
    await redis.set(protocol.host_key("h"), protocol.encode(state))

    (loaded,) = (await alice.get("/api/ps")).json()["models"]

    assert list(loaded) == [
        *("name", "model", "size", "digest", "details", "expires_at", "size_vram"),
        "context_length",
    ]
    assert (loaded["name"], loaded["size"], loaded["size_vram"]) == ("smollm2:135m", 2_200_000, 0)
    assert loaded["expires_at"].startswith("23")


async def test_while_redis_is_away_lists_say_try_again(
    alice: Caller, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise ConnectionError

    monkeypatch.setattr("portal.streams.requests.host_states", away)

    response = await alice.get("/api/ps")

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0


async def test_an_empty_list_is_a_list(alice: Caller) -> None:
    assert (await alice.get("/api/tags")).content == b'{"models":[]}'
    assert (await alice.get("/api/ps")).content == b'{"models":[]}'
    assert re.fullmatch(rb'\{"version":"0\.\d+\.\d+"\}', (await alice.get("/api/version")).content)
