"""Staged, hashed, synced, published: the life of a model's files, in Ollama's layout.

A published blob is whole and is what its name says; a manifest comes after every blob it names. Any
line may be the last one before a power cut. Knows nothing of people, rights or the database.
"""

import errno
import hashlib
import logging
import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from portal.catalog.names import Digest, ModelName, NotADigest
from portal.catalog.storage import files, folders
from portal.catalog.storage.manifest import BadManifest, Manifest
from portal.catalog.storage.manifests import MAX_DOCUMENT_BYTES, Manifests, NoSuchManifest, Stored
from portal.catalog.storage.staging import MARGIN_BYTES, NoSpace, Staged, Staging, WrongBytes

__all__ = [
    "MARGIN_BYTES",
    "MAX_DOCUMENT_BYTES",
    "NoSpace",
    "NoSuchManifest",
    "NotKnown",
    "Staged",
    "Store",
    "Stored",
    "WrongBytes",
]

logger = logging.getLogger(__name__)


class NotKnown(Exception):
    """What else is needed cannot be found out now; so nothing may be removed."""


def _nothing() -> Collection[Digest]:
    return ()


class Store:
    """One `OLLAMA_MODELS` folder. Safe to open many times, also beside an Ollama that reads it.

    `also_needed` tells which blobs somebody needs though no manifest names them, or raises
    `NotKnown`. When it is not `is_pruning`, only what a deleted model needed is ever removed.
    """

    def __init__(
        self,
        root: Path,
        *,
        also_needed: Callable[[], Collection[Digest]] = _nothing,
        is_pruning: bool = True,
    ) -> None:
        self._root = root
        self._blobs = root / "blobs"
        self._manifests = Manifests(root)
        self._staging = Staging(root)
        self._also_needed = also_needed
        self.is_pruning = is_pruning

    # ── Blobs ────────────────────────────────────────────────────────────────────────────────

    def blob_path(self, digest: Digest) -> Path:
        return self._blobs / digest.file_name

    def has_blob(self, digest: Digest, *, size_bytes: int) -> bool:
        """Whether the blob is there and as long as it should be. Links do not count."""
        try:
            status = self.blob_path(digest).lstat()
        except OSError:
            return False
        if self._blobs.is_symlink():
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size == size_bytes

    def open_blob(self, digest: Digest) -> BufferedReader:
        if self._blobs.is_symlink():
            raise files.NotAFile(errno.ELOOP, "a link where a folder should be", self._blobs.name)
        return files.open_regular(self.blob_path(digest))

    def read_document(self, digest: Digest) -> bytes:
        """A small blob (configuration, template, parameters …), checked against its digest.

        `WrongBytes`, or `BadManifest` for one that is not small.
        """
        with self.open_blob(digest) as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
        if len(data) > MAX_DOCUMENT_BYTES:
            raise BadManifest("a text longer than 1 MiB")
        if hashlib.sha256(data).hexdigest() != digest.hex:
            raise WrongBytes(digest.hex)
        return data

    def check_blob(self, digest: Digest) -> None:
        """Read every byte of a published blob again. Raises `WrongBytes` when they have changed."""
        with self.open_blob(digest) as file:
            if files.sha256(file) != digest.hex:
                raise WrongBytes(digest.hex)

    def blob_sizes(self) -> dict[Digest, int]:
        """Every file among the blobs that has the name of one."""
        found = {}
        for path in folders.regular_files(self._blobs):
            with suppress(NotADigest, FileNotFoundError):
                found[Digest.of_file_name(path.name)] = path.lstat().st_size
        return found

    def set_aside(self, digest: Digest) -> None:
        """Take a blob whose bytes have changed out of its place, so that fetching it again does not
        find it there. Who has it open keeps it; pruning removes it in the end."""
        with self.locked():
            path = self.blob_path(digest)
            aside = self._staging.new()
            with suppress(FileNotFoundError):
                path.replace(aside)
                os.utime(aside)
            files.sync_folder(self._blobs)

    # ── From staged to published ─────────────────────────────────────────────────────────────

    def staged_folder(self) -> Path:
        """The folder, made, in which downloads and uploads grow. What is whole, hashed and synced
        there becomes a `Staged` and is published; files named `….part…` are kept for a week."""
        return self._staging.ready_folder()

    def reserve(self, size_bytes: int) -> None:
        """Raises `NoSpace` when so much would not fit with a margin."""
        self._staging.reserve(size_bytes)

    def stage_file(self, source: Path, *, may_link: bool = False) -> Staged:
        """Take a local file in. Without `may_link` later changes of the source do not reach us."""
        return self._staging.stage_file(source, may_link=may_link)

    def stage_stream(self, stream: BinaryIO, *, size_bytes: int) -> Staged:
        """Take in exactly `size_bytes` from something that can only be read once."""
        return self._staging.stage_stream(stream, size_bytes=size_bytes)

    def stage_bytes(self, data: bytes) -> Staged:
        return self._staging.stage_bytes(data)

    def new_staged(self) -> Path:
        """For a program that writes a file itself, such as a quantiser: then `finish_staged`."""
        return self._staging.new()

    def finish_staged(self, path: Path) -> Staged:
        """Hash and sync what was written at `new_staged`; on failure nothing of it stays."""
        return self._staging.finish(path, size_bytes=path.lstat().st_size)

    def publish(self, staged: Staged) -> None:
        """Give the staged file its name. A file that has it already is replaced by the checked one.

        In a folder that others fill too, a name alone proves nothing (threat E9). Whoever has the
        old file open keeps reading it.
        """
        self._refuse_stranger(staged)
        folders.make(self._blobs, root=self._root)
        target = self.blob_path(staged.digest)
        if staged.path.lstat().st_nlink > 1 and self._is_whole(staged):
            # A file that somebody else can still change must not take the place of our own.
            self.discard(staged)
            return
        staged.path.replace(target)
        files.sync_folder(self._blobs)

    def _refuse_stranger(self, staged: Staged) -> None:
        """Only a file of the staging folder itself, as long as it was (threat E20)."""
        folders.refuse_link(self._staging.folder, root=self._root)
        status = staged.path.lstat()
        if staged.path.parent != self._staging.folder or not stat.S_ISREG(status.st_mode):
            raise files.NotAFile(errno.EINVAL, "not a staged file", staged.path.name)
        if status.st_size != staged.size_bytes:
            raise WrongBytes(staged.digest.hex)

    def _is_whole(self, staged: Staged) -> bool:
        try:
            self.check_blob(staged.digest)
        except (WrongBytes, OSError):
            return False
        return True

    def discard(self, staged: Staged) -> None:
        staged.path.unlink(missing_ok=True)

    @contextmanager
    def holding(self, digests: Collection[Digest]) -> Iterator[None]:
        """Nobody removes these blobs meanwhile, though no manifest names them yet.

        Enter it outside `locked`.
        """
        with ExitStack() as held:
            with self.locked():
                held.enter_context(self._staging.holding(frozenset(digests)))
            yield

    def expect_use(self, digest: Digest) -> None:
        """Somebody sent this blob, or knows that it is here, and will make a model of it later."""
        self._staging.expect_use(digest)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else publishes or removes meanwhile. Hash before, not inside."""
        folders.make(self._root, root=self._root)
        folders.refuse_world_writable(
            (self._root, self._blobs, self._manifests.folder, self._staging.folder)
        )
        with folders.locked(self._root / ".portal-lock"):
            yield

    # ── Manifests ────────────────────────────────────────────────────────────────────────────

    def write_manifest(
        self, name: ModelName, manifest: Manifest, *, data: bytes | None = None
    ) -> Stored:
        """Publish the model. Call inside `locked`, when every blob it names is published.

        `data` are the manifest's bytes as somebody else wrote them; they are kept as they are. What
        the name stood for before loses its files, unless they are needed elsewhere.
        """
        replaced = self.layers_of(name)
        stored = self.replace_manifest(name, manifest, data=data)
        self.remove_replaced(replaced)
        return stored

    def replace_manifest(
        self, name: ModelName, manifest: Manifest, *, data: bytes | None = None
    ) -> Stored:
        """As `write_manifest`; what was there before keeps its files until `remove_replaced`."""
        self.refuse_missing(manifest)
        self._manifests.put(name, self.stage_bytes(data or manifest.as_bytes()).path)
        return self.manifest(name)

    def refuse_missing(self, manifest: Manifest) -> None:
        """Raises `WrongBytes` with the digest of a blob that is not there in its full length."""
        for layer in manifest.all_layers:
            if not self.has_blob(layer.digest, size_bytes=layer.size_bytes):
                raise WrongBytes(layer.digest.hex)

    def copy_manifest(self, source: ModelName, destination: ModelName) -> Stored:
        """Byte for byte. Call inside `locked`."""
        data = self._manifests.bytes_of(source)
        return self.replace_manifest(destination, Manifest.read(data), data=data)

    def manifest(self, name: ModelName) -> Stored:
        """The manifest of this name, whatever its case. `NoSuchManifest`, or `BadManifest`."""
        return self._manifests.read(name)

    def manifest_bytes(self, name: ModelName) -> bytes:
        """As it lies in the store, for sending it on. `NoSuchManifest`."""
        return self._manifests.bytes_of(name)

    def spelled(self, name: ModelName) -> ModelName:
        """This name as it is written here already, if it is, in whatever case."""
        return self._manifests.existing(name) or name

    def has_manifest(self, name: ModelName) -> bool:
        """Whether there is a file of this name, readable or not."""
        return self._manifests.existing(name) is not None

    def all(self) -> list[Stored]:
        """Every readable manifest. What cannot be read is left out and logged, never guessed at."""
        return self._manifests.all()

    def unreadable(self) -> list[ModelName]:
        """Names whose file is no manifest: while there are any, nothing is pruned."""
        return self._manifests.unreadable()

    def closed_folders(self) -> list[str]:
        """Those below `manifests` that cannot be read: the same holds for them."""
        return self._manifests.closed()

    def layers_of(self, name: ModelName) -> set[Digest]:
        """The blobs this model needs; none when its manifest is absent or says nothing usable."""
        try:
            return {layer.digest for layer in self.manifest(name).manifest.all_layers}
        except (NoSuchManifest, BadManifest):
            return set()

    # ── Removing ─────────────────────────────────────────────────────────────────────────────

    def referenced(self) -> Counter[Digest]:
        """How many manifests need each blob. Raises `BadManifest` when one of them cannot be read:

        what it needs is unknown then, and nothing may be removed.
        """
        return self._manifests.referenced()

    def remove(self, name: ModelName) -> list[Digest]:
        """Remove the manifest, then those of its blobs that no other needs. Returns these.

        The second time, and when the first was cut short, nothing is left to do or it is done now.
        """
        with self.locked():
            needed = self.layers_of(name)
            return self.remove_of(needed) if self._manifests.remove(name) else []

    def remove_unreferenced(self, *, older_than: float) -> list[Digest]:
        """Prune blobs that nobody needs, and staged files, last changed before `older_than`.

        What was sent for a model to come stays a day longer.
        """
        with self.locked():
            expected = self._staging.expected(older_than=older_than)
            self._staging.remove_forgotten(older_than=older_than)
            if not self.is_pruning:
                return []
            old = set()
            for path in folders.regular_files(self._blobs):
                with suppress(NotADigest):
                    if path.lstat().st_mtime < older_than:
                        old.add(Digest.of_file_name(path.name))
            return self.remove_of(old - expected)

    def remove_replaced(self, candidates: Collection[Digest]) -> list[Digest]:
        """As `remove_of`, for what a name stood for before it was given to another model."""
        return self.remove_of(candidates) if self.is_pruning else []

    def remove_of(self, candidates: Collection[Digest]) -> list[Digest]:
        """Those of these blobs that nobody needs are gone. Call inside `locked`."""
        try:
            needed = {*self.referenced(), *self._staging.held(), *self._also_needed()}
        except (BadManifest, OSError, NotKnown) as error:
            logger.warning("no blob is removed: what is needed is unknown: %s", error)
            return []
        gone = sorted(set(candidates) - needed)
        for digest in gone:
            self.blob_path(digest).unlink(missing_ok=True)
        return gone

    def rename_old_blobs(self) -> int:
        """Early Ollamas wrote `sha256:` where later ones write `sha256-`. Returns how many."""
        old = {}
        for path in folders.regular_files(self._blobs):
            with suppress(NotADigest):
                digest = Digest.of_file_name(path.name.replace("sha256:", "sha256-", 1))
                if not self.blob_path(digest).exists():  # so not the new spelling itself
                    old[path] = self.blob_path(digest)
        if not old:
            return 0
        with self.locked():
            for path, target in old.items():
                path.rename(target)
            files.sync_folder(self._blobs)
        return len(old)
