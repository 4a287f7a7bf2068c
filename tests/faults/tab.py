"""A browser tab without a browser: it resends what is unsure and resumes from its number.

Not for looking at pages; tests/browser does that.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException

PATIENCE_SECONDS = 5.0
SIGNED_OUT = 4401
OVER = ("done", "stopped", "failed", "interrupted")


class Refused(Exception):
    """The portal answered with a refusal; `code` says which."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(slots=True)
class Shown:
    """What the person sees of one generation."""

    generation_id: str
    attempt: int = 1
    number: int = 0
    text: str = ""
    state: str = "queued"
    ends_seen: int = 0
    # The longest text she ever saw of it: no word may be taken back.
    seen: str = ""

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    def take_snapshot(self, generation: dict[str, Any]) -> None:
        """What the database has. Older than what is shown: keep what is shown."""
        known = (self.attempt, self.number)
        if (generation["attempt"], generation["number"]) < known and not generation["ended_at"]:
            return
        self.attempt, self.number = generation["attempt"], generation["number"]
        self.text, self.state = generation["text"], generation["state"]
        self.seen = max(self.seen, self.text, key=len)

    def take_delta(self, delta: dict[str, Any]) -> bool:
        """Apply one delta. False on a gap: then the conversation must be opened again."""
        if delta["attempt"] > self.attempt:
            self.attempt, self.number, self.text = delta["attempt"], 0, ""
        if delta["attempt"] < self.attempt or delta["last"] <= self.number:
            return True
        if delta["first"] > self.number + 1:
            return False
        self.text += delta["text"]
        self.seen = max(self.seen, self.text, key=len)
        self.number = delta["last"]
        self.state = delta["state"] or self.state
        if delta["end"] is not None:
            self.state = delta["end"]["state"]
            self.ends_seen += 1
        return True


@dataclass(slots=True)
class Tab:
    """One socket of one person, opened again whenever it breaks."""

    address: str
    cookie: str
    origin: str
    known: dict[str, Shown] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    drops: int = 0
    _socket: ClientConnection | None = None
    _ref: int = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._drop()

    async def send(
        self, text: str, *, model_name: str, conversation_id: str | None
    ) -> dict[str, Any]:
        """Send one message until it is acknowledged; the key is the same each time."""
        return await self._insist(
            "message.send",
            text=text,
            model_name=model_name,
            conversation_id=conversation_id,
            client_key=str(uuid4()),
        )

    async def command(self, kind: str, **fields: Any) -> dict[str, Any]:
        return await self._insist(kind, **fields)

    async def watch(self, generation_id: str, *, conversation_id: str) -> Shown:
        """Follow one generation to its end, across any number of broken sockets."""
        shown = self.known.setdefault(generation_id, Shown(generation_id))
        while not shown.is_over:
            try:
                await self._refresh(shown, conversation_id=conversation_id)
                if not shown.is_over:
                    await self._follow(shown)
            except (OSError, WebSocketException, TimeoutError):
                await self._drop()
        # The page reads the row once more after an end that was not a plain one.
        if shown.state in ("interrupted", "failed"):
            await self._refresh_until_recorded(shown, conversation_id=conversation_id)
        return shown

    async def _refresh(self, shown: Shown, *, conversation_id: str) -> None:
        opened = await self._ask("conversation.open", conversation_id=conversation_id)
        for message in opened["messages"]:
            for generation in message["answers"]:
                if generation["id"] == shown.generation_id:
                    shown.take_snapshot(generation)

    async def _refresh_until_recorded(self, shown: Shown, *, conversation_id: str) -> None:
        recorded = ""
        while recorded not in OVER:
            opened = await self._insist("conversation.open", conversation_id=conversation_id)
            for message in opened["messages"]:
                for generation in message["answers"]:
                    if generation["id"] == shown.generation_id:
                        recorded = generation["state"]
                        if recorded in OVER:
                            shown.text, shown.state = generation["text"], recorded
            if recorded not in OVER:
                await asyncio.sleep(0.1)

    async def _follow(self, shown: Shown) -> None:
        await self._ask(
            "follow",
            generation_id=shown.generation_id,
            attempt=shown.attempt,
            number=shown.number,
        )
        while not shown.is_over:
            frame = await self._receive()
            if not self._apply(frame):
                return

    def _apply(self, frame: dict[str, Any]) -> bool:
        if frame["type"] not in ("delta", "status"):
            return True
        shown = self.known.get(frame["generation_id"])
        if shown is None:
            self.strangers.append(frame["generation_id"])
            return True
        if frame["type"] == "status":
            shown.state = frame["state"] if not shown.is_over else shown.state
            return True
        return shown.take_delta(frame)

    async def _insist(self, kind: str, **fields: Any) -> dict[str, Any]:
        while True:
            try:
                return await self._ask(kind, **fields)
            except Refused as refusal:
                if refusal.code not in ("unavailable", "too-often"):
                    raise
                await asyncio.sleep(0.2)
            except (OSError, WebSocketException, TimeoutError):
                await self._drop()
                await asyncio.sleep(0.1)

    async def _ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        socket = await self._connected()
        self._ref += 1
        ref = self._ref
        await socket.send(json.dumps({"type": kind, "ref": ref, **fields}))
        while True:
            frame = await self._receive()
            if frame.get("ref") != ref:
                self._apply(frame)
            elif frame["type"] == "refusal":
                raise Refused(frame["code"], frame["message"])
            else:
                return frame

    async def _receive(self) -> dict[str, Any]:
        socket = await self._connected()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                frame: dict[str, Any] = json.loads(await socket.recv())
        except ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.code == SIGNED_OUT:
                raise Refused("signed-out", "the session is not accepted") from None
            raise
        return frame

    async def _connected(self) -> ClientConnection:
        while self._socket is None:
            try:
                self._socket = await connect(
                    self.address,
                    additional_headers={"Cookie": self.cookie},
                    origin=self.origin,  # type: ignore[arg-type]  # a NewType of str
                    open_timeout=PATIENCE_SECONDS,
                )
            except (OSError, InvalidHandshake, TimeoutError):
                await asyncio.sleep(0.1)
        return self._socket

    async def _drop(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            self.drops += 1
            await socket.close()
