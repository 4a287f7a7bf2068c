"""Section 0 of the contract: broken bodies, wrong kinds, unknown addresses, byte for byte."""

import pytest

from portal.api.go import gojson
from tests.contract.living import JSON, House

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.django_db(transaction=True)]

# address, method, name of the request in Go, a text field of it, what an empty request is told
NATIVE = [
    ("generate", "POST", "GenerateRequest", "model", (404, "model '' not found")),
    ("chat", "POST", "ChatRequest", "model", (400, "model is required")),
    ("embed", "POST", "EmbedRequest", "model", (404, "model '' not found")),
    ("embeddings", "POST", "EmbeddingRequest", "model", (400, "model is required")),
    ("show", "POST", "ShowRequest", "model", (400, "model is required")),
    ("copy", "POST", "CopyRequest", "source", (400, 'source "" is invalid')),
    ("delete", "DELETE", "DeleteRequest", "model", (400, "model is required")),
    ("pull", "POST", "PullRequest", "model", (400, "invalid model name")),
    ("push", "POST", "PushRequest", "model", (400, "model is required")),
    ("create", "POST", "CreateRequest", "model", (400, "invalid model name")),
]
every_address = pytest.mark.parametrize(
    ("name", "method", "struct", "field", "empty"), NATIVE, ids=[row[0] for row in NATIVE]
)

BROKEN = [
    (b"", "missing request body"),
    (b" \r\n\t", "missing request body"),
    (b"{", "unexpected EOF"),
    (b'{"model":', "unexpected EOF"),
    (b'{"model":"x', "unexpected EOF"),
    (b"x", "invalid character 'x' looking for beginning of value"),
    (b"<html>", "invalid character '<' looking for beginning of value"),
    (b"{]", "invalid character ']' looking for beginning of object key string"),
    (b"{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
    (b'{"a":tru3}', "invalid character '3' in literal true (expecting 'e')"),
]


def native(error: str) -> bytes:
    return gojson.dumps({"error": error}).encode()


@every_address
async def test_a_broken_body_is_a_400_in_the_decoders_own_words(
    house: House, name: str, method: str, struct: str, field: str, empty: tuple[int, str]
) -> None:
    wrong_kinds = [
        (f'{{"{field}":1}}', f"number into Go struct field {struct}.{field} of type string"),
        (f'{{"{field}":[]}}', f"array into Go struct field {struct}.{field} of type string"),
        (f'{{"{field}":true}}', f"bool into Go struct field {struct}.{field} of type string"),
        (f'{{"{field}":{{}}}}', f"object into Go struct field {struct}.{field} of type string"),
        ("[1]", f"array into Go value of type api.{struct}"),
        ('"x"', f"string into Go value of type api.{struct}"),
    ]
    kinds = [(body.encode(), f"json: cannot unmarshal {words}") for body, words in wrong_kinds]

    for body, sentence in (*BROKEN, *kinds):
        response = await house.ask(method, f"/api/{name}", body, who="manager")

        assert (response.status_code, response.content) == (400, native(sentence)), body
        assert response.headers["Content-Type"] == JSON


@every_address
async def test_null_is_an_empty_request_and_not_a_missing_one(
    house: House, name: str, method: str, struct: str, field: str, empty: tuple[int, str]
) -> None:
    status, sentence = empty
    for body in (b"null", b"{}", b'{"unknown":1}', f'{{"{field}":null}}'.encode(), b"{} rest ]"):
        response = await house.ask(method, f"/api/{name}", body, who="manager")

        assert (response.status_code, response.content) == (status, native(sentence)), body


# Where a field stands is told whole, and its type as Go calls it.
DEEP = [
    ("chat", b'{"messages":{}}', "object", "messages", "[]api.Message"),
    ("chat", b'{"messages":["x"]}', "string", "messages", "api.Message"),
    ("chat", b'{"messages":[{"content":[]}]}', "array", "messages.content", "string"),
    ("chat", b'{"messages":[{"images":1}]}', "number", "messages.images", "[]api.ImageData"),
    ("chat", b'{"messages":[{"images":[1]}]}', "number", "messages.images", "api.ImageData"),
    ("chat", b'{"stream":"yes"}', "string", "stream", "bool"),
    ("chat", b'{"tools":"x"}', "string", "tools", "api.Tools"),
    ("chat", b'{"tools":[1]}', "number", "tools", "api.Tool"),
    ("chat", b'{"tools":[{"function":1}]}', "number", "tools.function", "api.ToolFunction"),
    ("chat", b'{"tools":[{"function":{"name":1}}]}', "number", "tools.function.name", "string"),
    ("chat", b'{"options":[]}', "array", "options", "map[string]interface {}"),
    ("chat", b'{"truncate":1}', "number", "truncate", "bool"),
    ("chat", b'{"top_logprobs":1.5}', "number 1.5", "top_logprobs", "int"),
    ("chat", b'{"logprobs":1}', "number", "logprobs", "bool"),
    (
        "chat",
        b'{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f",'
        b'"arguments":"{}"}}]}]}',
        *("string", "messages.tool_calls.function.arguments", "api.ToolCallFunctionArguments"),
    ),
    ("generate", b'{"context":"x"}', "string", "context", "[]int"),
    ("generate", b'{"images":{}}', "object", "images", "[]api.ImageData"),
    ("generate", b'{"images":[7]}', "number", "images", "api.ImageData"),
    ("generate", b'{"raw":1}', "number", "raw", "bool"),
    ("embed", b'{"dimensions":"x"}', "string", "dimensions", "int"),
    ("show", b'{"verbose":"x"}', "string", "verbose", "bool"),
    ("pull", b'{"insecure":"x"}', "string", "insecure", "bool"),
    ("create", b'{"files":[]}', "array", "files", "map[string]string"),
]


@pytest.mark.parametrize(("name", "body", "kind", "path", "go_type"), DEEP)
async def test_a_wrong_kind_is_named_with_its_whole_path(
    house: House, name: str, body: bytes, kind: str, path: str, go_type: str
) -> None:
    struct = {row[0]: row[2] for row in NATIVE}[name]

    response = await house.post(f"/api/{name}", body, who="manager")

    sentence = f"json: cannot unmarshal {kind} into Go struct field {struct}.{path}"
    assert (response.status_code, response.content) == (
        400,
        native(f"{sentence} of type {go_type}"),
    )


BASE64 = [
    ("data:image/png;base64,aGk=", 4),
    ("ab*d", 2),
    ("YQ", 0),
    ("YWJjYQ", 4),
    ("YQ=", 3),
    ("YQ=x", 2),
    ("Y===", 1),
    ("YQ==YQ==", 4),
    ("aGk=!", 4),
    ("ü", 0),
]


@pytest.mark.parametrize(("written", "at"), BASE64)
async def test_what_is_no_base64_is_refused_with_its_first_bad_byte(
    house: House, written: str, at: int
) -> None:
    message = {"role": "user", "content": "x", "images": [written]}
    refused = native(f"illegal base64 data at input byte {at}")

    chat = await house.post("/api/chat", {"model": "eyes", "messages": [message]})
    generate = await house.post("/api/generate", {"model": "eyes", "images": [written]})

    assert (chat.status_code, chat.content) == (400, refused)
    assert (generate.status_code, generate.content) == (400, refused)


async def test_a_picture_may_be_written_in_lines(house: House) -> None:
    message = {"role": "user", "content": "x", "images": ["aGVs\r\nbG8=\n"]}

    response = await house.post("/api/chat", {"model": "eyes", "messages": [message]})

    assert response.status_code == 200
    assert house.worker.taken[0].messages[0].images == (b"hello",)


@pytest.mark.threat("H13")
@pytest.mark.parametrize(
    "body",
    [
        {"model": "pl\0ain", "messages": [{"role": "user", "content": "x"}]},
        {"model": "plain", "messages": [{"role": "user", "content": "x\0"}]},
        {"model": "plain", "messages": [{"role": "us\0er", "content": "x"}]},
        {"model": "plain", "messages": [{"role": "user", "content": "x"}], "\0": 1},
        {"model": "plain", "messages": [], "options": {"stop": ["\0"]}},
        {"model": "plain", "messages": [], "format": {"const": "\0"}},
    ],
    ids=str,
)
async def test_a_nul_is_refused_wherever_it_stands(house: House, body: dict[str, object]) -> None:
    """PostgreSQL could not store it."""
    for path in ("/api/chat", "/v1/chat/completions"):
        response = await house.post(path, body)

        assert response.status_code == 400
        assert "NUL" in response.text
    assert house.worker.taken == []


async def test_a_backslash_before_a_u_is_no_nul(house: House) -> None:
    body = b'{"model":"plain","messages":[{"role":"user","content":"\\\\u0000"}]}'

    assert (await house.post("/api/chat", body)).status_code == 200
    assert house.worker.taken[0].messages[0].content == "\\u0000"


@pytest.mark.threat("H13")
async def test_a_name_that_no_column_could_hold_is_no_name_at_any_door(house: House) -> None:
    host, part = "h" * 350, "n" * 80
    longest = f"{host}/{part}/{part}:{part}"
    refused = (400, native("invalid model name"))

    for path, body in (
        ("chat", {"model": longest}),
        ("generate", {"model": longest}),
        ("embed", {"model": longest, "input": "x"}),
        ("show", {"model": longest}),
        ("pull", {"model": longest}),
        ("create", {"model": longest, "from": "plain"}),
        ("create", {"model": "short", "from": longest}),
    ):
        response = await house.post(f"/api/{path}", {**body, "stream": False}, who="manager")
        assert (response.status_code, response.content) == refused, path
    copied = await house.post(
        "/api/copy", {"source": "plain", "destination": longest}, who="manager"
    )
    deleted = await house.ask("DELETE", "/api/delete", {"model": longest}, who="manager")
    assert copied.content == native(f'destination "{longest}" is invalid')
    assert deleted.content == native(f'name "{longest}" is invalid')


ROUTING = [
    ("GET", "/api/nothing", 404, b"404 page not found", None),
    ("POST", "/api/generate/more", 404, b"404 page not found", None),
    ("GET", "/v1/nothing", 404, b"404 page not found", None),
    ("GET", "/api/chat", 405, b"405 method not allowed", "POST"),
    ("GET", "/api/show", 405, b"405 method not allowed", "POST"),
    ("POST", "/api/tags", 405, b"405 method not allowed", "GET, HEAD"),
    ("POST", "/api/delete", 405, b"405 method not allowed", "DELETE"),
    ("PUT", "/api/version", 405, b"405 method not allowed", "GET, HEAD"),
    ("GET", "/v1/chat/completions", 405, b"405 method not allowed", "POST"),
]


@pytest.mark.parametrize(("method", "path", "status", "text", "allowed"), ROUTING)
async def test_unknown_addresses_and_methods_are_told_as_gin_tells_them(
    house: House, method: str, path: str, status: int, text: bytes, allowed: str | None
) -> None:
    response = await house.ask(method, path, who="")

    assert (response.status_code, response.content) == (status, text)
    assert response.headers["Content-Type"] == "text/plain"
    assert response.headers.get("Allow") == allowed


OPENAI_BROKEN = [
    (b"", "EOF"),
    (b"{", "unexpected EOF"),
    (b"x", "invalid character 'x' looking for beginning of value"),
    (
        b'{"model":1}',
        "json: cannot unmarshal number into Go struct field {struct}.model of type string",
    ),
]


@pytest.mark.parametrize(
    ("path", "struct"),
    [("chat/completions", "ChatCompletionRequest"), ("embeddings", "EmbedRequest")],
)
async def test_openais_dialect_has_the_same_words_in_its_own_shape(
    house: House, path: str, struct: str
) -> None:
    for body, words in OPENAI_BROKEN:
        response = await house.post(f"/v1/{path}", body)

        error = {
            "message": words.replace("{struct}", struct),
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
        assert response.status_code == 400
        assert response.content == gojson.dumps({"error": error}).encode() + b"\n"
        assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_program_at_the_bare_address_hears_that_ollama_is_running(
    house: House, method: str
) -> None:
    for accepted in ("*/*", "application/json", "application/x-ndjson", ""):
        response = await house.ask(method, "/", who="", Accept=accepted)

        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["Content-Length"] == "17"
        assert response.content == (b"Ollama is running" if method == "GET" else b"")


async def test_a_person_at_the_bare_address_gets_the_page(house: House) -> None:
    html = "text/html,application/xhtml+xml,*/*;q=0.8"

    stranger = await house.ask("GET", "/", who="", Accept=html)
    signed_in = await house.ask("GET", "/", who="", Accept="*/*", Cookie="sessionid=x")

    for response in (stranger, signed_in):
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/accounts/login/")
