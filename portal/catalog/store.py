"""Staged, hashed, synced, published: the life of a model's files, in Ollama's layout.

A published blob is whole and is what its name says; a manifest comes after every blob it names. Any
line may be the last one before a power cut. Knows nothing of people, rights or the database.
"""

import errno
import fcntl
import hashlib
import logging
import os
import stat
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from portal.catalog import files
from portal.catalog.manifest import BadManifest, Manifest
from portal.catalog.names import Digest, ModelName, NotADigest, NotAName

MARGIN_BYTES = 64 * 1024 * 1024
MAX_DOCUMENT_BYTES = 1024 * 1024

logger = logging.getLogger(__name__)


class WrongBytes(Exception):
    """The file is not what its digest says."""


class NoSpace(Exception):
    """The disk has no room. `missing_bytes` is how much more is needed."""

    def __init__(self, missing_bytes: int) -> None:
        super().__init__(missing_bytes)
        self.missing_bytes = missing_bytes


class NoSuchManifest(Exception):
    """The store has no manifest under this name."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A file in the store that has been hashed and synced, and has no name yet."""

    path: Path
    digest: Digest
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest as it lies in the store. `digest` is the sha256 of the file itself."""

    name: ModelName
    manifest: Manifest
    digest: Digest
    modified_at: float


class Store:
    """One `OLLAMA_MODELS` folder. Safe to open many times, also beside an Ollama that reads it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._blobs = root / "blobs"
        self._manifests = root / "manifests"
        self._staged = root / "staged"

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
        """A small blob (configuration, template, parameters …), checked against its digest."""
        with self.open_blob(digest) as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
        if len(data) > MAX_DOCUMENT_BYTES or hashlib.sha256(data).hexdigest() != digest.hex:
            raise WrongBytes(digest.hex)
        return data

    def check_blob(self, digest: Digest) -> None:
        """Read every byte of a published blob again. Raises `WrongBytes` when they have changed."""
        with self.open_blob(digest) as file:
            if files.sha256(file) != digest.hex:
                raise WrongBytes(digest.hex)

    # ── From staged to published ─────────────────────────────────────────────────────────────

    def stage_file(self, source: Path, *, may_link: bool = False) -> Staged:
        """Take a local file in. Without `may_link` later changes of the source do not reach us."""
        with files.open_regular(source) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            staged = self._new_staged()
            with self._discarded_on_failure(staged):
                if may_link:
                    files.link_or_copy(
                        file, source_path=source, target=staged, reserve=self._reserve
                    )
                else:
                    files.clone_or_copy(file, target=staged, reserve=self._reserve)
        return self._finish(staged, size_bytes=size_bytes)

    def stage_stream(self, stream: BinaryIO, *, size_bytes: int) -> Staged:
        """Take in exactly `size_bytes` from something that can only be read once."""
        staged = self._new_staged()
        with self._discarded_on_failure(staged):
            self._reserve(size_bytes)
            files.copy(stream, target=staged, size_bytes=size_bytes)
        return self._finish(staged, size_bytes=size_bytes)

    def stage_bytes(self, data: bytes) -> Staged:
        staged = self._new_staged()
        with self._discarded_on_failure(staged):
            files.write(staged, data)
        return self._finish(staged, size_bytes=len(data))

    def publish(self, staged: Staged) -> None:
        """Give the staged file its name. A file that has it already is replaced by the checked one.

        In a folder that others fill too, a name alone proves nothing (threat E9). Whoever has the
        old file open keeps reading it.
        """
        self._make_folder(self._blobs)
        target = self.blob_path(staged.digest)
        if staged.path.lstat().st_nlink > 1 and self._is_whole(staged):
            # A file that somebody else can still change must not take the place of our own.
            self.discard(staged)
            return
        os.replace(staged.path, target)  # noqa: PTH105 - one spelling for every step a test records
        files.sync_folder(self._blobs)

    def _is_whole(self, staged: Staged) -> bool:
        try:
            self.check_blob(staged.digest)
        except (WrongBytes, OSError):
            return False
        return True

    def discard(self, staged: Staged) -> None:
        staged.path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else publishes or removes meanwhile. Hash before, not inside."""
        self._make_folder(self._root)
        self._refuse_world_writable()
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._root / ".portal-lock", flags, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    # ── Manifests ────────────────────────────────────────────────────────────────────────────

    def write_manifest(self, name: ModelName, manifest: Manifest) -> Stored:
        """Publish the model. Call inside `locked`, when every blob it names is published."""
        for layer in manifest.all_layers:
            if not self.has_blob(layer.digest, size_bytes=layer.size_bytes):
                raise WrongBytes(layer.digest.hex)
        replaced = self._layers_of(name)
        staged = self.stage_bytes(manifest.as_bytes())
        path = self._manifest_path(self._existing(name) or name)
        self._make_folder(path.parent)
        os.replace(staged.path, path)  # noqa: PTH105 - one spelling for every step a test records
        files.sync_folder(path.parent)
        self._remove_unreferenced(replaced)
        return self.manifest(name)

    def manifest(self, name: ModelName) -> Stored:
        """The manifest of this name, whatever its case. `NoSuchManifest`, or `BadManifest`."""
        found = self._existing(name)
        if found is None:
            raise NoSuchManifest(name.short)
        path = self._manifest_path(found)
        with files.open_regular(path) as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
            modified_at = os.fstat(file.fileno()).st_mtime
        if len(data) > MAX_DOCUMENT_BYTES:
            raise BadManifest("too long")
        digest = Digest(hashlib.sha256(data).hexdigest())
        return Stored(found, Manifest.read(data), digest, modified_at)

    def all(self) -> list[Stored]:
        """Every readable manifest. What cannot be read is left out and logged, never guessed at."""
        found = []
        for name in self._names():
            try:
                found.append(self.manifest(name))
            except (BadManifest, NoSuchManifest, OSError) as error:
                logger.warning("a manifest is left out: %s: %s", name, type(error).__name__)
        return found

    def referenced(self) -> Counter[Digest]:
        """How many manifests need each blob. Raises `BadManifest` when one of them cannot be read:

        what it needs is unknown then, and nothing may be removed.
        """
        counts: Counter[Digest] = Counter()
        for name in self._names():
            counts.update({layer.digest for layer in self.manifest(name).manifest.all_layers})
        return counts

    def remove(self, name: ModelName) -> list[Digest]:
        """Remove the manifest, then those of its blobs that no other needs. Returns these.

        The second time, and when the first was cut short, nothing is left to do or it is done now.
        """
        with self.locked():
            needed = self._layers_of(name)
            if self._existing(name) is None:
                return []
            path = self._manifest_path(self._existing(name) or name)
            path.unlink(missing_ok=True)
            files.sync_folder(path.parent)
            self._remove_empty_folders(path.parent)
            return self._remove_unreferenced(needed)

    def remove_unreferenced(self, *, older_than: float) -> list[Digest]:
        """Prune blobs no manifest needs, and staged files, last changed before `older_than`."""
        with self.locked():
            for staged in self._regular_files(self._staged):
                if staged.lstat().st_mtime < older_than:
                    staged.unlink(missing_ok=True)
            old = set()
            for path in self._regular_files(self._blobs):
                with suppress(NotADigest):
                    if path.lstat().st_mtime < older_than:
                        old.add(Digest.of_file_name(path.name))
            return self._remove_unreferenced(old)

    def _remove_unreferenced(self, candidates: set[Digest]) -> list[Digest]:
        try:
            needed = self.referenced()
        except (BadManifest, OSError):
            logger.warning("no blob is removed: a manifest cannot be read")
            return []
        gone = sorted(candidates - needed.keys())
        for digest in gone:
            self.blob_path(digest).unlink(missing_ok=True)
        return gone

    def _names(self) -> Iterator[ModelName]:
        """Files exactly four levels deep, with valid names, reached without a link (threat E20)."""
        for relative in _walk(self._manifests, depth=4):
            try:
                yield ModelName.of_path(relative)
            except NotAName:
                logger.warning("a file among the manifests is left out: its name is not a model's")

    def _layers_of(self, name: ModelName) -> set[Digest]:
        """The blobs this model needs; none when its manifest is absent or says nothing usable."""
        try:
            return {layer.digest for layer in self.manifest(name).manifest.all_layers}
        except (NoSuchManifest, BadManifest):
            return set()

    def _existing(self, name: ModelName) -> ModelName | None:
        # Not by asking for the path itself: that would follow links in its folders (threat E20).
        return next((other for other in self._names() if other.folded == name.folded), None)

    def _manifest_path(self, name: ModelName) -> Path:
        return self._manifests / name.path

    # ── Folders and staged files ─────────────────────────────────────────────────────────────

    def _new_staged(self) -> Path:
        self._make_folder(self._staged)
        return self._staged / uuid.uuid4().hex

    def _finish(self, staged: Path, *, size_bytes: int) -> Staged:
        """Hash what lies on the disk, not what we meant to write; sync it before it is named."""
        with self._discarded_on_failure(staged), files.open_regular(staged) as file:
            if os.fstat(file.fileno()).st_size != size_bytes:
                raise WrongBytes("the file changed its length while it was taken in")
            digest = Digest(files.sha256(file))
            os.fsync(file.fileno())
        return Staged(staged, digest, size_bytes)

    @contextmanager
    def _discarded_on_failure(self, staged: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            staged.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoSpace(0) from error
            raise
        except Exception:
            staged.unlink(missing_ok=True)
            raise

    def _reserve(self, size_bytes: int) -> None:
        """Refuse before the first byte what would not fit with a margin (threat E12)."""
        status = os.statvfs(self._root)
        missing = size_bytes + MARGIN_BYTES - status.f_bavail * status.f_frsize
        if missing > 0:
            raise NoSpace(missing)

    def _make_folder(self, folder: Path) -> None:
        """The folder and its parents, their entries synced. Never through a link below the root."""
        if folder.is_symlink() and folder != self._root:
            raise NotADirectoryError(errno.ENOTDIR, "a link where a folder should be", folder.name)
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o755)
        files.sync_folder(folder.parent)

    def _refuse_world_writable(self) -> None:
        for folder in (self._root, self._blobs, self._manifests, self._staged):
            if folder.is_dir() and folder.stat().st_mode & stat.S_IWOTH:
                raise PermissionError(errno.EACCES, "everyone may write here", folder.name)

    def _remove_empty_folders(self, folder: Path) -> None:
        while folder != self._manifests:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _regular_files(self, folder: Path) -> list[Path]:
        if folder.is_symlink() or not folder.is_dir():
            return []
        return [path for path in folder.iterdir() if files.is_regular(path)]


def _walk(folder: Path, *, depth: int) -> Iterator[PurePosixPath]:
    """Relative paths of the regular files exactly `depth` levels down. Follows no link."""
    if folder.is_symlink() or not folder.is_dir():
        return
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    for entry in entries:
        if depth == 1 and entry.is_file(follow_symlinks=False):
            yield PurePosixPath(entry.name)
        elif depth > 1 and entry.is_dir(follow_symlinks=False):
            for below in _walk(folder / entry.name, depth=depth - 1):
                yield PurePosixPath(entry.name) / below
