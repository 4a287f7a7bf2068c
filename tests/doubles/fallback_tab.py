"""A browser tab that can have no socket: the real HTTP application, and the page's rules for lines.

It says and hears what the tab with a socket does, so that one test may speak to both.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from asgiref.testing import ApplicationCommunicator

from portal.asgi import application
from tests.doubles.tab import PATIENCE_SECONDS, Shown, Tab

TOKEN = "t" * 32
OURS = "http://testserver"


@dataclass
class Line:
    """One response that goes on, and what has come of it."""

    request: ApplicationCommunicator
    status: int | None = None
    headers: dict[bytes, bytes] = field(default_factory=dict)
    is_open: bool = False
    close_code: int | None = None
    reader: "asyncio.Task[None] | None" = None


class FallbackTab(Tab):
    """`says` posts a command; `follows` opens another line and then gives up the one before."""

    def __init__(
        self, session_key: str | None, *, app: Any = application, origin: str | None = OURS
    ) -> None:
        self._app = app
        self._origin = origin
        self._session_key = session_key
        self._moved = asyncio.Condition()
        self._ref = 0
        self._replies = {}
        self._follows: dict[str, int] = {}
        self.pushed = []
        self.refusals_without_ref = []
        self.shown = {}
        self.close_code = None
        self.status: int | None = None
        self.line: Line | None = None
        self._lines: list[Line] = []

    async def open(self) -> "FallbackTab":
        await self.renews()
        return self

    async def close(self) -> None:
        """The peer goes away; the application must end by itself, without an error."""
        for line in self._lines:
            await self.hangs_up(line)
        self._lines.clear()

    async def says(self, type: str, **fields: Any) -> dict[str, Any]:
        self._ref += 1
        frame = {"type": type, "ref": self._ref, **fields}
        (reply,) = await self.posts(json.dumps(frame, default=str))
        assert reply["ref"] == self._ref
        return reply

    async def posts(self, *texts: str) -> list[dict[str, Any]]:
        """The replies to these frames; `status` says how it went."""
        request = await self.begins("/page/frames/", "\n".join(texts).encode())
        start = await request.receive_output(PATIENCE_SECONDS)
        self.status = start["status"]
        body = b""
        while True:
            part = await request.receive_output(PATIENCE_SECONDS)
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        await request.wait(PATIENCE_SECONDS)
        if self.status != 200:
            return []
        return [json.loads(line) for line in body.decode().splitlines()]

    async def follows(self, generation_id: str, *, attempt: int = 0, number: int = 0) -> None:
        self._ref += 1
        self.shown.setdefault(generation_id, Shown(attempt=attempt, number=number))
        self._follows[generation_id] = self._ref
        self._replies[self._ref] = asyncio.get_running_loop().create_future()
        ref = self._ref
        await self.renews()
        async with asyncio.timeout(PATIENCE_SECONDS):
            reply = await self._replies.pop(ref)
        assert reply["type"] == "ok", reply

    async def renews(self) -> Line:
        """The next line, from where this tab has come to; then the one before is given up."""
        follows = [
            {
                "type": "follow",
                "ref": ref,
                "generation_id": generation_id,
                "attempt": self.shown[generation_id].attempt,
                "number": self.shown[generation_id].number,
            }
            for generation_id, ref in self._follows.items()
            if self.shown[generation_id].end is None
        ]
        body = "\n".join(json.dumps(follow, default=str) for follow in follows)
        fresh = Line(await self.begins("/page/line/", body.encode()))
        before, self.line = self.line, fresh
        self._lines.append(fresh)
        fresh.reader = asyncio.create_task(self._read_line(fresh))
        await self.until(lambda: fresh.is_open or fresh.close_code is not None)
        if before is not None:
            await self.hangs_up(before)
            self._lines.remove(before)
        return fresh

    async def begins(self, path: str, body: bytes) -> ApplicationCommunicator:
        cookies = f"csrftoken={TOKEN}"
        if self._session_key:
            cookies += f"; sessionid={self._session_key}"
        headers = [
            (b"host", b"testserver"),
            (b"cookie", cookies.encode()),
            (b"x-csrftoken", TOKEN.encode()),
            (b"content-type", b"application/x-ndjson"),
            (b"content-length", str(len(body)).encode()),
        ]
        if self._origin is not None:
            headers.append((b"origin", self._origin.encode()))
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ["127.0.0.1", 1],
            "server": ["testserver", 80],
        }
        request = ApplicationCommunicator(self._app, scope)
        await request.send_input({"type": "http.request", "body": body, "more_body": False})
        return request

    async def hangs_up(self, line: Line) -> None:
        if line.reader is None:
            return
        if not line.request.future.done():
            await line.request.send_input({"type": "http.disconnect"})
        await line.request.wait(PATIENCE_SECONDS)
        line.reader.cancel()
        await asyncio.gather(line.reader, return_exceptions=True)
        line.reader = None

    async def _read_line(self, line: Line) -> None:
        rest = ""
        while True:
            output = await line.request.output_queue.get()
            async with self._moved:
                if output["type"] == "http.response.start":
                    line.status = output["status"]
                    line.headers = dict(output["headers"])
                else:
                    rest += output.get("body", b"").decode()
                    *events, rest = rest.split("\n\n")
                    for event in events:
                        self._take(line, event)
                    if not output.get("more_body") and line.close_code is None:
                        line.close_code = 1006
                self._moved.notify_all()

    def _take(self, line: Line, event: str) -> None:
        assert line.close_code is None, "an event after the close"
        fields = dict(part.split(": ", 1) for part in event.splitlines() if ": " in part)
        match fields.get("event"):
            case "open":
                line.is_open = True
            case "close":
                line.close_code = int(fields["data"])
                if line is self.line and line.close_code != 1000:
                    self.close_code = line.close_code
            case None if "data" in fields:
                frame = json.loads(fields["data"])
                # As the page does: what belongs to an answer comes again over the next line.
                if line is self.line or frame["type"] in ("changed", "models"):
                    self._hear(frame)
