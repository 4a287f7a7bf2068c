"""Files that come in: copied, hashed and synced in a folder of their own, before they have a name.

Not for giving them one: only store.py publishes.
"""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from portal.catalog.names import Digest, NotADigest
from portal.catalog.storage import files, folders

MARGIN_BYTES = 64 * 1024 * 1024
# So long the longest hashing takes, many times over.
FORGOTTEN_SECONDS = 86_400.0
# A download that stopped may be taken up again for so long.
PART_SECONDS = 7 * 86_400.0
PART_SUFFIX = ".part"
HOLD_SUFFIX = ".hold"
# A note, named by the blob, that a model will be made of it; as old as what was said last.
EXPECTED_SUFFIX = ".expected"


class WrongBytes(Exception):
    """The file is not what its digest says."""


class NoSpace(Exception):
    """The disk has no room. `missing_bytes` is how much more is needed."""

    def __init__(self, missing_bytes: int) -> None:
        super().__init__(missing_bytes)
        self.missing_bytes = missing_bytes


@dataclass(frozen=True, slots=True)
class Staged:
    """A file in the staging folder that has been hashed and synced, and has no name yet."""

    path: Path
    digest: Digest
    size_bytes: int


class Staging:
    """The folder `staged` of a store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root / "staged"

    def ready_folder(self) -> Path:
        """The folder, which is there now."""
        folders.make(self.folder, root=self._root)
        return self.folder

    def stage_file(self, source: Path, *, may_link: bool = False) -> Staged:
        """Take a local file in. Without `may_link` later changes of the source do not reach us."""
        with files.open_regular(source) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            staged = self.new()
            with _discarded_on_failure(staged):
                if may_link:
                    files.link_or_copy(
                        file, source_path=source, target=staged, reserve=self.reserve
                    )
                else:
                    files.clone_or_copy(file, target=staged, reserve=self.reserve)
        return self.finish(staged, size_bytes=size_bytes)

    def stage_stream(self, stream: BinaryIO, *, size_bytes: int) -> Staged:
        """Take in exactly `size_bytes` from something that can only be read once."""
        staged = self.new()
        with _discarded_on_failure(staged):
            self.reserve(size_bytes)
            files.copy(stream, target=staged, size_bytes=size_bytes)
        return self.finish(staged, size_bytes=size_bytes)

    def stage_bytes(self, data: bytes) -> Staged:
        staged = self.new()
        with _discarded_on_failure(staged):
            files.write(staged, data)
        return self.finish(staged, size_bytes=len(data))

    def new(self) -> Path:
        """The path of a file that does not exist yet."""
        return self.ready_folder() / uuid.uuid4().hex

    def finish(self, staged: Path, *, size_bytes: int) -> Staged:
        """Hash what lies on the disk, not what we meant to write; sync it before it is named."""
        with _discarded_on_failure(staged), files.open_regular(staged) as file:
            if os.fstat(file.fileno()).st_size != size_bytes:
                raise WrongBytes("the file changed its length while it was taken in")
            digest = Digest(files.sha256(file))
            os.fsync(file.fileno())
        return Staged(staged, digest, size_bytes)

    def reserve(self, size_bytes: int) -> None:
        """Refuse before the first byte what would not fit with a margin (threat E12)."""
        status = os.statvfs(self._root)
        missing = size_bytes + MARGIN_BYTES - status.f_bavail * status.f_frsize
        if missing > 0:
            raise NoSpace(missing)

    def remove_forgotten(self, *, older_than: float) -> None:
        """What nobody wrote to in the day before then; parts of downloads, in the week before."""
        for path in folders.regular_files(self.folder):
            if path.suffix == HOLD_SUFFIX:
                continue
            patience = PART_SECONDS if PART_SUFFIX in path.suffixes else FORGOTTEN_SECONDS
            if path.lstat().st_mtime < older_than - patience:
                path.unlink(missing_ok=True)

    def expect_use(self, digest: Digest) -> None:
        """A model will be made of this blob, perhaps only when others have come, which takes hours.

        The note is forgotten as everything here is, after a day.
        """
        (self.ready_folder() / f"{digest.hex}{EXPECTED_SUFFIX}").touch()

    def expected(self, *, older_than: float) -> set[Digest]:
        """Blobs of which it was said no longer ago than in the day before then."""
        found = set()
        for path in folders.regular_files(self.folder):
            is_young = path.lstat().st_mtime >= older_than - FORGOTTEN_SECONDS
            if path.suffix == EXPECTED_SUFFIX and is_young:
                with suppress(NotADigest):  # somebody else's file says nothing
                    found.add(Digest(path.stem))
        return found

    @contextmanager
    def holding(self, digests: frozenset[Digest]) -> Iterator[None]:
        """Nobody removes these blobs meanwhile, though no manifest names them yet.

        Written down beside a lock, so that it ends with this process however that ends.
        """
        path = self.new().with_suffix(HOLD_SUFFIX)
        with folders.locked(path):
            try:
                path.write_text("\n".join(sorted(digest.hex for digest in digests)))
                yield
            finally:
                path.unlink(missing_ok=True)

    def held(self) -> set[Digest]:
        """Every blob that somebody holds. Notes of those who are gone are removed."""
        found: set[Digest] = set()
        for path in folders.regular_files(self.folder):
            if path.suffix != HOLD_SUFFIX:
                continue
            with folders.locked(path, waits=False) as is_left_behind:
                if is_left_behind:
                    path.unlink(missing_ok=True)
                else:
                    found |= {Digest(line) for line in path.read_text().split()}
        return found


@contextmanager
def _discarded_on_failure(staged: Path) -> Iterator[None]:
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
