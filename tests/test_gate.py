"""Which pages may open a socket (threats C1, C2)."""

import pytest
from channels.testing import WebsocketCommunicator

from portal.gate import OwnPagesOnly, lifespan

OURS = {"host": b"testserver", "origin": b"http://testserver"}


async def accepting(scope, receive, send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


async def is_opened(headers: list[tuple[bytes, bytes]]) -> bool:
    tab = WebsocketCommunicator(OwnPagesOnly(accepting), "/ws/chat/", headers=headers)
    opened, code = await tab.connect(timeout=60)
    assert opened or code == 4403
    await tab.disconnect(timeout=60)
    return bool(opened)


def with_headers(**changed: bytes | None) -> list[tuple[bytes, bytes]]:
    headers = {**OURS, **changed}
    return [(name.encode(), value) for name, value in headers.items() if value is not None]


async def test_our_own_page_opens_its_socket() -> None:
    assert await is_opened(with_headers())


@pytest.mark.threat("C1")
@pytest.mark.parametrize(
    "origin",
    [
        None,
        b"",
        b"null",
        b"http://testserver:8001",
        b"https://testserver",
        b"ws://testserver",
        b"http://sub.testserver",
        b"http://testserver.evil.example",
        b"http://eviltestserver",
        b"HTTP://TESTSERVER",
        b"http://TestServer",
        b"http://testserver/",
        b"http://testserver@evil.example",
        b"http://user@testserver",
        b"testserver",
        b"file://",
        b"\xff\xfe",
        b"http://[::1",
    ],
)
async def test_a_foreign_page_does_not(origin: bytes | None) -> None:
    assert not await is_opened(with_headers(origin=origin))


@pytest.mark.threat("C1")
async def test_two_origins_are_none() -> None:
    assert not await is_opened([*with_headers(), (b"origin", b"http://testserver")])


@pytest.mark.threat("C2")
@pytest.mark.parametrize(
    "host", [None, b"", b"evil.example", b"testserver.evil.example", b"evil@testserver", b"[::1"]
)
async def test_a_foreign_host_does_not(host: bytes | None) -> None:
    assert not await is_opened(with_headers(host=host))


async def test_start_and_end_of_the_server_are_answered() -> None:
    asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    answered: list[object] = []

    async def receive() -> dict[str, str]:
        return next(asked)

    async def send(message: object) -> None:
        answered.append(message)

    await lifespan({"type": "lifespan"}, receive, send)

    assert answered == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]
