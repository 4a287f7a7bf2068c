"""What a tab without a socket is told: one response that goes on, as server-sent events.

Inside it is the socket's own consumer, so rights, wake-ups and answers are those of the socket.
Not for commands: fallback.py takes those, but for the `follow`s that a line begins with.

A line lives for less than a minute, whoever is at its other end: HTTP has no ping, and a page that
is gone without a word is forgotten in time (threat C12). The page opens the next line before, from
the numbers it has reached; so nothing is lost or doubled where two lines meet.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from portal.chat import asked, frames
from portal.chat.consumers import ChatConsumer
from portal.chat.errors import BadCommand
from portal.chat.pressure import UNSENT
from portal.streams.tasks import end

log = logging.getLogger(__name__)

LINE_SECONDS = 55.0
HEARTBEAT_SECONDS = 15.0
# So long a line waits to be among those that are woken; without Redis it opens all the same.
JOIN_SECONDS = 2.0
CLOSE_SECONDS = 5.0

# Its time is up; and it ended by a mistake of ours.
RENEW = 1000
BROKEN = 1011


class LineConsumer(ChatConsumer):
    """A socket's consumer without a socket: takes `follow` alone, and says when it is open."""

    async def connect(self) -> None:
        await super().connect()
        if self._is_closed:
            return
        # The page gives up the line before this one only now: no wake-up falls between the two.
        with suppress(TimeoutError):
            async with asyncio.timeout(JOIN_SECONDS):
                await self._joined.wait()
        await self.base_send({"type": "line.open"})

    def _admitted(self, text: str | None) -> frames.Command:
        command = frames.parse(text)
        if not isinstance(command, asked.Follow):
            raise BadCommand
        return command


async def events(
    scope: Mapping[str, Any], follows: Sequence[str], *, life_seconds: float = LINE_SECONDS
) -> AsyncGenerator[bytes, None]:
    """The body of the response, until the line closes, its time is up, or nobody reads it."""
    ends = _Ends(follows)
    consumer = asyncio.create_task(LineConsumer()(_as_socket(scope), ends.receive, ends.send))
    consumer.add_done_callback(lambda _task: ends.lose())
    loop = asyncio.get_running_loop()
    renew_at = loop.time() + life_seconds
    try:
        # Even nothing makes the server send the headers now.
        yield b":\n\n"
        while loop.time() < renew_at:
            messages = await ends.next(until=min(renew_at, loop.time() + HEARTBEAT_SECONDS))
            yield b"".join(map(_event, messages)) or b":\n\n"
            if any(message["type"] == "websocket.close" for message in messages):
                return
        yield _closing(RENEW)
    finally:
        ends.hang_up()
        await _gone(consumer)


class _Ends:
    """What the consumer is given in the place of a socket.

    Nothing piles up here: whoever reads takes all there is, and passes it on at once. How much the
    network has not taken yet, the consumer sees for itself, and waits (threat C8).
    """

    def __init__(self, follows: Sequence[str]) -> None:
        self._to_consumer: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_consumer.put_nowait({"type": "websocket.connect"})
        for text in follows:
            self._to_consumer.put_nowait({"type": "websocket.receive", "text": text})
        self._from_consumer: list[dict[str, Any]] = []
        self._arrived = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        return await self._to_consumer.get()

    async def send(self, message: dict[str, Any]) -> None:
        self._from_consumer.append(message)
        self._arrived.set()

    async def next(self, *, until: float) -> list[dict[str, Any]]:
        """All that came; nothing, when nothing did until then."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._arrived.wait()
        self._arrived.clear()
        messages, self._from_consumer = self._from_consumer, []
        return messages

    def hang_up(self) -> None:
        self._to_consumer.put_nowait({"type": "websocket.disconnect", "code": 1001})

    def lose(self) -> None:
        """The consumer is over. Where it closed the line itself, this comes too late to matter."""
        self._from_consumer.append({"type": "websocket.close", "code": BROKEN})
        self._arrived.set()


def _as_socket(scope: Mapping[str, Any]) -> dict[str, Any]:
    return {**scope, "type": "websocket", "subprotocols": []}


def scope_of(request: Any) -> dict[str, Any]:
    """What commands and lines need to know of a request: who, in which language, and how full."""
    scope = getattr(request, "scope", {})
    return {
        "session": request.session,
        "cookies": request.COOKIES,
        "headers": scope.get("headers", []),
        UNSENT: scope.get(UNSENT),
    }


def _event(message: Mapping[str, Any]) -> bytes:
    match message:
        case {"type": "websocket.send", "text": str(text)}:
            return b"data: %s\n\n" % text.encode()
        case {"type": "line.open"}:
            return b"event: open\ndata: %d\n\n" % LINE_SECONDS
        case {"type": "websocket.close"}:
            return _closing(message.get("code") or RENEW)
        case _:
            return b""


def _closing(code: int) -> bytes:
    return b"event: close\ndata: %d\n\n" % code


async def _gone(consumer: "asyncio.Task[None]") -> None:
    """It ends by itself once it has heard that nobody is there; then its slot is free again."""
    await asyncio.wait({consumer}, timeout=CLOSE_SECONDS)
    await end(consumer)
    if not consumer.cancelled() and consumer.exception() is not None:
        log.error("a line broke", exc_info=consumer.exception())
