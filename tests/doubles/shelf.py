"""A registry in memory, in the place of `portal.catalog.registry.Registry`; it counts."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from portal.catalog.names import Digest, ModelName
from portal.catalog.registry import Cancelled, Fetched, NotFound, RegistryError
from portal.catalog.storage.manifest import (
    CONFIG_TYPE,
    LICENSE_TYPE,
    WEIGHTS_TYPE,
    Config,
    Layer,
    Manifest,
)
from portal.catalog.storage.store import Staged, Store
from tests.catalog.gguf_files import chat_gguf

CHUNK_BYTES = 100
PATIENCE_SECONDS = 60.0

Told = Callable[[int], None]
Wanted = Callable[[], bool]


@dataclass
class Shelf:
    """What lies in it. `gate` closed: a fetch stops after its first chunk until it is opened."""

    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    served_bytes: int = 0
    asked_manifests: int = 0
    fails_with: Exception | None = None
    # The disk is full when so much of a file is there.
    full_after_bytes: int | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    is_at_gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def put(self, name: str, *, salt: str = "", extra: bytes = b"") -> Manifest:
        """A small model that can be read, with a licence of its own."""
        config = Config(model_family="llama", model_families=("llama",), file_type="Q4_K_M")
        manifest = Manifest(
            config=self.layer(config.as_bytes() + extra, CONFIG_TYPE),
            layers=(
                self.layer(chat_gguf(salt=salt), WEIGHTS_TYPE),
                self.layer(f"Licence of {name}".encode(), LICENSE_TYPE),
            ),
        )
        # Not as we write it: the bytes of a manifest are kept as they came.
        self.manifests[ModelName.parse(name).folded] = b" " + manifest.as_bytes()
        return manifest

    def layer(self, data: bytes, media_type: str) -> Layer:
        digest = Digest(hashlib.sha256(data).hexdigest())
        self.blobs[digest.hex] = data
        return Layer(media_type=media_type, digest=digest, size_bytes=len(data))

    def __call__(self, rules: object) -> "Shelf":
        return self

    # ── As the registry ──────────────────────────────────────────────────────────────────────

    def manifest(
        self, name: ModelName, *, wanted: Wanted = lambda: True, insecure: bool = False
    ) -> Fetched:
        self.asked_manifests += 1
        if self.fails_with is not None:
            raise self.fails_with
        data = self.manifests.get(name.folded)
        if data is None:
            raise _Missing
        return Fetched(Manifest.read(data), data)

    def fetch(
        self,
        name: ModelName,
        layer: Layer,
        *,
        into: Path,
        told: Told,
        wanted: Wanted = lambda: True,
        insecure: bool = False,
    ) -> Staged:
        data = self.blobs[layer.digest.hex]
        part = self._part(layer.digest, into)
        with part.open("ab") as file:
            while (begin := file.tell()) < len(data):
                end = min(begin + CHUNK_BYTES, self.full_after_bytes or len(data))
                if self.full_after_bytes is not None and begin >= self.full_after_bytes:
                    raise OSError(errno.ENOSPC, "No space left on device")
                chunk = data[begin:end]
                file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                self.served_bytes += len(chunk)
                told(file.tell())
                self._wait_at_gate(wanted)
        assert hashlib.sha256(part.read_bytes()).hexdigest() == layer.digest.hex
        return Staged(part, layer.digest, layer.size_bytes)

    def forget(self, digest: Digest, *, into: Path) -> None:
        self._part(digest, into).unlink(missing_ok=True)

    def kept_bytes(self, layer: Layer, *, into: Path) -> int:
        part = self._part(layer.digest, into)
        return part.stat().st_size if part.exists() else 0

    def send(
        self,
        name: ModelName,
        layer: Layer,
        *,
        store: Store,
        told: Told,
        wanted: Wanted = lambda: True,
        insecure: bool = False,
    ) -> None:
        if layer.digest.hex in self.blobs:
            return
        with store.open_blob(layer.digest) as file:
            self.blobs[layer.digest.hex] = file.read()
        told(layer.size_bytes)

    def send_manifest(
        self, name: ModelName, data: bytes, *, wanted: Wanted = lambda: True, insecure: bool = False
    ) -> None:
        self.manifests[name.folded] = data

    def _wait_at_gate(self, wanted: Wanted) -> None:
        if not self.gate.is_set():
            self.is_at_gate.set()
        while not self.gate.wait(0.01):
            if not wanted():
                raise Cancelled
        if not wanted():
            raise Cancelled

    @staticmethod
    def _part(digest: Digest, into: Path) -> Path:
        return into / f"{digest.hex}.part"


class _Missing(NotFound):
    def __init__(self) -> None:
        RegistryError.__init__(self, "pull model manifest: file does not exist")
