"""The files a new model is made of: layers of its base, or blobs of the store, looked at first.

Reads the store and gives nothing a name. A file is found by its digest and in no other way
(threat E24): there is no path here that came from a request.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gguffile.header import MAGIC
from portal.catalog.making import splits
from portal.catalog.making.errors import NoSuchBlob, NotMade, refused
from portal.catalog.making.order import digest_of
from portal.catalog.names import Digest
from portal.catalog.papers import gguf
from portal.catalog.storage import readings
from portal.catalog.storage.manifest import (
    ADAPTER_TYPE,
    DRAFT_TYPE,
    PROJECTOR_TYPE,
    WEIGHTS_TYPE,
    Layer,
)
from portal.catalog.storage.store import Staged, Store, Stored, WrongBytes

GGUF_TYPES = (WEIGHTS_TYPE, PROJECTOR_TYPE, ADAPTER_TYPE, DRAFT_TYPE)
NOT_A_GGUF = "supplied file was not in GGUF format"
Say = Callable[[str], None]
Keep = Callable[[Staged], Staged]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One layer to be. `header` is there for GGUF files, `staged` for files that are new."""

    layer: Layer
    header: gguf.Header | None = None
    staged: Staged | None = None
    said: str = ""

    @property
    def line(self) -> str:
        """What is said of it as the model is made."""
        if self.said:
            return self.said
        what = "using existing" if self.staged is None else "creating new"
        return f"{what} layer {self.layer.digest}"


def of_base(store: Store, stored: Stored) -> list[Part]:
    """Every layer of the base, which is named as their source."""
    return [
        Part(layer=replace(layer, source=stored.name.short), header=_header_of(store, layer))
        for layer in stored.manifest.layers
    ]


def of_files(store: Store, files: Mapping[str, str], *, say: Say, keep: Keep) -> list[Part]:
    """Weights first, then projectors, then adapters. Every byte is what its digest says.

    `keep` looks after files that are new: those that were put together out of parts.
    """
    _refuse_what_is_not_gguf(store, files)
    alone, sets = splits.parted(files)
    found = []
    for path, text in sorted(alone.items()):
        say("parsing GGUF")
        found.append(_part_of_file(store, path=path, digest=digest_of(text), say=say))
    for digests in sets:
        found.append(_part_of_set(store, [digest_of(text) for text in digests], say=say, keep=keep))
    return sorted(found, key=lambda part: GGUF_TYPES.index(part.layer.media_type))


def of_adapters(store: Store, files: Mapping[str, str], *, say: Say, keep: Keep) -> list[Part]:
    if len(files) > 1:
        raise refused("only one adapter is currently supported")
    return of_files(store, files, say=say, keep=keep)


def of_drafts(store: Store, files: Mapping[str, str], *, say: Say, keep: Keep) -> list[Part]:
    return [
        replace(part, layer=replace(part.layer, media_type=DRAFT_TYPE))
        for part in of_files(store, files, say=say, keep=keep)
    ]


def unchecked_bytes(store: Store, digests: Iterable[str]) -> int:
    """How much has to be read before these blobs may be used; what is absent counts nothing."""
    return sum(
        size_bytes
        for digest, size_bytes in _there(store, digests)
        if not readings.is_known(store, digest, size_bytes=size_bytes)
    )


def bytes_of(store: Store, digests: Iterable[str]) -> int:
    """How large these blobs are together; what is absent counts nothing."""
    return sum(size_bytes for _, size_bytes in _there(store, digests))


def size_of(store: Store, digest: Digest) -> int:
    """Links, folders and what is not there look the same."""
    try:
        with store.open_blob(digest) as file:
            return file.seek(0, 2)
    except OSError:
        raise NoSuchBlob(f"blob {digest} is not here") from None


def checked_header(path: Path) -> gguf.Header:
    """Of a file of the store. Raises `NotMade` for one that we would not hand to the engine."""
    try:
        return gguf.read(path)
    except gguf.NotAGguf as error:
        raise NotMade(f"invalid GGUF file: {error}") from None


def _there(store: Store, digests: Iterable[str]) -> Iterator[tuple[Digest, int]]:
    for text in digests:
        with suppress(NotMade):
            digest = digest_of(text)
            yield digest, size_of(store, digest)


def _refuse_what_is_not_gguf(store: Store, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        if not path.endswith(".gguf") and not _begins_as_gguf(store, digest_of(text)):
            raise refused("unknown type")


def _begins_as_gguf(store: Store, digest: Digest) -> bool:
    size_of(store, digest)
    with store.open_blob(digest) as file:
        return file.read(len(MAGIC)) == MAGIC


def _part_of_file(store: Store, *, path: str, digest: Digest, say: Say) -> Part:
    size_bytes = size_of(store, digest)
    if not _begins_as_gguf(store, digest):
        raise refused(NOT_A_GGUF)
    _check(store, digest, size_bytes=size_bytes, say=say)
    header = checked_header(store.blob_path(digest))
    layer = Layer(media_type=role_of(header), digest=digest, size_bytes=size_bytes, source=path)
    return Part(layer=layer, header=header)


def _part_of_set(store: Store, digests: Sequence[Digest], *, say: Say, keep: Keep) -> Part:
    for digest in digests:
        say("parsing GGUF")
        _check(store, digest, size_bytes=size_of(store, digest), say=say)
    staged = keep(splits.merged(store, digests))
    header = checked_header(staged.path)
    layer = Layer(media_type=role_of(header), digest=staged.digest, size_bytes=staged.size_bytes)
    return Part(layer=layer, header=header, staged=staged)


def _check(store: Store, digest: Digest, *, size_bytes: int, say: Say) -> None:
    """In a folder that others fill too, a name alone proves nothing (threat E9)."""
    if readings.is_known(store, digest, size_bytes=size_bytes):
        return
    say("validating GGUF model")
    try:
        store.check_blob(digest)
    except WrongBytes:
        raise NoSuchBlob(f"blob {digest} is not what its name says") from None
    readings.note(digest, size_bytes=size_bytes)


def role_of(header: gguf.Header) -> str:
    """The media type of a GGUF file, by what it says it is."""
    family = header.architecture
    sees = header.number(f"{family}.vision.block_count") is not None
    reads = header.number(f"{family}.block_count") is not None
    if header.kind == "adapter":
        return ADAPTER_TYPE
    if header.kind in ("projector", "mmproj") or family == "clip" or (sees and not reads):
        return PROJECTOR_TYPE
    return WEIGHTS_TYPE


def _header_of(store: Store, layer: Layer) -> gguf.Header | None:
    if layer.media_type not in GGUF_TYPES:
        return None
    with store.open_blob(layer.digest) as file:
        return gguf.read_open(file)
