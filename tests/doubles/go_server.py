"""HTTP as Go's server and gin carry it, on loopback: framing, refusals, unknown addresses.

Not for what is said: whoever makes one brings functions for that.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fields = dict[str, Any]
# A mapping is one object, an iterator a stream of them, None an empty answer.
Act = Callable[[Fields], Fields | Iterator[Fields] | None]
Upload = Callable[[str, bytes], int]
METHODS = ("GET", "HEAD", "POST", "DELETE")
_JSON = "application/json; charset=utf-8"


class Wrong(Exception):
    """Ends a request with a status and an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    body: Fields
    headers: dict[str, str]


class GoServer(ThreadingHTTPServer):
    """Runs in threads of this process, from `begin` to `end`."""

    daemon_threads = True

    def __init__(
        self, routes: Mapping[tuple[str, str], Act], *, bare: str, uploads: tuple[str, Upload]
    ) -> None:
        methods = {f"do_{method}": _Carried.carry for method in METHODS}
        super().__init__(("127.0.0.1", 0), type("Carried", (_Carried,), methods))
        self.routes = dict(routes)
        self.bare = bare.encode()
        self.uploads = uploads
        self.asked: list[Asked] = []
        self.has_been_left = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Carried(BaseHTTPRequestHandler):
    """One connection. HTTP/1.1, chunked where it streams, a line a chunk."""

    protocol_version = "HTTP/1.1"
    server: GoServer

    def carry(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._route(data)
        except Wrong as wrong:
            self._end(wrong.status, _JSON, as_go({"error": wrong.message}))

    def log_message(self, format: str, *_: object) -> None:
        """Nobody reads it."""

    def _route(self, data: bytes) -> None:
        below, upload = self.server.uploads
        act = self.server.routes.get((self.command, self.path))
        if self.path == "/":
            self._end(200, "text/plain; charset=utf-8", self.server.bare)
        elif self.path.startswith(below):
            self._note({})
            self._end(upload(self.path.removeprefix(below), data), "text/plain", b"")
        elif act is not None:
            body = self._body(data)
            self._note(body)
            self._say(act(body), is_streaming=body.get("stream") is not False)
        elif any(path == self.path for _, path in self.server.routes):
            self._end(405, "text/plain", b"405 method not allowed")
        else:
            self._end(404, "text/plain", b"404 page not found")

    def _note(self, body: Fields) -> None:
        headers = dict(self.headers.items())
        self.server.asked.append(Asked(self.command, self.path, body, headers))

    def _body(self, data: bytes) -> Fields:
        if self.command == "GET":
            return {}
        if not data:
            raise Wrong(400, "missing request body")
        body: Fields = json.loads(data)
        return body

    def _say(self, answer: Fields | Iterator[Fields] | None, *, is_streaming: bool) -> None:
        if answer is None:
            self._end(200, "text/plain", b"")
        elif isinstance(answer, dict):
            self._end(200, _JSON, as_go(answer))
        elif is_streaming:
            self._stream(answer)
        else:
            self._end(200, "application/json", as_go(list(answer)[-1]))

    def _stream(self, lines: Iterator[Fields]) -> None:
        first = next(lines)  # a refusal before it has a status of its own
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self._chunk(as_go(first) + b"\n")
            for line in lines:
                self._chunk(as_go(line) + b"\n")
            self._chunk(b"")
        except OSError:
            self.server.has_been_left.set()
            self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _end(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def as_go(value: Fields) -> bytes:
    """As Go's encoder writes it: no blanks, raw UTF-8, and `<`, `>`, `&` escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text.encode()
