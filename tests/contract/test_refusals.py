"""Sections 1.3 to 1.6 and 2 of the contract: who is refused, with which status and which words."""

from typing import Any

import pytest

from inference import protocol
from portal.api.go import gojson
from tests.api.conftest import hold_ready
from tests.contract.living import JSON, House

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.django_db(transaction=True)]

ASKED = {"role": "user", "content": "Hello"}
CHAT: dict[str, Any] = {"messages": [ASKED]}
GENERATE: dict[str, Any] = {"prompt": "Hello"}
PICTURE = "aGVsbG8="
FULL = "registry.ollama.ai/library"
BUSY = "server busy, please try again.  maximum pending requests exceeded"
CLOUD = "ollama cloud is disabled: remote model is unavailable"


def native(error: str) -> bytes:
    return gojson.dumps({"error": error}).encode()


# 1.3: address, method, body beside the name, [(name, status, words)]
NAMES: list[tuple[str, str, dict[str, Any], list[tuple[str, int, str]]]] = [
    (
        "generate",
        "POST",
        GENERATE,
        [
            ("", 404, "model '' not found"),
            ("m@d", 400, "invalid model name"),
            ("Absent", 404, "model 'Absent' not found"),
            ("absent:1b", 404, "model 'absent:1b' not found"),
            ("x:cloud", 403, CLOUD),
        ],
    ),
    (
        "chat",
        "POST",
        CHAT,
        [
            ("", 400, "model is required"),
            ("m@d", 400, "invalid model name"),
            ("-h/n/m:t", 400, "invalid model name"),
            ("mm:", 400, "invalid model name"),
            ("/nn/mm", 400, "invalid model name"),
            ("Absent", 404, "model 'Absent' not found"),
            ("x:20b-CLOUD", 403, CLOUD),
            ("x:local:cloud", 400, 'use either :local or :cloud, not both: "x:local:cloud"'),
        ],
    ),
    (
        "embed",
        "POST",
        {"input": "x"},
        [
            ("", 404, "model '' not found"),
            ("m@d", 400, "invalid model name"),
            ("Absent", 404, 'model "Absent" not found, try pulling it first'),
        ],
    ),
    (
        "embeddings",
        "POST",
        {"prompt": "x"},
        [
            ("", 400, "model is required"),
            ("m@d", 400, "invalid model name"),
            ("Absent", 404, 'model "Absent" not found, try pulling it first'),
        ],
    ),
    (
        "show",
        "POST",
        {},
        [
            ("", 400, "model is required"),
            ("m@d", 400, "invalid model name"),
            ("Absent", 404, "model 'Absent:latest' not found"),
            (
                "x:cloud",
                403,
                "ollama cloud is disabled: remote model details are unavailable",
            ),
        ],
    ),
    (
        "delete",
        "DELETE",
        {},
        [
            ("", 400, "model is required"),
            ("m@d", 400, 'name "m@d" is invalid'),
            ("Absent", 404, "model 'Absent' not found"),
        ],
    ),
    (
        "copy",
        "POST",
        {"destination": "other"},
        [
            ("", 400, 'source "" is invalid'),
            ("m@d", 400, 'source "m@d" is invalid'),
            ("Absent", 404, 'model "Absent" not found'),
        ],
    ),
    (
        "pull",
        "POST",
        {"stream": False},
        [
            ("", 400, "invalid model name"),
            ("m@d", 400, "invalid model name"),
            ("absent", 500, "pull model manifest: file does not exist"),
        ],
    ),
    (
        "push",
        "POST",
        {"stream": False},
        [
            ("", 400, "model is required"),
            ("m@d", 500, "unqualified name: m@d"),
            (
                "absent",
                500,
                f"open manifests/{FULL}/absent/latest: no such file or directory",
            ),
        ],
    ),
    (
        "create",
        "POST",
        {"from": "plain"},
        [("", 400, "invalid model name"), ("m@d", 400, "invalid model name")],
    ),
]


@pytest.mark.parametrize(("name", "method", "body", "rows"), NAMES, ids=[row[0] for row in NAMES])
async def test_a_name_that_means_nothing_is_refused_as_each_address_does_it(
    house: House, name: str, method: str, body: dict[str, Any], rows: list[tuple[str, int, str]]
) -> None:
    field = "source" if name == "copy" else "model"
    for written, status, words in rows:
        asked = {**body, field: written}

        response = await house.ask(method, f"/api/{name}", asked, who="manager")

        assert (response.status_code, response.content) == (status, native(words)), written
        assert response.headers["Content-Type"] == JSON


async def test_a_bad_destination_is_named_as_such(house: House) -> None:
    for written in ("", "m@d"):
        response = await house.post(
            "/api/copy", {"source": "plain", "destination": written}, who="manager"
        )

        refused = native(f'destination "{written}" is invalid')
        assert (response.status_code, response.content) == (400, refused)


@pytest.mark.parametrize("written", [" plain ", "PLAIN", "library/plain:LATEST", "plain:local"])
async def test_a_name_in_any_spelling_finds_the_one_model(house: House, written: str) -> None:
    response = await house.post("/api/chat", {**CHAT, "model": written, "stream": False})

    assert response.status_code == 200
    assert response.json()["model"] == written


# What comes first when several things are wrong, in the order of the contract: each row has all
# that stands below it wrong, too.
WRONG: dict[str, Any] = {
    "model": "bert",
    "think": True,
    "options": {"num_ctx": "x"},
    "format": "xml",
}
ORDER_OF_CHAT = [
    ({"top_logprobs": 21, "model": "absent"}, 400, "top_logprobs must be between 0 and 20"),
    ({"model": ""}, 400, "model is required"),
    ({"model": "absent"}, 404, "model 'absent' not found"),
    ({}, 400, '"bert" does not support thinking'),
    ({"think": None}, 400, '"bert" does not support chat'),
    (
        {"think": None, "model": "plain", "tools": [{"type": "function"}]},
        400,
        f"{FULL}/plain:latest does not support tools",
    ),
    ({"think": None, "model": "plain"}, 500, 'option "num_ctx" must be of type integer'),
    (
        {"think": None, "model": "plain", "options": {}},
        500,
        r'invalid format: "\"xml\""; expected "json" or a valid JSON Schema object',
    ),
]


@pytest.mark.parametrize(("change", "status", "words"), ORDER_OF_CHAT)
async def test_of_several_things_wrong_with_a_chat_the_first_is_told(
    house: House, change: dict[str, Any], status: int, words: str
) -> None:
    response = await house.post("/api/chat", {**CHAT, **WRONG, **change})

    assert (response.status_code, response.content) == (status, native(words))
    assert house.worker.taken == []


ORDER_OF_GENERATE = [
    ({"top_logprobs": -1, "model": "absent"}, 400, "top_logprobs must be between 0 and 20"),
    ({"model": ""}, 404, "model '' not found"),
    ({"model": "absent"}, 404, "model 'absent' not found"),
    (
        {"raw": True, "system": "x"},
        400,
        "raw mode does not support template, system, or context",
    ),
    ({}, 400, '"bert" does not support thinking'),
    ({"think": False}, 400, '"bert" does not support generate'),
    (
        {"think": False, "model": "plain", "suffix": "x"},
        400,
        f"{FULL}/plain:latest does not support insert",
    ),
    ({"think": False, "model": "plain"}, 500, 'option "num_ctx" must be of type integer'),
]


@pytest.mark.parametrize(("change", "status", "words"), ORDER_OF_GENERATE)
async def test_of_several_things_wrong_with_a_prompt_the_first_is_told(
    house: House, change: dict[str, Any], status: int, words: str
) -> None:
    response = await house.post("/api/generate", {**GENERATE, **WRONG, **change})

    assert (response.status_code, response.content) == (status, native(words))
    assert house.worker.taken == []


async def test_unloading_comes_before_what_else_is_wrong(house: House) -> None:
    wrong = {**WRONG, "keep_alive": 0}

    chat = await house.post("/api/chat", wrong)
    generate = await house.post("/api/generate", {**wrong, "raw": True, "system": "x"})

    for response in (chat, generate):
        assert (response.status_code, response.json()["done_reason"]) == (200, "unload")


THINKING = [
    ("plain", True, '"plain" does not support thinking'),
    ("plain", "high", '"plain" does not support thinking'),
    *(
        (
            name,
            True,
            f'"{name}" does not support thinking. Pull the model again to get the latest version'
            " with full thinking support",
        )
        for name in ("qwen", "deepseek-r1")
    ),
    (
        "thinker",
        "x",
        'invalid think value: "x" (must be "high", "medium", "low", "max", true, or false)',
    ),
    (
        "thinker",
        1,
        'think must be a boolean or string ("high", "medium", "low", "max", true, or false)',
    ),
]


@pytest.mark.parametrize(("model", "think", "words"), THINKING)
async def test_thinking_is_refused_where_it_cannot_be_had(
    house: House, model: str, think: Any, words: str
) -> None:
    for path, body in (("chat", CHAT), ("generate", GENERATE)):
        response = await house.post(f"/api/{path}", {**body, "model": model, "think": think})

        assert (response.status_code, response.content) == (400, native(words))


async def test_not_to_think_is_fine_with_every_model(house: House) -> None:
    for path, body in (("chat", CHAT), ("generate", GENERATE)):
        response = await house.post(f"/api/{path}", {**body, "model": "plain", "think": False})

        assert response.status_code == 200


PICTURES = [
    ("plain", 1, 400, "Invalid content type. image_url is only supported by certain models."),
    (
        "oneeye",
        2,
        500,
        "this model only supports one image while more than one image requested",
    ),
]


@pytest.mark.parametrize(("model", "count", "status", "words"), PICTURES)
async def test_pictures_are_refused_where_they_cannot_be_seen(
    house: House, model: str, count: int, status: int, words: str
) -> None:
    message = {**ASKED, "images": [PICTURE] * count}

    chat = await house.post("/api/chat", {"model": model, "messages": [message]})
    generate = await house.post(
        "/api/generate", {**GENERATE, "model": model, "images": [PICTURE] * count}
    )

    assert (chat.status_code, chat.content) == (status, native(words))
    assert (generate.status_code, generate.content) == (400, native(words))


# Section 2.
OPTIONS = [
    *(
        ({name: "x"}, f'option "{name}" must be of type integer')
        for name in (
            *("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "draft_num_predict"),
            *("num_keep", "seed", "num_predict", "top_k", "repeat_last_n"),
        )
    ),
    *(
        ({name: "x"}, f'option "{name}" must be of type float32')
        for name in (
            *("temperature", "top_p", "min_p", "typical_p", "repeat_penalty"),
            *("presence_penalty", "frequency_penalty"),
        )
    ),
    ({"use_mmap": 1}, 'option "use_mmap" must be of type boolean'),
    ({"stop": "x"}, 'option "stop" must be of type array'),
    ({"stop": ["x", 1]}, 'option "stop" must be of an array of strings'),
]


@pytest.mark.parametrize(("wrong", "words"), OPTIONS)
async def test_an_option_of_a_wrong_kind_is_a_500_in_their_words(
    house: House, wrong: dict[str, Any], words: str
) -> None:
    for path, body in (
        ("chat", {**CHAT, "model": "plain"}),
        ("chat", {"model": "plain"}),
        ("generate", {**GENERATE, "model": "plain"}),
        ("generate", {"model": "plain"}),
        ("embed", {"input": "x", "model": "bert"}),
        ("embeddings", {"prompt": "x", "model": "bert"}),
    ):
        response = await house.post(f"/api/{path}", {**body, "options": wrong})

        assert (response.status_code, response.content) == (500, native(words)), path
    assert house.worker.taken == []


SILENT = (
    *("mirostat", "mirostat_tau", "mirostat_eta", "tfs_z", "num_gqa", "low_vram", "f16_kv"),
    *("numa", "use_mlock", "penalize_newline", "logits_all", "vocab_only", "nonsense"),
)


async def test_options_nobody_knows_any_more_and_nulls_are_silent(house: House) -> None:
    options = {**dict.fromkeys(SILENT, "x"), "num_ctx": None, "top_k": 3.9, "seed": 7.2}

    response = await house.post("/api/chat", {**CHAT, "model": "plain", "options": options})

    assert response.status_code == 200
    assert house.worker.taken[0].options == protocol.Options(top_k=3, seed=7)


KEEP_ALIVE: list[tuple[Any, str | None]] = [
    *((value, None) for value in (0.5, 42, 42.5, -1, -3.14, None)),
    *((text, None) for text in ("5m", "42m", "1h30m", "1.5h", "300ms", "-1m", "0", "-1ns", "1µs")),
    ("300", 'time: missing unit in duration "300"'),
    ("1d", 'time: unknown unit "d" in duration "1d"'),
    ("", 'time: invalid duration ""'),
    ("-", 'time: invalid duration "-"'),
    ("soon", 'time: invalid duration "soon"'),
    ("5 m", 'time: unknown unit " m" in duration "5 m"'),
    ("9999999999h", 'time: invalid duration "9999999999h"'),
    ('5"m', 'time: unknown unit "\\"m" in duration "5\\"m"'),
    ("5ü", 'time: unknown unit "\\xc3\\xbc" in duration "5\\xc3\\xbc"'),
    (True, "Unsupported type: 'bool'"),
    ([1], "Unsupported type: '[]interface {}'"),
    ({"a": 1}, "Unsupported type: 'map[string]interface {}'"),
]


@pytest.mark.parametrize(("value", "words"), KEEP_ALIVE)
async def test_keep_alive_is_read_in_all_its_forms(
    house: House, value: Any, words: str | None
) -> None:
    for path, body in (
        ("chat", {**CHAT, "model": "plain"}),
        ("generate", {**GENERATE, "model": "plain"}),
        ("embed", {"model": "bert"}),
        ("embeddings", {"model": "bert"}),
    ):
        response = await house.post(f"/api/{path}", {**body, "keep_alive": value})

        if words is None:
            assert response.status_code == 200, path
        else:
            assert (response.status_code, response.content) == (400, native(words)), path


UNLOADING = [0, 0.0, "0", "0s", "0m0s", "-0"]


@pytest.mark.parametrize("value", UNLOADING)
async def test_every_way_to_write_zero_unloads(house: House, value: Any) -> None:
    for path in ("chat", "generate"):
        response = await house.post(f"/api/{path}", {"model": "plain", "keep_alive": value})

        assert response.json()["done_reason"] == "unload"


EMBED: list[tuple[dict[str, Any], int, str]] = [
    ({"input": 1}, 400, "invalid input type"),
    ({"input": [1]}, 400, "invalid input type"),
    ({"input": {}}, 400, "invalid input type"),
    ({"input": ["x", None]}, 400, "invalid input type"),
]


@pytest.mark.parametrize(("body", "status", "words"), EMBED)
async def test_what_cannot_be_embedded_is_refused(
    house: House, body: dict[str, Any], status: int, words: str
) -> None:
    response = await house.post("/api/embed", {**body, "model": "bert"})

    assert (response.status_code, response.content) == (status, native(words))


NOTHING: list[tuple[str, dict[str, Any], bytes]] = [
    ("embed", {}, b'{"model":"bert","embeddings":[]}'),
    ("embed", {"input": None}, b'{"model":"bert","embeddings":[]}'),
    ("embed", {"input": ""}, b'{"model":"bert","embeddings":[]}'),
    ("embed", {"input": []}, b'{"model":"bert","embeddings":[]}'),
    ("embeddings", {"prompt": ""}, b'{"embedding":[]}'),
]


@pytest.mark.parametrize(("path", "body", "answer"), NOTHING)
async def test_nothing_to_embed_gives_nothing(
    house: House, path: str, body: dict[str, Any], answer: bytes
) -> None:
    response = await house.post(f"/api/{path}", {**body, "model": "bert"})

    assert (response.status_code, response.content) == (200, answer)
    assert response.headers["Content-Type"] == JSON


# 1.5 and 7.5: what the engine finds out, with its status on each door. None: its own 499 reaches
# nobody, for the client is gone.
TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; shorten the"
    " prompt, adjust the context length in settings, or use a model with a longer context length"
)
REFUSED_BY_ENGINE = (
    "request (9 tokens) exceeds the available context size (4 tokens), try increasing it"
)
AS_JSON = (
    '{"error":{"code":400,"message":"' + REFUSED_BY_ENGINE + '","type":'
    '"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":4}}'
)
ENDS = [
    (protocol.End(why="failed", detail="too-long"), 400, 400, TOO_LONG),
    (
        protocol.End(why="failed", detail="too-long", words=REFUSED_BY_ENGINE),
        400,
        400,
        AS_JSON,
    ),
    (protocol.End(why="failed", detail="no-room"), 503, 429, BUSY),
    (protocol.End(why="failed", detail="expired"), 503, 429, BUSY),
    (protocol.End(why="stopped"), 499, 499, "request canceled"),
    (
        protocol.End(why="failed", detail="template", words="template: :1: unclosed action"),
        500,
        500,
        "template: :1: unclosed action",
    ),
]


@pytest.mark.parametrize(("end", "native_status", "openai_status", "words"), ENDS)
@pytest.mark.parametrize("is_streaming", [True, False])
async def test_what_the_engine_refuses_keeps_its_status_streaming_and_not(
    house: House,
    end: protocol.End,
    native_status: int,
    openai_status: int,
    words: str,
    is_streaming: bool,
) -> None:
    house.says(end)

    for path, body in (("chat", CHAT), ("generate", GENERATE)):
        asked = {**body, "model": "plain", "stream": is_streaming}
        response = await house.post(f"/api/{path}", asked)

        assert (response.status_code, response.content) == (native_status, native(words))
        assert response.headers["Content-Type"] == JSON
        assert ("Retry-After" in response.headers) == (native_status == 503)
    asked = {**CHAT, "model": "plain", "stream": is_streaming}
    response = await house.post("/v1/chat/completions", asked)
    assert (response.status_code, response.json()["error"]["message"]) == (openai_status, words)
    assert ("Retry-After" in response.headers) == (openai_status == 429)


OPENAI_KINDS = [
    ({"model": "absent"}, 404, "not_found_error"),
    ({"model": "m@d"}, 400, "invalid_request_error"),
    ({"model": "plain", "reasoning_effort": "high"}, 400, "invalid_request_error"),
    ({"model": "x:cloud"}, 403, "api_error"),
]


@pytest.mark.parametrize(("change", "status", "kind"), OPENAI_KINDS)
async def test_openais_dialect_names_the_kind_of_error_by_its_status(
    house: House, change: dict[str, Any], status: int, kind: str
) -> None:
    response = await house.post("/v1/chat/completions", {**CHAT, **change})

    error = response.json()["error"]
    assert (response.status_code, error["type"]) == (status, kind)
    assert list(error) == ["message", "type", "param", "code"]
    assert response.content == gojson.dumps({"error": error}).encode() + b"\n"


CLOUD_DOORS: list[tuple[str, str, int, bytes]] = [
    ("GET", "/api/status", 200, b'{"cloud":{"disabled":true,"source":"config"}}'),
    ("POST", "/api/me", 503, b'{"error":"account unavailable"}'),
    ("POST", "/api/signout", 401, b'{"error":"you are not currently signed in"}'),
    ("DELETE", "/api/user/keys/abc", 401, b'{"error":"you are not currently signed in"}'),
    (
        "POST",
        "/api/experimental/web_search",
        403,
        b'{"error":"ollama cloud is disabled: web search is unavailable"}',
    ),
    (
        "POST",
        "/api/experimental/web_fetch",
        403,
        b'{"error":"ollama cloud is disabled: web fetch is unavailable"}',
    ),
    ("GET", "/api/experimental/model-recommendations", 200, b'{"recommendations":[]}'),
]


@pytest.mark.parametrize(("method", "path", "status", "body"), CLOUD_DOORS)
async def test_the_cloud_is_answered_as_disabled_to_whoever_has_a_key(
    house: House, method: str, path: str, status: int, body: bytes
) -> None:
    response = await house.ask(method, path)
    stranger = await house.ask(method, path, who="")

    assert (response.status_code, response.content) == (status, body)
    assert stranger.status_code == 401
    assert stranger.content != body


async def test_loading_needs_no_more_than_the_name(house: House) -> None:
    from portal.catalog.models import Model

    await hold_ready(await Model.objects.aget(name="plain:latest"))

    for path in ("chat", "generate"):
        for keep in ({}, {"keep_alive": "5m"}, {"keep_alive": -1}, {"keep_alive": 0.5}):
            response = await house.post(f"/api/{path}", {"model": "plain", **keep})

            assert (response.status_code, response.json()["done_reason"]) == (200, "load")
            assert response.headers["Content-Type"] == JSON
