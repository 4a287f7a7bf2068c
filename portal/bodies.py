"""Bodies of requests as they arrive at Daphne: uploads go on piece by piece, others are limited.

Daphne keeps every body on the disk before the application hears of the request, whoever sends it
and however long it is. Here an upload reaches its view at once, so that a key is looked at before
the first byte is kept (threat B15), and the sender waits while the disk is busy; any other body
ends where no view would read on (threat E23). Not for what is done with a body.
"""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from daphne import http_protocol
from django.http import HttpRequest

from portal import writing
from portal.api.addresses import understood
from portal.api.errors import Refused, family_of, refused_response

# The key in the scope under which a view finds the body.
SCOPE_KEY = "portal.body"
STREAMED = ((b"POST", b"/api/blobs/"), (b"PATCH", b"/uploads/files/"))
# More than any view reads of a body that is kept whole.
MAX_KEPT_BYTES = 64 * 1024 * 1024
# So much may wait for a slow disk before the sender has to.
MAX_WAITING_BYTES = 4 * 1024 * 1024
# A refused sender is listened to for a moment, or she would meet a broken pipe and no answer.
LINGER_SECONDS = 2.0
LINGER_BYTES = 32 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
# A sender who says nothing for so long is gone.
SILENT_SECONDS = 60.0


class BodyLost(Exception):
    """The sender went away in the middle."""


class Body:
    """One body on its way. `feed`, `end` and `lose` come from the network, `pieces` from a view."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._waiting_bytes = 0
        self._is_paused = self._is_ignored = self._is_lost = False

    def feed(self, data: bytes) -> None:
        if self._is_ignored:
            return
        self._waiting_bytes += len(data)
        self._pieces.put_nowait(data)
        if self._waiting_bytes > MAX_WAITING_BYTES and not self._is_paused:
            self._is_paused = True
            self._source.pauseProducing()

    def end(self) -> None:
        self._pieces.put_nowait(None)

    def lose(self) -> None:
        self._is_lost = True
        self.end()

    def ignore(self) -> None:
        """What comes from now on is thrown away."""
        self._is_ignored = True
        self._resume()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Until the end. Raises `BodyLost` when there will be none."""
        while (data := await self._pieces.get()) is not None:
            self._waiting_bytes -= len(data)
            if self._waiting_bytes <= MAX_WAITING_BYTES // 2:
                self._resume()
            yield data
        if self._is_lost:
            raise BodyLost

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._source.resumeProducing()


class _WithBody:
    """The server, adding the body to the scope of the one request that is streamed."""

    def __init__(self, server: Any, body: Body) -> None:
        self._server = server
        self._body = body

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        return self._server.create_application(protocol, {**scope, SCOPE_KEY: self._body})


class Request(http_protocol.WebRequest):
    """Daphne's, with a say in what becomes of its body."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.server: Any
        self._body: Body | None = None
        self._is_all_here = False
        self._held_start: dict[str, Any] | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._kept_bytes = 0
        super().__init__(*args, **more)

    def gotLength(self, length: int | None) -> None:
        """All headers are here. A request that is streamed begins now, with an empty body."""
        command, path, version = self.channel._command, self.channel._path, self.channel._version
        if length != 0 and _is_streamed(command, path.partition(b"?")[0]):
            self.content = BytesIO()
            self._body = Body(self.channel._networkProducer)
            self.server = _WithBody(self.server, self._body)
            super().requestReceived(command, path, version)
            return
        if length is not None and length > MAX_KEPT_BYTES:
            self.content = BytesIO()
            self._refuse()
            return
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        if self._body is not None:
            self._body.feed(data)
            if self._lingering is not None:
                self._kept_bytes += len(data)
                if self._kept_bytes > LINGER_BYTES:
                    self._end_lingering()
            return
        self._kept_bytes += len(data)
        if self._kept_bytes > MAX_KEPT_BYTES:
            self._refuse()
        else:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The body is all here. One that was streamed has been at work since its headers were."""
        self._is_all_here = True
        if self._body is None:
            super().requestReceived(command, path, version)
            return
        self._body.end()
        if self._lingering is not None:
            self._end_lingering()

    def handle_reply(self, message: dict[str, Any]) -> None:
        """An answer before the end of the body ends the connection, and says how long it is."""
        if self._body is None or self._is_all_here or self.channel is None:
            if not writing.at_once(self, message):
                super().handle_reply(message)
        elif message["type"] == "http.response.start":
            self._held_start = message
        else:
            self._answer_early(message)

    def finish(self) -> None:
        if self._body is None or self._is_all_here or self.channel is None:
            super().finish()
        elif self._lingering is None:
            self._body.ignore()
            loop = asyncio.get_running_loop()
            self._lingering = loop.call_later(LINGER_SECONDS, self._end_lingering)

    def connectionLost(self, reason: Any) -> None:
        if self._body is not None and not self._is_all_here:
            self._body.lose()
        if self._lingering is not None:
            self._lingering.cancel()
        super().connectionLost(reason)

    def _answer_early(self, message: dict[str, Any]) -> None:
        start, self._held_start = self._held_start, None
        if start is not None:
            headers = [(b"connection", b"close"), *start.get("headers", ())]
            names = {name.lower() for name, _ in headers}
            if b"content-length" not in names and not message.get("more_body", False):
                length = str(len(message.get("body", b""))).encode()
                headers.append((b"content-length", length))
            self.channel.persistent = False
            super().handle_reply({**start, "headers": headers})
        super().handle_reply(message)

    def _end_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
            self._is_all_here = True
            super().finish()

    def _refuse(self) -> None:
        self.channel.transport.write(_too_large(self.channel._path))
        self.channel.loseConnection()


def _too_large(path: bytes) -> bytes:
    """The whole answer. The API's clients get it in the shape of their dialect."""
    address = understood(unquote(path.partition(b"?")[0]))
    body, kind = b"", b"text/plain"
    if address is not None:
        message = f"the request is larger than {MAX_KEPT_BYTES // 2**20} MiB"
        refused = Refused(status=413, message=message)
        response = refused_response(refused, family=family_of(address.path))
        body, kind = response.content, response["Content-Type"].encode()
    return (
        b"HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\n"
        b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (kind, len(body), body)
    )


def _is_streamed(command: bytes, path: bytes) -> bool:
    return any(command == verb and place in path for verb, place in STREAMED)


async def pieces_of(request: HttpRequest) -> AsyncIterator[bytes]:
    """The body as a view reads it: pieces large enough to be worth a thread, few enough to hold."""
    waiting, size_bytes = [], 0
    async for data in _arriving(request):
        waiting.append(data)
        size_bytes += len(data)
        if size_bytes >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size_bytes = [], 0
    if waiting:
        yield b"".join(waiting)


async def _arriving(request: HttpRequest) -> AsyncIterator[bytes]:
    body = getattr(request, "scope", {}).get(SCOPE_KEY)
    if isinstance(body, Body):
        pieces = body.pieces()
        while True:
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    data = await anext(pieces)
            except StopAsyncIteration:
                return
            yield data
    # A server that keeps bodies itself has it on the disk.
    while data := await asyncio.to_thread(request.read, PIECE_BYTES):
        yield data


def install() -> None:
    """Daphne makes these from now on. A second time changes nothing."""
    http_protocol.WebRequest = Request
