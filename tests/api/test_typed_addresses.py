"""What people type as the address of the portal, and what ChatBox makes of it: all of it works."""

import pytest

from portal.catalog.models import Model
from tests.api.conftest import Caller, Worker

HELLO = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}]}
# Typed → where the chat goes, where the list of models is asked for; None: it is not.
TYPED = [
    ("http://ai.corp (new)", "/v1/chat/completions", "/v1/models"),
    ("ai.corp (old)", "/api/chat", "/api/tags"),
    ("https://ai.corp/v1 (old)", "/v1/api/chat", "/v1/api/tags"),
    ("https://ai.corp/api (old)", "/api/api/chat", "/api/api/tags"),
    ("https://ai.corp/api (new)", "/api/v1/chat/completions", "/api/v1/models"),
    ("https://ai.corp (custom, old)", "/chat/completions", None),
    ("https://ai.corp (custom, new)", "/v1/chat/completions", "/models"),
    ("https://ai.corp/api (custom, old)", "/api/chat/completions", None),
    ("https://ai.corp/api (custom, new)", "/api/v1/chat/completions", "/api/models"),
    ("https://ai.corp/v1 (custom, new)", "/v1/v1/chat/completions", "/v1/models"),
    ("https://ai.corp/ and one more / (old)", "//api/chat", "//api/tags"),
    ("https://ai.corp/ and one more / (new)", "//v1/chat/completions", "//v1/models"),
]


@pytest.mark.parametrize("has_key_in_path", [False, True])
async def test_every_way_to_type_the_address_works_with_and_without_a_key_in_it(
    alice: Caller, model: Model, worker: Worker, has_key_in_path: bool
) -> None:
    before = f"/u/{alice.key}" if has_key_in_path else ""
    headers = {"Authorization": "Bearer ollama"} if has_key_in_path else alice.headers
    for typed, chat, models in TYPED:
        answer = await alice.http.post(
            f"http://testserver{before}{chat}", json=HELLO, headers=headers
        )
        assert answer.status_code == 200, typed
        assert "Hello" in answer.text, typed
        if models is not None:
            listed = (
                await alice.http.get(f"http://testserver{before}{models}", headers=headers)
            ).json()
            names = [each.get("name") for each in listed.get("models", listed.get("data"))]
            assert names == ["smollm2:135m"], typed


async def test_a_post_is_never_sent_elsewhere_and_nothing_is_a_page(alice: Caller) -> None:
    for path in ("/v1/chat/completions/", "/api/chat/", "/models/", "/u/x/", "/v1", "/api/x/"):
        response = await alice.post(path, {})

        assert not response.is_redirect, path
        assert "html" not in response.headers["Content-Type"], path


@pytest.mark.threat("C2")
@pytest.mark.parametrize(
    "path", ["/v1/messages", "/api/chat", "/models", "/u/KEY/v1/models", "/v1"]
)
async def test_a_foreign_host_is_refused_in_json_whatever_key_it_brings(
    alice: Caller, path: str
) -> None:
    for host in ("evil.example", "testserver.evil.example", "10.0.0.1"):
        response = await alice.http.post(
            path.replace("KEY", alice.key), json={}, headers={**alice.headers, "Host": host}
        )

        assert response.status_code == 403, host
        assert response.headers["Content-Type"].startswith("application/json")
        error = response.json()["error"]
        message = error["message"] if "/v1/" in path or path == "/models" else error
        assert "PORTAL_HOSTS" in message
        assert host not in response.text
