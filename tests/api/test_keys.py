"""Who is asking: every carrier at every endpoint, and what no carrier opens."""

import json
import logging
from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import get_resolver

from portal.accounts import keys
from portal.accounts.models import KeyScope, Person
from portal.api import urls
from portal.catalog.models import Model
from tests.api.conftest import (
    Caller,
    Worker,
    in_thread,
    make_model,
    make_person,
    make_secret,
)

HELLO = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}]}
TEXT = {"model": "smollm2:135m", "input": "Hello", "prompt": "Hello"}
RANKER = "ranker:latest"
ENDPOINTS = [
    ("GET", "/api/version", None),
    ("HEAD", "/api/version", None),
    ("GET", "/api/tags", None),
    ("HEAD", "/api/tags", None),
    ("GET", "/api/ps", None),
    ("POST", "/api/chat", HELLO),
    ("POST", "/api/generate", TEXT),
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/smollm2:135m", None),
    ("POST", "/v1/chat/completions", HELLO),
    ("POST", "/v1/completions", TEXT),
    ("POST", "/v1/responses", TEXT),
    ("POST", "/v1/messages", {**HELLO, "max_tokens": 9}),
    ("POST", "/api/embed", TEXT),
    ("POST", "/api/embeddings", TEXT),
    ("POST", "/v1/embeddings", TEXT),
    ("POST", "/v1/rerank", {"model": RANKER, "query": "Hello", "documents": ["Hi"]}),
]
FOR_EMBEDDINGS = {"/api/embed", "/api/embeddings", "/v1/embeddings", "/v1/rerank"}
# Held to the same where they are tested: they need files, or a key for managing.
# Or they say no to everybody, who has a key (tests/contract/test_names.py).
ELSEWHERE = {
    *("api/status", "api/me", "api/signout", "api/user/keys/", "api/experimental/web_search"),
    *("api/experimental/web_fetch", "api/experimental/model-recommendations"),
    *("api/docs", "api/openapi.json"),  # for everybody: nothing of anybody is in them
    "api/show",
    *("api/copy", "api/delete", "api/pull", "api/push", "api/create", "api/blobs/"),
}
every_endpoint = pytest.mark.parametrize(("method", "path", "body"), ENDPOINTS)
Body = dict[str, Any] | None


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_the_list_above_is_whole() -> None:
    routes = {str(each.pattern).split("<")[0] for each in urls.urlpatterns[1:-1]}

    assert routes - ELSEWHERE == {path[1:].replace("smollm2:135m", "") for _, path, _ in ENDPOINTS}


@pytest.mark.threat("A10")
@every_endpoint
async def test_a_key_opens_every_endpoint_by_header_and_by_path(
    alice: Caller, model: Model, worker: Worker, method: str, path: str, body: Body
) -> None:
    await in_thread(make_model)(RANKER, capabilities=["embedding", "rerank"])
    for address, headers in (
        (path, bearer(alice.key)),
        (path, {"Authorization": f"bearer  {alice.key}"}),
        (f"/u/{alice.key}{path}", {}),
        (f"/u/{alice.key}{path}", bearer("ollama")),
        (f"/u/{alice.key}{path}", bearer(alice.key)),
    ):
        response = await alice.http.request(method, address, json=body, headers=headers)
        assert response.status_code == 200, address


@pytest.mark.threat("A10")
@every_endpoint
async def test_what_is_no_key_of_ours_opens_nothing(
    alice: Caller, bob: Caller, model: Model, method: str, path: str, body: Body
) -> None:
    wrong = alice.key[:-1] + ("a" if alice.key[-1] != "a" else "b")
    carriers: list[tuple[str, dict[str, str]]] = [
        (path, {}),
        (path, bearer(wrong)),
        (path, bearer("")),
        (path, bearer("ollama")),
        (path, bearer("lm-studio")),
        (path, bearer("none")),
        (path, {"Authorization": alice.key}),
        (path, {"Authorization": f"Basic {alice.key}"}),
        # Anthropic's clients have a header of their own, on their own route (test_messages.py).
        (path, {"X-Api-Key": alice.key if path != "/v1/messages" else wrong}),
        (path, {"Api-Key": alice.key}),
        (f"{path}?key={alice.key}", {}),
        (f"/u/{wrong}{path}", {}),
        (f"/u/{wrong}{path}", bearer("ollama")),
        (f"/u/{alice.key}{path}", bearer(bob.key)),
        (f"/u/{wrong}{path}", bearer(alice.key)),
        (f"/u/{alice.key}{path}", bearer(wrong)),
    ]
    for address, headers in carriers:
        response = await alice.http.request(method, address, json=body, headers=headers)

        assert response.status_code == 401, (address, headers)
        assert response.headers["Content-Type"].startswith("application/json")
        if method != "HEAD":
            error = json.loads(response.content)["error"]
            assert isinstance(error, dict if path.startswith("/v1") else str)


@pytest.mark.threat("A10")
@every_endpoint
async def test_a_key_for_something_else_is_not_for_this(
    http: httpx.AsyncClient, model: Model, method: str, path: str, body: Body
) -> None:
    own = KeyScope.EMBEDDINGS if path in FOR_EMBEDDINGS else KeyScope.CHAT

    def make() -> list[str]:
        staff = Person.objects.create_superuser("carol@example.com")
        others = [scope for scope in KeyScope if scope != own]
        return [make_secret(staff, scopes=[scope]) for scope in others]

    for secret in await in_thread(make)():
        for address, headers in ((path, bearer(secret)), (f"/u/{secret}{path}", {})):
            response = await http.request(method, address, json=body, headers=headers)
            assert response.status_code == 403
            assert response.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("end", ["", "/"])
async def test_the_bare_address_of_a_key_says_that_something_runs(alice: Caller, end: str) -> None:
    good = await alice.http.get(f"/u/{alice.key}{end}")
    bad = await alice.http.get(f"/u/nobody{end}")

    assert (good.status_code, good.text) == (200, "Ollama is running")
    assert bad.status_code == 401


@pytest.mark.threat("A12")
@every_endpoint
async def test_a_disabled_account_and_a_revoked_key_open_nothing(
    alice: Caller, bob: Caller, model: Model, method: str, path: str, body: Body
) -> None:
    def end() -> None:
        Person.objects.filter(id=alice.person.id).update(is_active=False)
        keys.revoke(bob.person, key_id=bob.person.api_keys.get().id)

    await in_thread(end)()

    for secret in (alice.key, bob.key):
        for address, headers in ((path, bearer(secret)), (f"/u/{secret}{path}", {})):
            response = await alice.http.request(method, address, json=body, headers=headers)
            assert response.status_code == 401


@pytest.mark.threat("A15")
@every_endpoint
async def test_a_session_opens_no_key_route(
    http: httpx.AsyncClient, model: Model, method: str, path: str, body: Body
) -> None:
    def signed_in() -> dict[str, str]:
        browser = Client()
        browser.force_login(make_person("dora@example.com", is_staff=True, is_superuser=True))
        return {name: morsel.value for name, morsel in browser.cookies.items()}

    http.cookies.update(await in_thread(signed_in)())

    response = await http.request(method, path, json=body)

    assert response.status_code == 401
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.headers.get("Vary", "")


@pytest.mark.threat("A15")
async def test_reading_changes_no_row(alice: Caller, model: Model) -> None:
    from portal.audit.models import Entry
    from portal.chat.models import Generation

    await alice.get("/api/version")  # the key notes its first use
    before = await in_thread(lambda: (Entry.objects.count(), Generation.objects.count()))()

    for method, path, _ in ENDPOINTS:
        if method != "POST":
            await alice.http.request(method, path, headers=alice.headers)

    after = await in_thread(lambda: (Entry.objects.count(), Generation.objects.count()))()
    assert after == before


@pytest.mark.threat("A16")
async def test_a_key_made_for_an_address_opens_nothing_in_a_header(
    alice: Caller, model: Model
) -> None:
    secret = await in_thread(make_secret)(alice.person, for_path=True)

    assert (await alice.http.get(f"/u/{secret}/api/tags")).status_code == 200
    assert (await alice.http.get("/api/tags", headers=bearer(secret))).status_code == 401


@pytest.mark.threat("A16")
@pytest.mark.parametrize(
    "path", ["/metrics", "/admin/", "/accounts/login/", "/healthz", "/static/x", "/nothing", "/u/x"]
)
async def test_below_a_key_there_is_only_the_api(alice: Caller, path: str) -> None:
    response = await alice.http.get(f"/u/{alice.key}{path}")

    assert (response.status_code, response.text) == (404, "404 page not found")


@pytest.mark.threat("A16")
async def test_a_key_in_an_address_is_written_down_nowhere(
    alice: Caller, model: Model, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    wrong = "pk_" + "c" * 43

    bodies = []
    for key in (alice.key, wrong):
        for method, path, body in [
            *ENDPOINTS,
            ("GET", "/nothing", None),
            ("PUT", "/api/tags", None),
        ]:
            response = await alice.http.request(method, f"/u/{key}{path}", json=body)
            bodies.append(response.text + repr(response.headers))
        bodies.append((await alice.http.post(f"/u/{key}/api/chat", content=b"{", headers={})).text)
    strange_host = {"Host": "evil.example"}
    bodies.append((await alice.http.get(f"/u/{alice.key}/api/tags", headers=strange_host)).text)

    for canary in (alice.key, wrong):
        assert canary not in caplog.text
        assert not any(canary in body for body in bodies)


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/api/nothing", 404, "404 page not found"),
        ("POST", "/v1/nothing", 404, "404 page not found"),
        ("GET", "/api", 404, "404 page not found"),
        ("GET", "/api/chat", 405, "405 method not allowed"),
        ("POST", "/api/tags", 405, "405 method not allowed"),
        ("DELETE", "/v1/models/x", 405, "405 method not allowed"),
    ],
)
async def test_unknown_addresses_and_methods_are_never_a_page(
    http: httpx.AsyncClient, method: str, path: str, status: int, text: str
) -> None:
    response = await http.request(method, path)

    assert (response.status_code, response.text) == (status, text)
    assert response.headers["Content-Type"] == "text/plain"
    assert status == 404 or response.headers["Allow"]


@pytest.mark.threat("B15")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", f"/api/{verb}") for verb in ("pull", "push", "create", "copy")),
        ("DELETE", "/api/delete"),
        ("POST", "/api/blobs/sha256:" + "0" * 64),
        ("HEAD", "/api/blobs/sha256:" + "0" * 64),
    ],
)
async def test_an_ordinary_key_manages_no_models_and_its_body_is_not_read(
    alice: Caller, method: str, path: str
) -> None:
    for address in (path, f"/u/{alice.key}{path}"):
        response = await alice.http.request(
            method, address, headers=alice.headers, content=b"not even JSON"
        )
        assert response.status_code in (401, 403)


@pytest.mark.threat("C14")
async def test_no_foreign_page_has_a_permission_by_default(alice: Caller, model: Model) -> None:
    origin = {"Origin": "https://web.example"}

    preflight = await alice.http.options("/v1/models", headers=origin)
    answer = await alice.http.get("/v1/models", headers={**origin, **alice.headers})

    assert (preflight.status_code, answer.status_code) == (204, 200)
    for response in (preflight, answer):
        assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.threat("C14")
@pytest.mark.parametrize(
    ("listed", "origin", "granted"),
    [
        ("https://web.example", "https://web.example", "https://web.example"),
        ("https://*.example", "https://web.example", "https://web.example"),
        ("http://localhost:*", "http://localhost:5173", "http://localhost:5173"),
        ("app://*", "app://chat", "app://chat"),
        ("*", "https://any.example", "*"),
        ("https://web.example", "https://web.example.evil", None),
        ("https://web.example", "https://webxexample", None),
        ("https://web.example", "http://web.example", None),
    ],
)
async def test_listed_pages_have_one_and_never_with_credentials(
    http: httpx.AsyncClient, settings: Any, listed: str, origin: str, granted: str | None
) -> None:
    from dataclasses import replace

    settings.PORTAL = replace(settings.PORTAL, api_origins=(listed,))

    for path in ("/v1/models", "/api/chat", "/u/whoever/v1/models"):
        response = await http.options(path, headers={"Origin": origin})

        assert response.status_code == 204
        assert response.headers.get("Access-Control-Allow-Origin") == granted
        assert ("Access-Control-Allow-Headers" in response.headers) == (granted is not None)
        assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.threat("C15")
@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
async def test_a_body_beyond_the_limit_is_a_413_in_json(alice: Caller, path: str) -> None:
    headers = {**alice.headers, "Content-Length": str(33 * 1024 * 1024)}

    announced = await alice.http.post(path, content=b"{}", headers=headers)
    streamed = await alice.http.post(path, content=_mebibytes(33), headers=alice.headers)

    for response in (announced, streamed):
        assert response.status_code == 413
        assert "32 MiB" in str(response.json()["error"])


async def test_a_large_body_within_the_limit_is_read(
    alice: Caller, model: Model, worker: Worker
) -> None:
    picture = "aGVs" * (15 * 1024 * 1024 // 4)
    messages = [{"role": "user", "content": "", "images": [picture]}]

    response = await alice.post("/api/chat", {**HELLO, "messages": messages})

    assert response.status_code == 400
    assert "image_url is only supported" in response.json()["error"]


async def _mebibytes(count: int) -> Any:
    for _ in range(count):
        yield b" " * 1024 * 1024


def test_nothing_of_the_api_redirects_or_is_a_page_of_the_portal() -> None:
    paths = [str(each.pattern) for each in get_resolver(urls.__name__).url_patterns]

    assert all(path.startswith(("api/", "v1/", "^(?:api|v1)")) for path in paths)
