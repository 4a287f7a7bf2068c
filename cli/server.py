"""The server behind the commands: the official client, and the few answers it would cut short.

Every call says what goes wrong as `Failed`. Not for what people read.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import ollama

from cli.errors import told, unreachable
from cli.settings import Settings

Fields = dict[str, Any]
UNLOADED_HEADER = "X-Portal-Unloaded"
_CHUNK_BYTES = 1024 * 1024


class Server:
    """One server, as one person."""

    def __init__(self, settings: Settings) -> None:
        self.address = settings.address
        headers = {"Authorization": f"Bearer {settings.key}"} if settings.key else {}
        # A model may take minutes to load or to be fetched; a server that is there answers at once.
        patience = httpx.Timeout(None, connect=10.0)
        self._client = ollama.Client(host=settings.address, headers=headers, timeout=patience)
        # The same road for answers whose fields the client would leave out.
        self._http = httpx.Client(base_url=settings.address, headers=headers, timeout=patience)

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
            fields: Fields = response.json()
            return fields


def _checked(lines: Iterable[str]) -> Iterator[Fields]:
    for line in lines:
        if not line:
            continue
        fields: Fields = json.loads(line)
        if error := fields.get("error"):
            raise ollama.ResponseError(str(error), -1)
        yield fields


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
