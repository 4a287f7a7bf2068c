"""The kind "pull": a model of somebody's registry comes into the store, blob by blob.

Status lines are Ollama's, in Ollama's order. Not for the protocol: that is in the package registry.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal import clock
from portal.catalog import queries, rows
from portal.catalog.jobs import room
from portal.catalog.jobs.failures import JobFailed
from portal.catalog.jobs.kinds import works_on
from portal.catalog.jobs.leases import Leases
from portal.catalog.jobs.running import Running
from portal.catalog.names import Digest, ModelName
from portal.catalog.papers import details
from portal.catalog.registry import Fetched, Registry, Rules
from portal.catalog.registry.ledger import part_of
from portal.catalog.storage import readings
from portal.catalog.storage.manifest import Layer
from portal.catalog.storage.store import Staged, Store, Stored, WrongBytes
from portal.chat.errors import Sentence
from portal.faults import at

# How often what somebody else removed meanwhile is fetched once more.
MAX_ROUNDS = 3
TENSOR_TYPE = "application/vnd.ollama.image.tensor"

NEEDS_MLX: Sentence = _(
    "%(name)s is made for Apple's MLX, which this portal does not run. Nothing was fetched and"
    " nothing has changed. Choose one of its variants in the GGUF format."
)


@works_on("pull")
def pull(running: Running) -> None:
    """Every blob checked and in its place, then the manifest, then the row and its trial.

    A second time, what is here already is not fetched; a model that is whole transfers nothing but
    its manifest.
    """
    is_insecure = bool(running.wants.get("insecure"))
    bring(running, ModelName.parse(running.job.name), is_insecure=is_insecure)


def bring(running: Running, name: ModelName, *, is_insecure: bool) -> None:
    """The same, for a job that needs this model before it can begin."""
    registry = Registry(Rules.of(settings.PORTAL))
    running.tell("pulling manifest")
    store = queries.open_store()
    # As in Ollama: whatever case it is asked for in, a model that is here is asked for as it is.
    name = store.spelled(name)
    fetched = registry.manifest(name, wanted=running.is_wanted, insecure=is_insecure)
    at("pull.manifest_read")
    _refuse_tensors(name, fetched)
    bringing = _Bringing(
        running,
        store=store,
        layers=fetched.manifest.all_layers,
        fetch=partial(registry.fetch, name, wanted=running.is_wanted, insecure=is_insecure),
    )
    for round_number in range(1, MAX_ROUNDS + 1):
        try:
            with bringing.all_here():
                _publish(running, store=store, name=name, fetched=fetched)
            return
        except WrongBytes:
            # A blob went between being looked at and being named: somebody else was there.
            if round_number == MAX_ROUNDS:
                raise


class _Bringing:
    """The blobs of one manifest on their way into the store."""

    def __init__(
        self,
        running: Running,
        *,
        store: Store,
        layers: tuple[Layer, ...],
        fetch: Callable[..., Staged],
    ) -> None:
        self._running = running
        self._store = store
        self._layers = layers
        self._fetch = fetch
        self._leases = Leases(settings.PORTAL.models)
        # What each blob will still take of the disk; files may lie there at their full length.
        self._unwritten: dict[Digest, int] = {}

    @contextmanager
    def all_here(self) -> Iterator[None]:
        """Every blob is published, checked, and stays while this lasts."""
        digests = {layer.digest: layer.size_bytes for layer in self._layers}
        self._running.expect(total_bytes=sum(digests.values()), digests=list(digests))
        with self._store.holding(digests.keys()):
            self._unwritten = {layer.digest: self._still_to_write(layer) for layer in self._layers}
            self._running.reserve(sum(self._unwritten.values()))
            for layer in self._layers:
                self._running.raise_if_unwanted()
                self._bring(layer)
            yield

    def _bring(self, layer: Layer) -> None:
        if not self._is_here(layer):
            with self._leases.blob(
                layer.digest, while_waiting=partial(self._show_the_others, layer)
            ):
                # Somebody may have brought it while we waited.
                if not self._is_here(layer):
                    self._fetch_and_publish(layer)
        # Also what one left behind that was killed just after publishing.
        Registry.forget(layer.digest, into=self._store.staged_folder())
        self._show(layer, layer.size_bytes)

    def _fetch_and_publish(self, layer: Layer) -> None:
        staged = self._fetch(
            layer, into=self._store.staged_folder(), told=partial(self._show, layer)
        )
        at("pull.blob_fetched")
        with self._store.locked():
            self._store.publish(staged)
        at("pull.blob_published")
        readings.note(layer.digest, size_bytes=layer.size_bytes)

    def _is_here(self, layer: Layer) -> bool:
        """Published and known to be what its name says. In a folder that other programs fill too, a
        name alone proves nothing (threat E9): what we did not check is read first."""
        if not self._store.has_blob(layer.digest, size_bytes=layer.size_bytes):
            return False
        if readings.is_known(self._store, layer.digest, size_bytes=layer.size_bytes):
            return True
        try:
            self._store.check_blob(layer.digest)
        except WrongBytes:
            self._store.set_aside(layer.digest)
            return False
        readings.note(layer.digest, size_bytes=layer.size_bytes)
        return True

    def _show(self, layer: Layer, completed: int) -> None:
        self._unwritten[layer.digest] = self._still_to_write(layer)
        self._running.reserve(sum(self._unwritten.values()))
        self._running.tell(
            f"pulling {layer.digest.hex[:12]}",
            digest=str(layer.digest),
            total=layer.size_bytes,
            completed=completed,
        )

    def _show_the_others(self, layer: Layer) -> None:
        """Another job fetches this blob: what it has is what we shall have."""
        self._running.raise_if_unwanted()
        self._show(layer, Registry.kept_bytes(layer, into=self._store.staged_folder()))

    def _still_to_write(self, layer: Layer) -> int:
        if self._store.has_blob(layer.digest, size_bytes=layer.size_bytes):
            return 0
        part = part_of(layer.digest, folder=self._store.staged_folder())
        return room.unwritten_bytes(part, size_bytes=layer.size_bytes)


def _publish(running: Running, *, store: Store, name: ModelName, fetched: Fetched) -> None:
    running.tell("verifying sha256 digest")
    digest = Digest(hashlib.sha256(fetched.data).hexdigest())
    # Read before it has a name: what we cannot read replaces nothing.
    found = details.of(store, Stored(name, fetched.manifest, digest, clock.now().timestamp()))
    running.raise_if_unwanted()
    running.tell("writing manifest")
    with store.locked():
        replaced = store.layers_of(name) - {each.digest for each in fetched.manifest.all_layers}
        stored = store.replace_manifest(name, fetched.manifest, data=fetched.data)
        at("pull.manifest_written")
    rows.remember(running.job.person, stored=stored, found=found, act="model.pulled")
    at("pull.model_known")
    if replaced and store.is_pruning:
        _remove_unused(running, store=store, replaced=replaced)
    running.tell("success")


def _remove_unused(running: Running, *, store: Store, replaced: Collection[Digest]) -> None:
    """A step that is told and spoils nothing: pruning does it later."""
    running.tell("removing unused layers")
    try:
        with store.locked():
            store.remove_replaced(replaced)
    except OSError as error:
        running.tell(f"couldn't remove unused layers: {error.strerror}")


def _refuse_tensors(name: ModelName, fetched: Fetched) -> None:
    if any(layer.media_type == TENSOR_TYPE for layer in fetched.manifest.layers):
        raise JobFailed(
            NEEDS_MLX,
            contract_text="this model requires MLX support, but the MLX runtime is not available",
            name=name.short,
        )
