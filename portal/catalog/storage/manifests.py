"""Manifests as files: found under their names in any letter case, read whole, never through a link.

What stands in them is read by manifest.py.
"""

import hashlib
import logging
import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.catalog.names import Digest, ModelName, NotAName
from portal.catalog.storage import files, folders
from portal.catalog.storage.manifest import BadManifest, Manifest

MAX_DOCUMENT_BYTES = 1024 * 1024

logger = logging.getLogger(__name__)


class NoSuchManifest(Exception):
    """The store has no manifest under this name."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest as it lies in the store. `digest` is the sha256 of the file itself."""

    name: ModelName
    manifest: Manifest
    digest: Digest
    modified_at: float


class Manifests:
    """The folder `manifests` of a store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root / "manifests"

    def names(self) -> Iterator[ModelName]:
        """Files exactly four levels deep, with valid names, reached without a link (threat E20)."""
        return (name for name in self._names_or_strangers() if name is not None)

    def existing(self, name: ModelName) -> ModelName | None:
        """The name as it is spelled on the disk. OSError where its own folder cannot be read."""
        # Not by asking for the path itself: that would follow links in its folders (threat E20).
        closed: dict[Path, OSError] = {}
        for other in self._names_or_strangers(closed=closed):
            if other is not None and other.folded == name.folded:
                return other
        for folder, error in closed.items():
            if folder == self.folder or self._may_hold(folder, name):
                raise error
        return None

    def read(self, name: ModelName) -> Stored:
        """The manifest of this name, whatever its case. `NoSuchManifest`, or `BadManifest`."""
        found = self.existing(name)
        if found is None:
            raise NoSuchManifest(name.short)
        return self._read_as_spelled(found)

    def bytes_of(self, name: ModelName) -> bytes:
        """The file as it is."""
        found = self.existing(name)
        if found is None:
            raise NoSuchManifest(name.short)
        return self._bytes_as_spelled(found)[0]

    def all(self) -> list[Stored]:
        """Every readable manifest. What cannot be read is left out and logged, never guessed at.

        Of two names that differ in letter case alone, the one that is found.
        """
        found: dict[str, Stored] = {}
        for folder in self.closed():
            logger.warning("manifests are left out: the folder %s cannot be read", folder)
        for name in self._names_or_strangers():
            if name is None:
                logger.warning("a file among the manifests is left out: its name is not a model's")
                continue
            if name.folded in found:
                logger.warning("a manifest is left out: %s is there in another spelling", name)
                continue
            try:
                found[name.folded] = self._read_as_spelled(name)
            except (BadManifest, OSError) as error:
                logger.warning("a manifest is left out: %s: %s", name, type(error).__name__)
        return list(found.values())

    def unreadable(self) -> list[ModelName]:
        """Names whose file is no manifest: while there are any, nothing is pruned."""
        found = []
        for name in self.names():
            try:
                self._read_as_spelled(name)
            except (BadManifest, OSError):
                found.append(name)
        return found

    def closed(self) -> list[str]:
        """Folders below `manifests` that cannot be read: while there are any, nothing is pruned."""
        closed: dict[Path, OSError] = {}
        deque(self._names_or_strangers(closed=closed), maxlen=0)
        return [str(folder.relative_to(self.folder)) for folder in closed]

    def referenced(self) -> Counter[Digest]:
        """How many manifests need each blob. Raises `BadManifest` when one of them cannot be read:

        what it needs is unknown then, and nothing may be removed.
        """
        if closed := self.closed():
            raise BadManifest(f"the folder {closed[0]} cannot be read")
        counts: Counter[Digest] = Counter()
        for name in self.names():
            manifest = self._read_as_spelled(name).manifest
            counts.update({layer.digest for layer in manifest.all_layers})
        return counts

    def put(self, name: ModelName, staged: Path) -> None:
        """Give a staged file the name of a manifest, in the spelling that is there already."""
        path = self._path(self.existing(name) or name)
        folders.make(path.parent, root=self._root)
        staged.replace(path)
        files.sync_folder(path.parent)

    def remove(self, name: ModelName) -> bool:
        """False when there was none."""
        found = self.existing(name)
        if found is None:
            return False
        path = self._path(found)
        path.unlink(missing_ok=True)
        files.sync_folder(path.parent)
        folders.remove_empty(path.parent, until=self.folder)
        return True

    def _may_hold(self, folder: Path, name: ModelName) -> bool:
        """Whether this name, in whatever case, would lie in this folder or below it."""
        relative = str(folder.relative_to(self.folder))
        return str(name.path).lower().startswith(f"{relative.lower()}/")

    def _names_or_strangers(
        self, *, closed: dict[Path, OSError] | None = None
    ) -> Iterator[ModelName | None]:
        """None for a file whose name is not a model's."""
        skipped = {} if closed is None else closed
        for relative in folders.walk(self.folder, depth=4, closed=skipped):
            try:
                yield ModelName.of_path(relative)
            except NotAName:
                yield None

    def _read_as_spelled(self, name: ModelName) -> Stored:
        data, modified_at = self._bytes_as_spelled(name)
        digest = Digest(hashlib.sha256(data).hexdigest())
        return Stored(name, Manifest.read(data), digest, modified_at)

    def _bytes_as_spelled(self, name: ModelName) -> tuple[bytes, float]:
        with files.open_regular(self._path(name)) as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
            modified_at = os.fstat(file.fileno()).st_mtime
        if len(data) > MAX_DOCUMENT_BYTES:
            raise BadManifest("too long")
        return data, modified_at

    def _path(self, name: ModelName) -> Path:
        return self.folder / name.path
