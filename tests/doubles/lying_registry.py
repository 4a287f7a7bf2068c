"""A registry on loopback that keeps to the protocol until a test tells it a lie. Not a real one."""

import hashlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from portal.catalog.names import Digest, ModelName
from portal.catalog.storage.manifest import CONFIG_TYPE, MANIFEST_TYPE, WEIGHTS_TYPE, Layer

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    host: str
    range: str
    authorization: str
    headers: dict[str, str]


class Asked(BaseHTTPRequestHandler):
    """One request; lies and the honest answers write to it."""

    protocol_version = "HTTP/1.1"
    registry: "LyingRegistry"
    is_left = False

    def answer(self) -> None:
        self.registry.answer(self)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: what came is in `seen`."""

    def wants(self) -> tuple[int, int] | None:
        found = _RANGE.fullmatch(self.headers.get("Range", ""))
        return (int(found[1]), int(found[2])) if found else None

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """An answer whose length is what it says, unless `Content_Length` says otherwise."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        named.setdefault("Content-Length", str(len(body)))
        self.send_response(status)
        for key, value in named.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.write(body)

    def write(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            self.is_left = self.close_connection = True

    def pour(self) -> None:
        """Bytes without end, until nobody reads them any more."""
        while not self.is_left and not self.registry.released.is_set():
            self.write(bytes(65536))
        self.hang_up()

    def hang_up(self) -> None:
        self.close_connection = True


class Counting(ThreadingHTTPServer):
    """Knows who is connected, and from which port each has come."""

    daemon_threads = True

    def __init__(self, handler: type[Asked]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.changed = threading.Condition()
        self.came: set[int] = set()
        self.here = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.changed:
            self.came.add(int(client_address[1]))
            self.here += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.changed:
                self.here -= 1
                self.changed.notify_all()


Lie = Callable[[Asked], bool]


class LyingRegistry:
    """`lies` are asked in turn about each request; one that answers says True."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        self.seen: list[Seen] = []
        self.lies: list[Lie] = []
        # What hangs does so until the test is over.
        self.released = threading.Event()
        methods = {f"do_{method}": Asked.answer for method in METHODS}
        handler = type("Handler", (Asked,), {"registry": self, **methods})
        self._server = Counting(handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @contextmanager
    def serving(self) -> Iterator["LyingRegistry"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def is_left(self) -> None:
        """Waits until everybody who came has been heard and has gone; for after a kill."""
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            mine = last.getsockname()[1]
        # Calls are taken in the order in which they came.
        with self._server.changed:
            self._server.changed.wait_for(
                lambda: mine in self._server.came and self._server.here == 0
            )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    # ── What is there ────────────────────────────────────────────────────────────────────────

    def add(self, data: bytes, media_type: str = WEIGHTS_TYPE) -> Layer:
        digest = Digest(hashlib.sha256(data).hexdigest())
        self.blobs[str(digest)] = data
        return Layer(media_type=media_type, digest=digest, size_bytes=len(data))

    def add_model(self, name: str, *blobs: bytes) -> ModelName:
        """A model of these blobs under `me/<name>`; its manifest is spelled as no other is."""
        layers = [self.add(blob).as_fields() for blob in blobs]
        config = self.add(b'{"model_format":"gguf"}', CONFIG_TYPE).as_fields()
        manifest = {"layers": layers, "config": config, "schemaVersion": 2}
        self.manifests[f"me/{name}:latest"] = json.dumps(manifest, indent=3).encode()
        return ModelName(self.host, "me", name, "latest")

    def asked_for(self, method: str, what: str) -> list[Seen]:
        return [each for each in self.seen if each.method == method and what in each.path]

    # ── Answers ──────────────────────────────────────────────────────────────────────────────

    def answer(self, asked: Asked) -> None:
        self.seen.append(
            Seen(
                asked.command,
                asked.path,
                asked.headers.get("Host", ""),
                asked.headers.get("Range", ""),
                asked.headers.get("Authorization", ""),
                dict(asked.headers),
            )
        )
        if not any(lie(asked) for lie in self.lies):
            self.honest(asked)

    def honest(self, asked: Asked) -> None:
        path = urlsplit(asked.path).path
        kind = path.removeprefix("/v2/").split("/")[2:3]
        if kind == ["manifests"]:
            self._manifest(asked, path)
        elif "/blobs/uploads/" in path:
            self._upload(asked, path)
        elif kind == ["blobs"] or path.startswith("/files/"):
            self._blob(asked, path)
        else:
            asked.say(404)

    def _manifest(self, asked: Asked, path: str) -> None:
        _, _, namespace, model, _, tag = path.split("/")
        key = f"{namespace}/{model}:{tag}"
        if asked.command == "PUT":
            self.manifests[key] = self._body(asked)
            asked.say(201)
            return
        data = self.manifests.get(key)
        if data is None:
            asked.say(404, b"no such manifest")
        else:
            asked.say(200, data, Content_Type=MANIFEST_TYPE)

    def _blob(self, asked: Asked, path: str) -> None:
        data = self.blobs.get(path.rpartition("/")[2])
        if data is None:
            asked.say(404)
            return
        wanted = asked.wants()
        if wanted is None:
            asked.say(200, data)
            return
        begin, end = wanted
        said = f"bytes {begin}-{end}/{len(data)}"
        asked.say(206, data[begin : end + 1], Content_Range=said)

    def _upload(self, asked: Asked, path: str) -> None:
        here = path.rpartition("/")[2]
        query = parse_qs(urlsplit(asked.path).query)
        if asked.command == "POST":
            self._begin_upload(asked, path, query)
        elif here not in self.uploads:
            asked.say(404)
        elif asked.command == "GET":
            # As real ones say it, also of an upload that has nothing.
            asked.say(204, Range=f"0-{max(0, len(self.uploads[here]) - 1)}")
        elif asked.command == "PATCH":
            begin = int(asked.headers["Content-Range"].partition("-")[0])
            del self.uploads[here][begin:]
            self.uploads[here] += self._body(asked)
            asked.say(202, Location=path)
        else:
            self._end_upload(asked, self.uploads.pop(here), query["digest"][0])

    def _begin_upload(self, asked: Asked, path: str, query: dict[str, list[str]]) -> None:
        if query.get("mount", [""])[0] in self.blobs:
            asked.say(201)
            return
        here = f"upload{len(self.uploads)}"
        self.uploads[here] = bytearray()
        asked.say(202, Location=f"{path}{here}")

    def _end_upload(self, asked: Asked, data: bytearray, digest: str) -> None:
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            asked.say(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
            return
        self.blobs[digest] = bytes(data)
        asked.say(201)

    def _body(self, asked: Asked) -> bytes:
        return asked.rfile.read(int(asked.headers.get("Content-Length", "0")))


def once(lie: Lie) -> Lie:
    """The lie until it has been told; the truth afterwards."""
    told: list[bool] = []

    def first(asked: Asked) -> bool:
        if told:
            return False
        answered = lie(asked)
        if answered:
            told.append(True)
        return answered

    return first


def for_blobs(lie: Lie) -> Lie:
    """Only when a blob's bytes are asked for."""
    return lambda asked: asked.command == "GET" and "/blobs/sha256:" in asked.path and lie(asked)
