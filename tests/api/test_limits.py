"""At the doors: how often, how much, without a key, and what is written down of each request."""

import asyncio
import ipaddress
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal.accounts import keys, usage
from portal.accounts.models import ApiKey, KeyScope, Person
from portal.api import arrivals, clients
from portal.asgi import application
from portal.catalog.models import Model
from portal.chat.models import Generation, State
from tests.api.conftest import DONE, Caller, Worker, in_thread, make_person, make_secret, until

HELLO = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}]}
ANSWERING = [
    ("/api/chat", {**HELLO, "stream": False}),
    ("/api/generate", {"model": "smollm2:135m", "prompt": "Hello", "stream": False}),
    ("/api/embed", {"model": "smollm2:135m", "input": "Hello"}),
    ("/v1/chat/completions", HELLO),
    ("/v1/embeddings", {"model": "smollm2:135m", "input": "Hello"}),
]
DONE_TOKENS = DONE.stats.prompt_tokens + DONE.stats.answer_tokens if DONE.stats else 0
Configure = Callable[..., None]


@pytest.fixture
def configure(settings: Any) -> Configure:
    def change(**values: Any) -> None:
        settings.PORTAL = replace(settings.PORTAL, **values)

    return change


@pytest.fixture
def office(configure: Configure) -> None:
    """Programs of this machine may ask without a key."""
    networks = ipaddress.ip_network("127.0.0.0/8")
    configure(anonymous_networks=(networks,))


def from_address(address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=application, client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


# ── How often and how much ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("prefix", ["", "/u/{key}"])
@pytest.mark.parametrize("path", ["/api/tags", "/v1/models"])
async def test_too_many_requests_are_a_429_that_says_when_to_come_again(
    alice: Caller, model: Model, configure: Configure, prefix: str, path: str
) -> None:
    configure(requests_a_minute=2)
    answers = [await alice.get(prefix.format(key=alice.key) + path) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 61
    error = answers[2].json()["error"]
    assert "More than 2 requests" in (error if path == "/api/tags" else error["message"])


async def test_a_limited_key_does_not_slow_its_owners_other_keys(
    alice: Caller, model: Model
) -> None:
    def make() -> str:
        _, secret = keys.make_key(
            alice.person, name="loop", limits=keys.Limits(requests_a_minute=1)
        )
        return secret

    slow = {"Authorization": f"Bearer {await in_thread(make)()}"}
    answers = [await alice.http.get("/api/tags", headers=slow) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert (await alice.get("/api/tags")).status_code == 200


@pytest.mark.threat("I1")
@pytest.mark.parametrize(("path", "body"), ANSWERING)
async def test_without_tokens_left_nothing_is_answered_and_lists_still_are(
    alice: Caller, model: Model, worker: Worker, configure: Configure, path: str, body: Any
) -> None:
    configure(tokens_a_day=10)
    await in_thread(usage.book)(alice.person.pk, None, prompt_tokens=9, answer_tokens=1)

    refused = await alice.post(path, body)

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 24 * 3600
    error = refused.json()["error"]
    assert "used up: 10 of 10" in (error if path.startswith("/api") else error["message"])
    assert not await in_thread(Generation.objects.exists)()
    assert (await alice.get("/api/tags")).status_code == 200


@pytest.mark.threat("F13")
async def test_what_an_answer_took_is_counted_for_its_person_and_its_key(
    alice: Caller, model: Model, worker: Worker
) -> None:
    await alice.post("/api/chat", {**HELLO, "stream": False})
    await in_thread(record_ends)()

    key = await in_thread(alice.person.api_keys.get)()
    assert (await in_thread(usage.of_person)(alice.person)).total == DONE_TOKENS
    assert (await in_thread(usage.of_key)(key)).total == DONE_TOKENS


def record_ends() -> None:
    from portal.chat.models import OPEN
    from portal.chat.settling import settle

    settle(Generation.objects.filter(state__in=OPEN))


@pytest.mark.threat("A16")
async def test_wrong_keys_are_refused_and_good_ones_of_the_same_address_are_not(
    alice: Caller, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.accounts.quotas.MAX_WRONG_KEYS_A_MINUTE", 2)
    wrong = "pk_" + "c" * 43

    statuses = [(await alice.http.get(f"/u/{wrong}/api/tags")).status_code for _ in range(3)]
    without = await alice.http.get("/api/tags")

    assert statuses == [401, 401, 429]
    assert without.status_code == 401  # none is no wrong one
    assert (await alice.get("/api/tags")).status_code == 200


# ── Without a key ───────────────────────────────────────────────────────────────────────────────

NO_KEYS = [{}, *({"Authorization": f"Bearer {word}"} for word in ("ollama", "", "none"))]
PLACEHOLDERS = [*NO_KEYS, {"Authorization": "bearer lm-studio"}]


@pytest.mark.threat("A10")
@pytest.mark.parametrize("headers", PLACEHOLDERS)
@pytest.mark.parametrize(("path", "body"), ANSWERING)
async def test_from_a_listed_network_no_key_is_needed(
    http: httpx.AsyncClient,
    model: Model,
    worker: Worker,
    office: None,
    headers: dict[str, str],
    path: str,
    body: Any,
) -> None:
    answer = await http.post(path, json=body, headers=headers)

    assert answer.status_code == 200
    owner = await in_thread(lambda: Generation.objects.select_related("owner").get().owner)()
    assert owner.is_system


@pytest.mark.threat("A10")
@pytest.mark.parametrize("headers", PLACEHOLDERS)
async def test_from_elsewhere_a_key_is_needed(
    model: Model, http: httpx.AsyncClient, office: None, headers: dict[str, str]
) -> None:
    async with from_address("10.0.0.7") as elsewhere:
        for path in ("/api/tags", "/v1/models"):
            assert (await elsewhere.get(path, headers=headers)).status_code == 401
    assert not await in_thread(Person.objects.filter(is_system=True).exists)()


@pytest.mark.threat("A1")
@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        (None, "127.0.0.1", 401),  # invented, or from a proxy nobody told us of
        (1, "127.0.0.1", 200),
        (1, "127.0.0.1, 10.0.0.7", 401),
        (1, "", 401),
    ],
)
async def test_a_written_address_lets_nobody_in(
    http: httpx.AsyncClient,
    model: Model,
    office: None,
    configure: Configure,
    proxies: int | None,
    forwarded: str,
    status: int,
) -> None:
    configure(trusted_proxies=proxies)

    answer = await http.get("/api/tags", headers={"X-Forwarded-For": forwarded})

    assert answer.status_code == status


@pytest.mark.threat("A15")
@pytest.mark.parametrize(
    ("origin", "listed", "status"),
    [
        ("https://web.example", (), 401),
        ("http://127.0.0.1:9", (), 401),
        ("HTTPS://web.example", (), 401),
        ("https://web.example", ("https://web.example",), 200),
        ("https://web.example", ("*",), 200),
        ("http://testserver", (), 200),
        ("null", (), 200),
        ("file://", (), 200),
        ("app://chat", (), 200),
    ],
)
async def test_a_foreign_page_cannot_ask_for_the_network_it_is_looked_at_in(
    http: httpx.AsyncClient,
    model: Model,
    office: None,
    configure: Configure,
    origin: str,
    listed: tuple[str, ...],
    status: int,
) -> None:
    configure(api_origins=listed)

    assert (await http.get("/api/tags", headers={"Origin": origin})).status_code == status


@pytest.mark.threat("A15")
@pytest.mark.parametrize("origin", ["null", "file://", "app://chat"])
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("text/plain", 401),
        ("TEXT/PLAIN;charset=UTF-8", 401),
        ("application/x-www-form-urlencoded", 401),
        ("multipart/form-data; boundary=x", 401),
        ("", 401),
    ],
)
async def test_a_page_that_hides_its_origin_asks_no_more_than_its_browser_would_ask_us_about(
    http: httpx.AsyncClient,
    model: Model,
    worker: Worker,
    office: None,
    origin: str,
    kind: str,
    status: int,
) -> None:
    """A frame may be sandboxed by whoever shows it: then `null` is all that its browser says."""
    headers = {"Origin": origin, **({"Content-Type": kind} if kind else {})}

    answer = await http.post("/api/chat", content=json.dumps(HELLO), headers=headers)
    preflight = await http.options("/api/chat", headers={"Origin": origin})

    assert answer.status_code == status
    assert await in_thread(Generation.objects.count)() == (status == 200)
    assert "Access-Control-Allow-Origin" not in preflight.headers


@pytest.mark.threat("A10")
async def test_a_wrong_key_is_not_taken_for_none(
    http: httpx.AsyncClient, model: Model, office: None
) -> None:
    wrong = "pk_" + "c" * 43
    for path, headers in (
        ("/api/tags", {"Authorization": f"Bearer {wrong}"}),
        (f"/u/{wrong}/api/tags", {}),
        (f"/u/{wrong}/api/tags", {"Authorization": "Bearer ollama"}),
    ):
        assert (await http.get(path, headers=headers)).status_code == 401, path


@pytest.mark.threat("B15")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/pull"),
        ("POST", "/api/create"),
        ("DELETE", "/api/delete"),
        ("GET", "/metrics"),
    ],
)
async def test_nobody_manages_models_or_reads_metrics_without_a_key(
    http: httpx.AsyncClient, office: None, method: str, path: str
) -> None:
    assert (await http.request(method, path, json={})).status_code == 401


@pytest.mark.threat("F22")
async def test_nobody_takes_a_model_out_of_memory_without_a_key(
    http: httpx.AsyncClient, model: Model, office: None
) -> None:
    habit = {"model": "smollm2:135m", "keep_alive": 0}

    answer = await http.post("/api/generate", json=habit)

    assert (answer.status_code, answer.json()["done_reason"]) == (200, "unload")
    assert answer.headers["X-Portal-Unloaded"] == "no"


@pytest.mark.threat("B16")
async def test_without_a_key_one_sees_what_is_for_everyone_only(
    http: httpx.AsyncClient, model: Model, office: None
) -> None:
    for_all = (await http.get("/api/tags")).json()["models"]
    await in_thread(Model.objects.update)(is_for_everyone=False)

    assert [each["name"] for each in for_all] == ["smollm2:135m"]
    assert (await http.get("/api/tags")).json()["models"] == []
    assert (await http.post("/api/chat", json=HELLO)).status_code == 404


async def test_each_address_without_a_key_has_its_own_few_requests(
    http: httpx.AsyncClient, model: Model, office: None, configure: Configure
) -> None:
    configure(anonymous_requests_a_minute=2)

    here = [(await http.get("/api/tags")).status_code for _ in range(3)]
    async with from_address("127.0.0.9") as neighbour:
        there = await neighbour.get("/api/tags")

    assert here == [200, 200, 429]
    assert there.status_code == 200


async def test_all_without_a_key_share_a_small_day(
    http: httpx.AsyncClient, model: Model, worker: Worker, office: None, configure: Configure
) -> None:
    configure(anonymous_tokens_a_day=DONE_TOKENS)
    first = await http.post("/api/chat", json={**HELLO, "stream": False})
    await in_thread(record_ends)()

    second = await http.post("/api/chat", json={**HELLO, "stream": False})

    assert (first.status_code, second.status_code) == (200, 429)


# ── What is written down ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "path", "client"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 xyz.chatboxapp.app/1.9.8 "
            "Chrome/108.0.5359.215 Electron/22.3.27 Safari/537.36",
            "/api/chat",
            "ChatBox 1.9.8, Ollama API",
        ),
        ("xyz.chatboxapp.app/1.20.0 Chrome/122", "/v1/models", "ChatBox 1.20.0, OpenAI API"),
        ("ollama-python/0.6.1 (x86_64 linux) Python/3.11.2", "/api/tags", "ollama (Python) 0.6.1"),
        ("ollama/0.13.0 (amd64 linux) Go/go1.24", "/api/tags", "ollama 0.13.0"),
        ("OpenAI/Python 2.8.0", "/v1/models", "openai (Python) 2.8.0"),
        ("AsyncOpenAI/Python 2.8.0", "/v1/models", "openai (Python) 2.8.0"),
        ("OpenAI/JS 6.1.0", "/v1/models", "openai (JavaScript) 6.1.0"),
        ("ai-sdk/openai-compatible/2.0.26 ai/6.0.67", "/v1/models", "AI SDK 2.0.26"),
        ("curl/8.5.0", "/v1/models", "curl 8.5.0"),
        ("Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0", "/v1/models", "Firefox 140.0"),
        ("MyTool/3 (company)", "/api/tags", "MyTool 3"),
        ("", "/api/tags", "unknown"),
        ("\x1b[31m\u202eevil", "/api/tags", "unknown"),
        ("tool\u2028forged line", "/api/tags", "tool"),
        ("x" * 5_000, "/api/tags", "x" * 40),
    ],
)
def test_a_program_is_known_by_what_it_says_of_itself(said: str, path: str, client: str) -> None:
    from django.test import RequestFactory

    request = RequestFactory().get(path, headers={"User-Agent": said})

    assert clients.client_of(request) == client


async def test_each_request_is_a_line_with_its_program_and_without_its_words(
    alice: Caller, model: Model, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    old = {"User-Agent": "xyz.chatboxapp.app/1.9.8 Chrome/108"}
    body = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "a canary"}]}

    await alice.http.post(f"/u/{alice.key}/api/chat", json=body, headers=old)
    await alice.http.get(f"/u/{alice.key}/v1/models/canary", headers=old)
    await alice.http.get(f"/u/{alice.key}/v1/models/can%0Aary", headers=old)

    told = [each.getMessage() for each in caplog.records if each.name == "portal.api.arrivals"]
    # What the client of this test writes down is its own affair.
    all_told = [
        each.getMessage() for each in caplog.records if each.name.partition(".")[0] != "httpx"
    ]
    key_id = (await in_thread(alice.person.api_keys.get)()).pk
    assert told[0] == (
        f"POST /api/chat for {key_id} of {alice.person.pk}: ChatBox 1.9.8, Ollama API, answered 200"
    )
    assert told[1].startswith("GET /v1/models/<path:name> for ")
    assert alice.key not in "".join(all_told)
    assert "canary" not in "".join(told)
    assert "can\nary" not in "".join(all_told)


async def test_a_key_remembers_its_newest_request(alice: Caller, model: Model) -> None:
    agent = {**alice.headers, "User-Agent": "xyz.chatboxapp.app/1.20.0"}

    async def newest() -> tuple[str, str, int | None]:
        key = await in_thread(ApiKey.objects.get)()
        return key.last_client, key.last_act, key.last_status

    await alice.http.get("/v1/models", headers=agent)
    assert await newest() == ("ChatBox 1.20.0, OpenAI API", "models", 200)

    missing = {"model": "gone", "messages": HELLO["messages"]}
    await alice.http.post("/v1/chat/completions", json=missing, headers=agent)
    assert await newest() == ("ChatBox 1.20.0, OpenAI API", "chat", 404)


@pytest.mark.threat("F13")
async def test_who_leaves_while_her_use_is_written_down_frees_her_slot(
    alice: Caller, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    noting = asyncio.Event()

    async def note(*_: object, **__: object) -> None:
        noting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(arrivals, "note", note)
    body = json.dumps({**HELLO, "stream": True}).encode()
    coming = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        if (first := next(coming, None)) is not None:
            return first
        await noting.wait()
        return {"type": "http.disconnect"}

    async def send(_: dict[str, Any]) -> None:
        raise AssertionError("nothing can be sent any more")

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/chat",
        "raw_path": b"/api/chat",
        "query_string": b"",
        "headers": [
            (b"host", b"testserver"),
            (b"authorization", f"Bearer {alice.key}".encode()),
            (b"content-length", str(len(body)).encode()),
        ],
        "client": ("127.0.0.1", 4711),
    }
    before = asyncio.all_tasks()

    await application(scope, receive, send)

    generation = await in_thread(Generation.objects.get)()
    assert generation.state == State.STOPPED
    await until(lambda: _is_true(not _listening(asyncio.all_tasks() - before)))


async def _is_true(value: bool) -> bool:
    return value


def _listening(tasks: set["asyncio.Task[Any]"]) -> list[str]:
    names = [getattr(each.get_coro(), "__qualname__", "") for each in tasks]
    return [name for name in names if name.endswith("_keep_listening")]


async def test_the_same_again_is_not_written_again(alice: Caller, model: Model) -> None:
    await alice.get("/v1/models")
    await in_thread(ApiKey.objects.update)(last_client="as it was")

    await alice.get("/v1/models")

    assert (await in_thread(ApiKey.objects.get)()).last_client == "as it was"


# ── The key itself ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.threat("A10")
async def test_the_key_of_the_header_goes_before_the_one_in_the_address(
    alice: Caller, model: Model, worker: Worker
) -> None:
    def make() -> tuple[str, UUID]:
        key, secret = keys.make_key(alice.person, name="header", scopes=[KeyScope.CHAT])
        return secret, key.pk

    secret, key_id = await in_thread(make)()
    await alice.http.post(
        f"/u/{alice.key}/api/chat",
        json={**HELLO, "stream": False},
        headers={"Authorization": f"Bearer {secret}"},
    )

    assert (await in_thread(Generation.objects.get)()).key_id == key_id


@pytest.mark.threat("A12")
async def test_an_expired_key_opens_nothing_from_that_moment(
    alice: Caller, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = await in_thread(make_secret)(alice.person, expires_at=keys.in_days(1))
    headers = {"Authorization": f"Bearer {secret}"}
    before = await alice.http.get("/api/tags", headers=headers)

    tomorrow = keys.in_days(2)
    monkeypatch.setattr("portal.accounts.keys.timezone.now", lambda: tomorrow)

    assert before.status_code == 200
    assert (await alice.http.get("/api/tags", headers=headers)).status_code == 401


async def test_nobodys_person_is_made_by_the_first_that_comes(
    http: httpx.AsyncClient, model: Model, office: None
) -> None:
    await in_thread(make_person)("other@example.com")

    await http.get("/api/tags")
    await until(lambda: in_thread(Person.objects.filter(is_system=True).exists)())

    assert await in_thread(Person.objects.filter(is_system=True).count)() == 1
