"""Who may open a socket at all: our own pages, under our own names (threats C1, C2).

A browser sends cookies along whoever's page opens the socket, so the page's origin is the proof.
Not for people: nobody is signed in yet.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class OwnPagesOnly:
    """Refuses the handshake, before anything of ours runs, unless Host and Origin are ours."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_own_host(_only_header(scope, b"host")) and is_own_origin(
            _only_header(scope, b"origin")
        ):
            await self._inner(scope, receive, send)
        else:
            await receive()  # the handshake itself
            await send({"type": "websocket.close", "code": 4403})


def is_own_host(host: str | None) -> bool:
    """Django checks the Host of HTTP requests only; this is the same check for sockets."""
    if host is None:
        return False
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def is_own_origin(origin: str | None) -> bool:
    """Scheme, host and port, all three, as a browser writes them.

    No Origin is no browser of ours.
    """
    return origin in settings.OWN_ORIGINS


def _only_header(scope: Scope, name: bytes) -> str | None:
    """The header, when it was sent exactly once."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Servers that announce their start and end are answered; there is nothing to do at either."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
