"""Models come in: from a file of this machine, from a registry, as a copy. Each with its audit row.

Files come first and the row after them: what a kill leaves between, `adopting.sync_with_store`
finds. Not for fetching or making: who does that stages files, and ends here.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from portal.accounts.models import Person
from portal.catalog import access, queries, rows
from portal.catalog.coming import parts
from portal.catalog.models import Model
from portal.catalog.names import Digest, ModelName
from portal.catalog.papers import details, gguf
from portal.catalog.storage import disk, readings
from portal.catalog.storage.manifest import (
    ADAPTER_TYPE,
    CONFIG_TYPE,
    LICENSE_TYPE,
    PARAMETERS_TYPE,
    PROJECTOR_TYPE,
    SYSTEM_TYPE,
    WEIGHTS_TYPE,
    Layer,
    Manifest,
    write_parameters,
)
from portal.catalog.storage.store import Staged, Store, WrongBytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file on this machine that an operator named. Linked only if she asked for it.

    The first of a model in parts (`…-00001-of-0000N.gguf`) stands for all of them.
    """

    path: Path
    may_link: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Bytes that can be read once, and how many there will be."""

    file: BinaryIO
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What a model carries besides its weights. Empty means: no such layer."""

    license_text: str = ""
    system: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)

    def documents(self) -> list[tuple[str, bytes]]:
        """(media type, bytes) in the order Ollama keeps them."""
        written = (
            (SYSTEM_TYPE, self.system.encode()),
            (LICENSE_TYPE, self.license_text.encode()),
            (PARAMETERS_TYPE, write_parameters(self.parameters) if self.parameters else b""),
        )
        return [(media_type, data) for media_type, data in written if data]


def import_file(
    person: Person | None,
    *,
    source: LocalFile | Stream,
    name: str,
    sha256: str | None = None,
    papers: Papers | None = None,
    projector: LocalFile | None = None,
    adapters: Sequence[LocalFile] = (),
) -> Model:
    """Take a GGUF file into the store under `name`; it is published only if the name was before.

    Nothing is kept when the bytes are not those of `sha256`, or not a GGUF we would load. The
    second time with the same file changes nothing but the time. A `projector` lets it see, and
    `adapters` are laid over the weights in order.
    """
    access.may_manage_models(person, verb="add")
    model_name = ModelName.parse(name)
    expected = Digest.parse(sha256) if sha256 else None
    store = queries.open_store()
    with ExitStack() as cleanup:

        def keep(staged: Staged) -> Staged:
            cleanup.callback(store.discard, staged)
            return staged

        weights = keep(_stage(store, source))
        if expected is not None and weights.digest != expected:
            raise WrongBytes(weights.digest.hex)
        header = gguf.read(weights.path)
        config = keep(store.stage_bytes(details.config_of(header).as_bytes()))
        layers, documents = [_layer(weights, WEIGHTS_TYPE)], [weights, config]
        beside = [(PROJECTOR_TYPE, projector)] if projector else []
        for media_type, file in (*beside, *((ADAPTER_TYPE, each) for each in adapters)):
            documents.append(keep(_stage(store, file)))
            gguf.read(documents[-1].path)
            layers.append(_layer(documents[-1], media_type))
        for media_type, data in (papers or Papers()).documents():
            documents.append(keep(store.stage_bytes(data)))
            layers.append(_layer(documents[-1], media_type))
        manifest = Manifest(config=_layer(config, CONFIG_TYPE), layers=tuple(layers))
        return publish_staged(
            person, name=model_name, manifest=manifest, staged=documents, act="model.imported"
        )


def publish_staged(
    person: Person | None,
    *,
    name: ModelName,
    manifest: Manifest,
    staged: Sequence[Staged],
    act: str,
    data: bytes | None = None,
) -> Model:
    """Give what was fetched or made its name: these files, then the manifest, then the row.

    `staged` are those blobs of the manifest that the store lacks; the others must be in it, else
    `WrongBytes` with the digest of the missing one: fetch it, then call again. `data` is the
    manifest as somebody else wrote it, kept byte for byte. What the name stood for before loses its
    files, unless they are needed elsewhere. `act` is the word of the audit row, such as
    "model.pulled". The second time changes nothing.
    """
    access.may_manage_models(person, verb="add")
    store = queries.open_store()
    with store.locked():
        replaced = store.layers_of(name)
        for each in staged:
            store.publish(each)
        store.refuse_missing(manifest)
        found = details.of_manifest(store, manifest)
        stored = store.replace_manifest(name, manifest, data=data)
    model = rows.remember(person, stored=stored, found=found, act=act)
    with store.locked():
        store.remove_replaced(replaced)
    for each in staged:
        readings.note(each.digest, size_bytes=each.size_bytes)
    return model


def take_in_blob(source: LocalFile) -> Digest:
    """A file of this machine lies in the store under its digest; no model needs it yet."""
    store = queries.open_store()
    staged = _stage(store, source)
    with store.locked():
        store.publish(staged)
    readings.note(staged.digest, size_bytes=staged.size_bytes)
    return staged.digest


def copy_model(person: Person | None, *, source: str, destination: str) -> Model:
    """The model has a second name: the same files, nothing published. Its own name changes nothing.

    `NoSuchManifest` when there is no such model, `NotAName` for what can be no name.
    """
    access.may_manage_models(person, verb="add")
    from_name, to_name = ModelName.parse(source), ModelName.parse(destination)
    store = disk.store_for_changing()
    with store.locked():
        stored = store.manifest(from_name)
        original = Model.objects.filter(name__iexact=stored.name.short).first()
        if from_name.folded == to_name.folded and original is not None:
            return original
        replaced = store.layers_of(to_name)
        store.refuse_missing(stored.manifest)
        found = details.of(store, stored)
        with disk.told():
            copied = store.copy_manifest(from_name, to_name)
    # A row that is older than its files knows nothing about these.
    is_same = original is not None and original.digest == copied.digest.hex
    model = rows.remember(
        person,
        stored=copied,
        found=found,
        act="model.copied",
        like=original if is_same else None,
    )
    with store.locked():
        store.remove_replaced(replaced)
    return model


def _stage(store: Store, source: LocalFile | Stream) -> Staged:
    if isinstance(source, Stream):
        return store.stage_stream(source.file, size_bytes=source.size_bytes)
    found = parts.of(source.path)
    if not found:
        return store.stage_file(source.path, may_link=source.may_link)
    return _stage_parts(store, found)


def _stage_parts(store: Store, found: Sequence[Path]) -> Staged:
    target = store.new_staged()
    try:
        parts.merge(found, target=target, reserve=store.reserve)
        return store.finish_staged(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _layer(staged: Staged, media_type: str) -> Layer:
    return Layer(media_type=media_type, digest=staged.digest, size_bytes=staged.size_bytes)
