"""What an address means before anybody logs it: the key taken out, aliases and slashes made plain.

Outermost of all, so that a key in a path (threat A16) is in no log, report or metric of Django.
Not for routes: those are in urls.py, and know the plain addresses only.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

KEY_IN_SCOPE = "portal.key_in_path"
# What a key alone stands before; no client can write this address without one.
BASE = "/api/"
NOWHERE = "/api/nowhere"

# What some proxies leave before the path; HTTP wants every server to understand it.
_ORIGIN = re.compile(r"https?://[^/]*(?=/)", re.IGNORECASE)
_SLASHES = re.compile(r"/{2,}")
_WITH_KEY = re.compile(r"/u(?:/([^/]*))?(/.*)?", re.DOTALL)
# A client that was given `host/api` or `host/v1` appends a whole path of its own to it.
_DOUBLED = re.compile(r"/(?:api|v1)(/(?:api|v1)/.*)", re.DOTALL)
_OURS = ("/api", "/v1")
_WITHOUT_V1 = frozenset(
    {"/models", "/chat/completions", "/completions", "/embeddings", "/responses", "/messages"}
)
# Below `host/api` as well, where Ollama has nothing of that name.
_BELOW_API = frozenset(f"/api{path}" for path in _WITHOUT_V1 - {"/embeddings"})


@dataclass(frozen=True, slots=True)
class Address:
    """A plain path of the API, and the key that stood before it, if one did."""

    path: str
    key: str | None


def understood(path: str) -> Address | None:
    """The API address meant by `path`; None when it is none of the API's."""
    origin = _ORIGIN.match(path)
    plain = _SLASHES.sub("/", path[origin.end() :] if origin else path)
    below = _WITH_KEY.fullmatch(plain)
    if below is not None:
        key, rest = below.group(1), below.group(2)
        canonical = _canonical(rest or "/") or NOWHERE
        return Address(BASE if canonical == "/" else canonical, key or "")
    bare = _canonical(plain)
    return None if bare in (None, "/") else Address(bare, None)


class KeyOutOfPath:
    """An ASGI application around all others: a plain path inwards, the key beside it."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = _plain(scope)
        await self._application(scope, receive, send)


def _plain(scope: Scope) -> Scope:
    address = understood(scope["path"])
    if address is None:
        return scope
    changed = {
        **scope,
        "path": address.path,
        "raw_path": quote(address.path).encode("ascii"),
    }
    if address.key is not None:
        changed[KEY_IN_SCOPE] = address.key
    return changed


def _canonical(path: str) -> str | None:
    """`path` as urls.py knows it; None when the API has nothing there. `/` stays what it is."""
    if len(path) > 1:
        path = path.rstrip("/") or "/"
    doubled = _DOUBLED.fullmatch(path)
    while doubled is not None:
        path = doubled.group(1)
        doubled = _DOUBLED.fullmatch(path)
    if path in _WITHOUT_V1 or path.startswith("/models/"):
        return "/v1" + path
    if path in _BELOW_API:
        return "/v1" + path.removeprefix("/api")
    if path == "/" or any(path == each or path.startswith(each + "/") for each in _OURS):
        return path
    return None
