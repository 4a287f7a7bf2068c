"""A browser tab without a browser: the real socket application, and the page's rules for deltas."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from channels.testing import WebsocketCommunicator

from portal.asgi import application

PATIENCE_SECONDS = 60.0

OpenTab = Callable[..., Awaitable["Tab"]]


@dataclass
class Shown:
    """What the page shows of one answer, by the rules of the vocabulary."""

    attempt: int = 0
    number: int = 0
    text: str = ""
    thinking: str = ""
    state: str | None = None
    end: Any = None
    gaps: int = 0
    status: Any = None

    def hear(self, delta: dict[str, Any]) -> None:
        if delta["attempt"] < self.attempt:
            return
        if delta["attempt"] > self.attempt:
            self.attempt, self.number, self.text, self.thinking = delta["attempt"], 0, "", ""
        if delta["end"]:
            self.end = delta["end"]
        if delta["last"] <= self.number:
            return
        if delta["first"] > self.number + 1:
            self.gaps += 1
            return
        self.number = delta["last"]
        self.text += delta["text"]
        self.thinking += delta["thinking"]
        self.state = delta["state"] or self.state


class Tab:
    """`says` sends a command and gives its answer; what comes unasked is kept in `pushed`."""

    def __init__(self, session_key: str | None, *, app: Any = application) -> None:
        headers = [(b"host", b"testserver"), (b"origin", b"http://testserver")]
        if session_key:
            headers.append((b"cookie", f"sessionid={session_key}".encode()))
        self._socket = WebsocketCommunicator(app, "/ws/chat/", headers=headers)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._moved = asyncio.Condition()
        self._pump: asyncio.Task[None] | None = None
        self._ref = 0
        self.pushed: list[dict[str, Any]] = []
        self.refusals_without_ref: list[dict[str, Any]] = []
        self.shown: dict[str, Shown] = {}
        self.close_code: int | None = None

    async def open(self) -> "Tab":
        connected, _ = await self._socket.connect(timeout=PATIENCE_SECONDS)
        assert connected
        self._pump = asyncio.create_task(self._read())
        return self

    async def close(self) -> None:
        """The peer goes away; the application must end by itself, without an error."""
        if self._pump is None:
            return
        await self._socket.send_input({"type": "websocket.disconnect", "code": 1001})
        await self._socket.wait(timeout=PATIENCE_SECONDS)
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        self._pump = None

    async def says(self, type: str, **fields: Any) -> dict[str, Any]:
        self._ref += 1
        ref = self._ref
        self._replies[ref] = asyncio.get_running_loop().create_future()
        await self.sends({"type": type, "ref": ref, **fields})
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._replies[ref]
        finally:
            del self._replies[ref]

    async def sends(self, frame: Any) -> None:
        await self.sends_text(json.dumps(frame, default=str))

    async def sends_text(self, text: str) -> None:
        await self._socket.send_input({"type": "websocket.receive", "text": text})

    async def sends_bytes(self, data: bytes) -> None:
        await self._socket.send_input({"type": "websocket.receive", "bytes": data})

    def counts_from(self, ref: int) -> None:
        """So that no answer to a frame sent by hand is taken for the answer to a later command."""
        self._ref = ref

    async def asks(
        self,
        text: str = "Hello",
        *,
        model: str = "scripted:latest",
        conversation_id: str | None = None,
        client_key: UUID | None = None,
    ) -> dict[str, Any]:
        return await self.says(
            "message.send",
            conversation_id=conversation_id,
            text=text,
            client_key=client_key or uuid4(),
            model_name=model,
        )

    async def follows(self, generation_id: str, *, attempt: int = 0, number: int = 0) -> None:
        """From what it shows of it already, or from the number given."""
        shown = self.shown.setdefault(generation_id, Shown(attempt=attempt, number=number))
        reply = await self.says(
            "follow", generation_id=generation_id, attempt=shown.attempt, number=shown.number
        )
        assert reply["type"] == "ok", reply

    async def until(self, condition: Any) -> None:
        """Until `condition()` holds, looked at after each frame."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._moved:
            await self._moved.wait_for(condition)

    async def until_ended(self, generation_id: str) -> Shown:
        await self.until(lambda: self.shown[generation_id].end is not None)
        return self.shown[generation_id]

    async def until_closed(self) -> int:
        await self.until(lambda: self.close_code is not None)
        assert self.close_code is not None
        return self.close_code

    def pushed_of(self, type: str) -> list[dict[str, Any]]:
        return [frame for frame in self.pushed if frame["type"] == type]

    async def _read(self) -> None:
        while True:
            output = await self._socket.output_queue.get()
            async with self._moved:
                if output["type"] == "websocket.close":
                    self.close_code = output.get("code", 1000)
                else:
                    self._hear(json.loads(output["text"]))
                self._moved.notify_all()

    def _hear(self, frame: dict[str, Any]) -> None:
        assert self.close_code is None, "a frame after the close"
        ref = frame.get("ref")
        if ref in self._replies:
            self._replies[ref].set_result(frame)
            return
        self.pushed.append(frame)
        if frame["type"] == "delta":
            self.shown.setdefault(frame["generation_id"], Shown()).hear(frame)
        if frame["type"] == "status":
            self.shown.setdefault(frame["generation_id"], Shown()).status = frame
