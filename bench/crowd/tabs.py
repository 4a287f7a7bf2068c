"""Tabs of many people in one event loop, and a reader beside them who says when a frame was due.

Not for tabs that come back after a broken line: here every line holds, or the measurement fails.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect

from bench.crowd.script import MODEL
from inference import protocol

# As static/src/chat/socket.ts has it.
PING_SECONDS = 25.0
# So many shake hands at the same time.
_TOGETHER = 50
_OPEN_SECONDS = 30.0

Key = tuple[str, int]
_frame = msgspec.json.Decoder(dict[str, Any])


@dataclass(slots=True)
class Heard:
    """When each frame came, and when the entry that it ends with lay in Valkey; monotonic."""

    came: list[tuple[Key, float]] = field(default_factory=list)
    lay: dict[Key, float] = field(default_factory=dict)

    def delays(self) -> list[float]:
        """Seconds from one to the other, of the frames whose entry was watched.

        Never below zero: who reads beside them may be told a moment after a tab.
        """
        return [max(0.0, at - self.lay[key]) for key, at in self.came if key in self.lay]


@dataclass(slots=True)
class Tab:
    """One open line, heard all the time, as a browser hears its own."""

    line: ClientConnection
    heard: Heard
    _ref: int = 0
    _asked: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)

    async def ask(self, text: str) -> str:
        """The answer's id."""
        sent = await self.told(
            "message.send",
            text=text,
            model_name=MODEL,
            conversation_id=None,
            client_key=str(uuid4()),
        )
        return str(sent["message"]["answers"][-1]["id"])

    async def told(self, kind: str, **fields: Any) -> dict[str, Any]:
        """What it is answered. Raises `RuntimeError` with the sentence of a refusal."""
        self._ref += 1
        answer = self._asked[self._ref] = asyncio.get_running_loop().create_future()
        asked = {"type": kind, "ref": self._ref, **fields}
        await self.line.send(msgspec.json.encode(asked), text=True)
        frame: dict[str, Any] = await answer
        if frame["type"] == "refusal":
            raise RuntimeError(f"{kind}: {frame['message']}")
        return frame

    async def keep_up(self, *, after_seconds: float) -> None:
        """As the page does while nothing happens. For ever: whoever started this ends it."""
        await asyncio.sleep(after_seconds)
        while True:
            await self.told("ping")
            await asyncio.sleep(PING_SECONDS)

    async def listen(self) -> None:
        """For ever: whoever started this ends it."""
        while True:
            frame = _frame.decode(await self.line.recv())
            asked = self._asked.pop(frame.get("ref") or 0, None)
            if asked is not None:
                asked.set_result(frame)
            elif frame["type"] == "delta":
                key = (frame["generation_id"], frame["last"])
                self.heard.came.append((key, time.monotonic()))


@asynccontextmanager
async def open_tabs(
    address: str, cookies: Sequence[str], *, heard: Heard
) -> AsyncIterator[list[Tab]]:
    """One for each of these cookies, a few at a time."""
    gate = asyncio.Semaphore(_TOGETHER)

    async def opened(cookie: str) -> Tab:
        async with gate:
            line = await connect(
                f"{address.replace('http', 'ws', 1)}/ws/chat/",
                additional_headers={"Cookie": cookie},
                origin=cast("Any", address),
                compression=None,
                open_timeout=_OPEN_SECONDS,
                ping_interval=None,
            )
            return Tab(line, heard)

    tabs = await asyncio.gather(*map(opened, cookies))
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(tab.listen()) for tab in tabs]
            for number, tab in enumerate(tabs):
                await tab.told("hello")
                keeping_up = tab.keep_up(after_seconds=PING_SECONDS * number / len(tabs))
                running.append(tasks.create_task(keeping_up))
            yield list(tabs)
            for each in running:
                each.cancel()
    finally:
        await asyncio.gather(*(tab.line.close() for tab in tabs))


async def watch(redis: Redis, generation_ids: Sequence[str], *, heard: Heard) -> None:
    """Note when each entry of these lies in Valkey. For ever: whoever started this ends it."""
    names = {protocol.events_key(UUID(each)): each for each in generation_ids}
    seen: dict[Any, Any] = dict.fromkeys(names, "$")
    while True:
        found = await redis.xread(seen, block=1_000)
        now = time.monotonic()
        for name, entries in cast("list[tuple[bytes, list[tuple[bytes, object]]]]", found):
            key = name.decode("ascii")
            seen[key] = entries[-1][0]
            for entry_id, _ in entries:
                number = int(entry_id.partition(b"-")[2])
                heard.lay.setdefault((names[key], number), now)
