"""What an address means: aliases, slashes, and the key that must not go further."""

from typing import Any

import pytest

from portal.api.addresses import KEY_IN_SCOPE, Address, KeyOutOfPath, understood


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/api/tags", "/api/tags"),
        ("/api/tags/", "/api/tags"),
        ("//api///tags", "/api/tags"),
        ("/api/api/tags", "/api/tags"),
        ("/v1/api/chat", "/api/chat"),
        ("/api/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/v1/models", "/v1/models"),
        ("/models", "/v1/models"),
        ("/models/x:1b", "/v1/models/x:1b"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/embeddings", "/v1/embeddings"),
        ("/v1/models/me/x:1b", "/v1/models/me/x:1b"),
        ("/completions", "/v1/completions"),
        ("/responses", "/v1/responses"),
        ("/messages", "/v1/messages"),
        ("/v1/v1/messages", "/v1/messages"),
        ("/api/models", "/v1/models"),
        ("/api/chat/completions", "/v1/chat/completions"),
        ("/api/responses", "/v1/responses"),
        ("/api/embeddings", "/api/embeddings"),
        ("/v1/api/v1/api/tags", "/api/tags"),
    ],
)
def test_whatever_clients_make_of_our_address_is_understood(path: str, meant: str) -> None:
    assert understood(path) == Address(meant, None)
    assert understood("/u/secret" + path) == Address(meant, "secret")
    # As a proxy may hand it on.
    assert understood("HTTP://portal:8000/u/secret" + path) == Address(meant, "secret")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/accounts/login/",
        "/chat/",
        "/apis",
        "//evil.example",
        "/static//x",
        "http://x",
        "/upload",
    ],
)
def test_addresses_of_the_page_are_left_alone(path: str) -> None:
    assert understood(path) is None


@pytest.mark.parametrize(
    "path", ["/u/secret/accounts/login/", "/u/secret/metrics", "/u/secret/admin", "/u", "/u//x"]
)
def test_below_a_key_there_is_nothing_but_the_api(path: str) -> None:
    address = understood(path)

    assert address is not None
    assert address.path.startswith(("/api/", "/v1/")) or address.path == "/"
    assert address.key is not None


@pytest.mark.threat("A16")
async def test_the_key_goes_inwards_beside_the_path_only() -> None:
    seen: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    scope = {"type": "http", "path": "/u/CANARY/api/tags", "raw_path": b"/u/CANARY/api/tags"}
    await KeyOutOfPath(inner)(scope, None, None)  # type: ignore[arg-type]  # nobody calls them

    assert seen[0].pop(KEY_IN_SCOPE) == "CANARY"
    assert "CANARY" not in repr(seen)
