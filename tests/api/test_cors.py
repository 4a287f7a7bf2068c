"""Foreign pages: who has a permission, what it says, and that errors can be read as well."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from portal.api import cors
from portal.catalog.models import Model
from tests.api.conftest import Caller, Worker

PAGE = "https://web.example"
FOREIGN = {"Origin": PAGE}
BASIC = {"Authorization", "Content-Type", "Accept", "User-Agent"}


@pytest.fixture
def listed(settings: Any) -> None:
    settings.PORTAL = replace(settings.PORTAL, api_origins=(PAGE, "file://*", "null"))


@pytest.mark.threat("C14")
@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("path", ["/v1/models", "/api/chat", "/models", "/u/KEY/v1/models"])
async def test_a_listed_page_is_told_what_it_may_before_anybody_asks_for_a_key(
    http: httpx.AsyncClient, path: str
) -> None:
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}

    response = await http.options(path, headers={**FOREIGN, **asking})

    assert (response.status_code, response.content) == (204, b"")
    told = {name.lower(): value for name, value in response.headers.items()}
    assert told["access-control-allow-origin"] == PAGE
    assert told["access-control-allow-methods"] == "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"
    assert told["access-control-max-age"] == "43200"
    assert told["access-control-allow-headers"] == cors.HEADERS
    assert set(cors.HEADERS.split(",")) >= BASIC
    for name in ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"):
        assert name in told["vary"]
    assert "access-control-allow-credentials" not in told


@pytest.mark.threat("C14")
@pytest.mark.usefixtures("listed")
async def test_the_headers_of_anthropics_clients_are_allowed_on_their_own_route(
    http: httpx.AsyncClient,
) -> None:
    name = "Access-Control-Allow-Headers"
    theirs = (await http.options("/v1/messages", headers=FOREIGN)).headers[name]
    others = (await http.options("/v1/responses", headers=FOREIGN)).headers[name]

    own = {"X-Api-Key", "Anthropic-Version", "Anthropic-Beta"}
    assert set(theirs.split(",")) >= own | BASIC
    assert not own & set(others.split(","))


@pytest.mark.threat("C14")
@pytest.mark.usefixtures("listed")
async def test_a_listed_page_can_read_answers_streams_and_refusals(
    alice: Caller, model: Model, worker: Worker
) -> None:
    hello = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {**FOREIGN, **alice.headers}
    responses = [
        await alice.http.get("/v1/models", headers=headers),
        await alice.http.post("/api/chat", json=hello, headers=headers),
        await alice.http.post("/api/chat", json={}, headers=headers),
        await alice.http.get("/v1/models", headers=FOREIGN),
        await alice.http.get("/v1/nothing", headers=headers),
        await alice.http.put("/api/tags", headers=headers),
    ]

    assert [response.status_code for response in responses] == [200, 200, 400, 401, 404, 405]
    for response in responses:
        assert response.headers["Access-Control-Allow-Origin"] == PAGE
        assert "Origin" in response.headers["Vary"]


@pytest.mark.threat("C14")
@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    "origin",
    [
        "https://web.example.evil",
        "https://evil.example/https://web.example",
        "https://web.example:8443",
        "http://web.example",
        "https://sub.web.example",
        "file://host/path",
        "nullx",
        "",
    ],
)
async def test_a_page_that_is_not_listed_has_no_permission_and_its_request_is_answered(
    alice: Caller, model: Model, origin: str
) -> None:
    headers = {"Origin": origin, **alice.headers}

    preflight = await alice.http.options("/v1/models", headers=headers)
    answer = await alice.http.get("/v1/models", headers=headers)

    assert (preflight.status_code, answer.status_code) == (204, 200)
    for response in (preflight, answer):
        assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("origin", [None, "null", "file://", "http://testserver"])
async def test_desktop_clients_and_our_own_pages_are_answered_whatever_they_send(
    alice: Caller, model: Model, origin: str | None
) -> None:
    headers = {**alice.headers, **({} if origin is None else {"Origin": origin})}

    response = await alice.http.get("/v1/models", headers=headers)

    assert response.status_code == 200
    granted = response.headers.get("Access-Control-Allow-Origin")
    assert granted == (origin if origin in ("null", "file://") else None)


@pytest.mark.threat("C14")
async def test_a_star_in_the_list_is_everybody_but_never_with_cookies(
    alice: Caller, model: Model, settings: Any
) -> None:
    settings.PORTAL = replace(settings.PORTAL, api_origins=("*",))

    response = await alice.http.get("/v1/models", headers={**FOREIGN, **alice.headers})

    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers
    own = {"Origin": "http://testserver", **alice.headers}
    answer = await alice.http.get("/v1/models", headers=own)
    assert "Access-Control-Allow-Origin" not in answer.headers
