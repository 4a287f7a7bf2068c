"""What one may ask of a registry: a manifest, a layer, to take ours. The rest serves this.

Not for the store: `fetch` proves a file and leaves it in the staged folder; publishing is
`Store`'s.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from portal.catalog.names import Digest, ModelName
from portal.catalog.registry import addresses, ledger
from portal.catalog.registry.addresses import Resolve
from portal.catalog.registry.crew import Crew
from portal.catalog.registry.download import download, members
from portal.catalog.registry.errors import BadAnswer, Cancelled, RegistryError, WrongBytes
from portal.catalog.registry.hosts import Origin
from portal.catalog.registry.ledger import Shape
from portal.catalog.registry.part import Part
from portal.catalog.registry.rules import Rules
from portal.catalog.registry.talk import Talk, Tokens
from portal.catalog.registry.upload import Upload
from portal.catalog.storage.manifest import MANIFEST_TYPE, BadManifest, Layer, Manifest
from portal.catalog.storage.store import Staged, Store

Told = Callable[[int], None]
Wanted = Callable[[], bool]


def always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest as the registry has it; `data` is what is stored, byte for byte."""

    manifest: Manifest
    data: bytes


class Registry:
    """Speaks to the registries that `rules` allow. Cheap to make; holds tokens, no connections.

    Every method raises `RegistryError`; `wanted` is asked about 16 times a second, and when it says
    no, `Cancelled` is raised at once and what has come is kept.
    """

    def __init__(self, rules: Rules, *, resolve: Resolve = addresses.resolve) -> None:
        self._rules = rules
        self._resolve = resolve
        self._tokens = Tokens()

    # ── Pull ─────────────────────────────────────────────────────────────────────────────────

    def manifest(
        self, name: ModelName, *, wanted: Wanted = always, insecure: bool = False
    ) -> Fetched:
        """The manifest under this name. `contract_text` of its errors begins as Ollama's."""
        found: list[bytes] = []
        try:
            with self._talk(name, insecure=insecure, purpose="pull") as talk:
                url = _base(talk.origin, name).join(f"manifests/{name.tag}")

                def ask() -> None:
                    found.append(talk.document(url, headers={"Accept": MANIFEST_TYPE}))

                self._watched(talk, ask, wanted=wanted)
                return _read_manifest(found[0], name=name, host=talk.host)
        except Cancelled:
            raise
        except RegistryError as error:
            error.contract_text = f"pull model manifest: {error.contract_text}"
            raise

    def fetch(
        self,
        name: ModelName,
        layer: Layer,
        *,
        into: Path,
        told: Told,
        wanted: Wanted = always,
        insecure: bool = False,
    ) -> Staged:
        """The layer's bytes as a file in the folder `into`, hashed and synced: ready for `publish`.

        `told` gets how many bytes are there now, about 16 times a second; it may fall back to 0
        when wrong bytes are fetched once more. After a kill, the next call goes on from the chunks
        that were synced. `store.NoSpace` when the disk cannot hold it. Publish, then call `forget`.
        """
        got = self._fetched(name, layer, into, told, wanted, insecure)
        if got != layer.digest:
            # Once more, from the first byte: a part of it may have been damaged here (threat E8).
            self.forget(layer.digest, into=into)
            got = self._fetched(name, layer, into, told, wanted, insecure)
        if got != layer.digest:
            self.forget(layer.digest, into=into)
            raise WrongBytes(want=str(layer.digest), got=str(got), host=name.host)
        return Staged(ledger.part_of(layer.digest, folder=into), layer.digest, layer.size_bytes)

    @staticmethod
    def forget(digest: Digest, *, into: Path) -> None:
        """Remove what is kept for a resume: after publishing, or when nobody wants it any more."""
        ledger.remove(digest, folder=into)

    @staticmethod
    def kept_bytes(layer: Layer, *, into: Path) -> int:
        """How many bytes of this layer a `fetch` would not fetch again."""
        return ledger.kept_bytes(layer.digest, size_bytes=layer.size_bytes, folder=into)

    @staticmethod
    def part_path(layer: Layer, *, into: Path) -> Path:
        """Where it grows. It takes its whole room on the disk as it begins, where the disk can."""
        return ledger.part_of(layer.digest, folder=into)

    # ── Push ─────────────────────────────────────────────────────────────────────────────────

    def push(
        self,
        name: ModelName,
        store: Store,
        *,
        told: Callable[[Layer, int], None],
        wanted: Wanted = always,
        insecure: bool = False,
    ) -> None:
        """All of it in order: `send` for each layer, the configuration last, then the manifest."""
        stored = store.manifest(name)
        for layer in stored.manifest.all_layers:
            self.send(
                name,
                layer,
                store=store,
                told=partial(told, layer),
                wanted=wanted,
                insecure=insecure,
            )
        data = store.manifest_bytes(name)
        self.send_manifest(name, data, wanted=wanted, insecure=insecure)

    def send(
        self,
        name: ModelName,
        layer: Layer,
        *,
        store: Store,
        told: Told,
        wanted: Wanted = always,
        insecure: bool = False,
    ) -> None:
        """Bring one layer of ours to the registry, unless it has it; `told` as in `fetch`."""
        with (
            self._talk(name, insecure=insecure, purpose="push") as talk,
            store.open_blob(layer.digest) as file,
        ):
            upload = Upload(talk, _base(talk.origin, name), layer, file=file)
            self._watched(talk, upload.run, wanted=wanted, told=lambda: told(upload.sent_bytes))

    def send_manifest(
        self, name: ModelName, data: bytes, *, wanted: Wanted = always, insecure: bool = False
    ) -> None:
        """Last of a push, when every layer is there. `data` byte for byte as stored."""
        with self._talk(name, insecure=insecure, purpose="push") as talk:
            url = _base(talk.origin, name).join(f"manifests/{name.tag}")
            headers = {"Content-Type": MANIFEST_TYPE, "Content-Length": str(len(data))}

            def once() -> None:
                with talk.asked("PUT", url, headers=headers, body=lambda: [data], hops=0) as put:
                    talk.refuse_failure(put)

            self._watched(talk, lambda: talk.tries().run(once), wanted=wanted)

    # ── Below ────────────────────────────────────────────────────────────────────────────────

    def _fetched(
        self,
        name: ModelName,
        layer: Layer,
        into: Path,
        told: Told,
        wanted: Wanted,
        insecure: bool,
    ) -> Digest:
        streams = self._rules.streams
        with self._talk(name, insecure=insecure, purpose="pull", most=members(streams)) as talk:
            _refuse_unwanted(wanted)
            part = Part(self._shape(layer), folder=into)
            try:
                return download(
                    talk,
                    _base(talk.origin, name).join(f"blobs/{layer.digest}"),
                    part=part,
                    streams=streams,
                    told=told,
                    wanted=lambda: _refuse_unwanted(wanted),
                )
            finally:
                part.close()

    def _shape(self, layer: Layer) -> Shape:
        return Shape(layer.digest, layer.size_bytes, self._rules.chunk_bytes)

    def _talk(self, name: ModelName, *, insecure: bool, purpose: str, most: int = 1) -> Talk:
        return Talk(
            self._rules.origin_of(name, insecure=insecure),
            purpose=f"{purpose} {name.namespace}/{name.model}",
            insecure=insecure,
            rules=self._rules,
            tokens=self._tokens,
            crew=Crew(most=most),
            resolve=self._resolve,
        )

    def _watched(
        self,
        talk: Talk,
        work: Callable[[], None],
        *,
        wanted: Wanted,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        def beat() -> None:
            _refuse_unwanted(wanted)
            told()

        beat()
        talk.crew.start(work)
        talk.crew.watch(beat=beat, beat_seconds=self._rules.patience.beat_seconds)


def _refuse_unwanted(wanted: Wanted) -> None:
    if not wanted():
        raise Cancelled


def _base(origin: Origin, name: ModelName) -> httpx.URL:
    return httpx.URL(f"{origin.url}/v2/{name.namespace}/{name.model}/")


def _read_manifest(data: bytes, *, name: ModelName, host: str) -> Fetched:
    try:
        return Fetched(Manifest.read(data), data)
    except BadManifest as error:
        if _has_empty_digest(data):
            what = f"{name.namespace}/{name.model}: digest is empty"
            raise BadAnswer(what, host=host, is_whole=True) from None
        raise BadAnswer(f"no manifest: {error}", host=host) from None


def _has_empty_digest(data: bytes) -> bool:
    """Whether this is what refused the manifest: Ollama has words of its own for it."""
    try:
        fields = json.loads(data)
        layers = [*fields["layers"], fields["config"]]
        return any(not layer.get("digest") for layer in layers)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False
