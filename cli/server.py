"""The server behind the commands: the official client, and the few answers it would cut short.

Every call says what goes wrong as `Failed`. Not for what people read.
"""

import hashlib
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import httpx
import ollama

from cli.errors import Failed, named, strange, told, unreachable
from cli.settings import Settings, shown

Fields = dict[str, Any]
UNLOADED_HEADER = "X-Portal-Unloaded"
_CHUNK_BYTES = 1024 * 1024


class Server:
    """One server, as one person."""

    def __init__(self, settings: Settings) -> None:
        self.address = settings.address
        self._sockets: list[socket.socket] = []
        self._has_hung_up = False
        headers = {"Authorization": f"Bearer {_sendable(settings.key)}"} if settings.key else {}
        # A model may take minutes to load or to be fetched; a server that is there answers at once.
        patience = httpx.Timeout(None, connect=10.0)
        road: dict[str, Any] = {
            "headers": headers,
            "timeout": patience,
            "event_hooks": {"request": [self._watch], "response": [self._must_be_an_answer]},
        }
        try:
            self._client = ollama.Client(host=settings.address, **road)
            # The same road for answers whose fields the client would leave out.
            self._http = httpx.Client(base_url=settings.address, **road)
        except (ValueError, httpx.InvalidURL):
            raise Failed(
                f"'{shown(settings.address)}' is not an address. One looks like"
                " https://portal.example.com or 127.0.0.1:8000."
            ) from None
        self._open = ExitStack()
        self._open.callback(self._client.close)
        self._open.callback(self._http.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def check(self) -> Self:
        """Whether anybody is there. Every command but `login` asks first."""
        try:
            self._http.head("/", timeout=10.0)
        except httpx.TransportError:
            raise unreachable(self.address) from None
        return self

    # ── Ctrl-C ───────────────────────────────────────────────────────────────────────────────

    def hang_up(self) -> None:
        """Whatever waits for the server fails now, and so does what asks it anew."""
        self._has_hung_up = True
        for each in self._sockets:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def pick_up(self) -> None:
        self._has_hung_up = False

    def _watch(self, request: httpx.Request) -> None:
        """Called before each request, and through it on each new connection."""
        self._must_not_have_hung_up()
        request.extensions["trace"] = self._note_connection

    def _note_connection(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            known = [each for each in self._sockets if each.fileno() >= 0]
            self._sockets = [*known, info["return_value"].get_extra_info("socket")]
            self._must_not_have_hung_up()

    def _must_not_have_hung_up(self) -> None:
        if self._has_hung_up:
            raise KeyboardInterrupt

    def _must_be_an_answer(self, response: httpx.Response) -> None:
        """Web servers that stand before a portal, or in its place, send on and show pages.

        Who sends on is not followed: the key goes to the address it was kept for.
        """
        if response.request.method == "HEAD":
            return
        if response.has_redirect_location:
            does = f"sends this on to {_other_address(response)} instead of answering it"
            raise strange(self.address, does=does)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and response.headers.get("Content-Length") != "0":
            does = f"answers with a web page ({named(response.status_code)})"
            raise strange(self.address, does=does)

    # ── Models ───────────────────────────────────────────────────────────────────────────────

    def models(self) -> list[Fields]:
        return list(self._json("GET", "/api/tags").get("models") or [])

    def loaded(self) -> list[Fields]:
        return list(self._json("GET", "/api/ps").get("models") or [])

    def show(self, model: str, *, is_verbose: bool = False) -> Fields:
        asked: Fields = {"model": model}
        if is_verbose:
            asked["verbose"] = True
        return self._json("POST", "/api/show", asked)

    def copy(self, source: str, target: str) -> None:
        with told(self.address):
            self._client.copy(source, target)

    def delete(self, model: str) -> None:
        with told(self.address):
            self._client.delete(model)

    def unload(self, model: str) -> bool:
        """False: the server decides by itself when it goes, and this key does not change that."""
        with told(self.address):
            asked = {"model": model, "keep_alive": 0}
            response = self._http.post("/api/generate", json=asked)
            if response.is_error:
                raise ollama.ResponseError(response.text, response.status_code)
            # A server that is no portal does not say, and obeys everybody.
            return bool(response.headers.get(UNLOADED_HEADER) != "no")

    def add_blob(self, path: Path, *, tell: Callable[[str, int], None]) -> str:
        """Sends the file and returns its digest. `tell` hears it, and how many percent are sent."""
        digest = _digest_of(path)
        size_bytes = path.stat().st_size

        def sent() -> Iterator[bytes]:
            count = 0
            for chunk in _chunks(path):
                tell(digest, count * 100 // max(1, size_bytes))
                yield chunk
                count += len(chunk)
            tell(digest, 100)

        with told(self.address, with_status=True):
            response = self._http.post(
                f"/api/blobs/{digest}",
                content=sent(),
                headers={"Content-Length": str(size_bytes)},
            )
            if response.is_error:
                raise ollama.ResponseError(response.text, response.status_code)
        return digest

    # ── Work that tells how far it is ────────────────────────────────────────────────────────

    def pull(self, model: str, *, insecure: bool) -> Iterator[Fields]:
        return self._told("/api/pull", {"model": model, "insecure": insecure})

    def push(self, model: str, *, insecure: bool) -> Iterator[Fields]:
        return self._told("/api/push", {"model": model, "insecure": insecure})

    def create(self, wanted: Fields) -> Iterator[Fields]:
        return self._told("/api/create", wanted)

    # ── Answers ──────────────────────────────────────────────────────────────────────────────

    def generate(self, wanted: Mapping[str, Any]) -> Iterator[Fields]:
        with told(self.address, with_status=True):
            for part in self._client.generate(**wanted, stream=True):
                yield part.model_dump()

    def chat(self, wanted: Mapping[str, Any]) -> Iterator[Fields]:
        with told(self.address, with_status=True):
            for part in self._client.chat(**wanted, stream=True):
                yield part.model_dump()

    def embed(self, wanted: Mapping[str, Any]) -> list[float]:
        with told(self.address, with_status=True):
            return list(self._client.embed(**wanted).embeddings[0])

    def _told(self, path: str, wanted: Fields) -> Iterator[Fields]:
        """A stream of JSON lines; a line with an error ends it."""
        with (
            told(self.address, with_status=True),
            self._http.stream("POST", path, json=wanted) as response,
        ):
            if response.is_error:
                response.read()
                raise ollama.ResponseError(response.text, response.status_code)
            yield from _checked(response.iter_lines())

    def _json(self, method: str, path: str, asked: Fields | None = None) -> Fields:
        with told(self.address):
            response = self._http.request(method, path, json=asked)
            if response.is_error:
                raise ollama.ResponseError(response.text, response.status_code)
            return _fields(response.json())


def _checked(lines: Iterable[str]) -> Iterator[Fields]:
    for line in lines:
        if not line:
            continue
        fields = _fields(json.loads(line))
        if error := fields.get("error"):
            raise ollama.ResponseError(str(error), -1)
        yield fields


def _fields(value: Any) -> Fields:
    if not isinstance(value, dict):
        raise ValueError("an answer is an object")
    return value


def _sendable(key: str) -> str:
    if not (key.isascii() and key.isprintable()):
        raise Failed(
            "the key has letters in it that no key has. Copy it again, without what stands"
            ' around it, from the page "Connect" of the portal.'
        )
    return key


def _other_address(response: httpx.Response) -> str:
    """Where it sends us: as an address of a whole server, if the rest is what we asked for."""
    asked = response.request.url
    place = asked.join(response.headers["Location"])
    whole = str(place.copy_with(query=None, fragment=None))
    return whole.removesuffix(asked.path)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
