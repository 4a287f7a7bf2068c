"""One blob that somebody sends for a model she wants to make (threat E23).

Room is taken on the disk before the bytes come, so that a hundred senders at once cannot want the
same; the name is given when the bytes are proved and not before. What is left half done is staged
without a name, and removed with all that is forgotten there. Not for how the bytes arrive.
"""

import hashlib
import os
import threading
from pathlib import Path
from uuid import uuid4

from django.conf import settings

from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access, queries
from portal.catalog.jobs import room
from portal.catalog.making import parts
from portal.catalog.making.errors import NoSuchBlob
from portal.catalog.names import Digest
from portal.catalog.storage import files, folders, readings
from portal.catalog.storage.manifest import BadManifest
from portal.catalog.storage.store import NoSpace, Staged, Store

# Room for a sender who does not say how much it will be is taken in steps.
STEP_BYTES = 64 * 1024 * 1024
PREFIX = "blob-"
MAX_AT_ONCE = 32

TOO_LARGE = "the file is larger than this portal takes in; nothing of it was kept"
TOO_MUCH_WAITS = (
    "too much was uploaded already that no model uses; nothing of this file was kept:"
    " make models of what is there, or wait until it is removed"
)
TOO_MANY = "too many files are being uploaded at this moment; nothing of this one was kept"


class NotTaken(Exception):
    """A file is not taken in. The message is for the program that sends it."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotTheseBytes(Exception):
    """What came is whole and has another name. It is kept under that one, as in Ollama."""

    def __init__(self, *, expected: Digest, got: Digest) -> None:
        super().__init__()
        self.expected = expected
        self.got = got


def has_blob(person: Person | None, digest: Digest) -> bool:
    """Whether a file of this name is there. Links are not.

    Whoever hears that it is does not send it again, so it stays as if she had.
    """
    access.may_manage_models(person, verb="add")
    store = queries.open_store()
    try:
        parts.size_of(store, digest)
    except NoSuchBlob:
        return False
    store.expect_use(digest)
    return True


def begin(person: Person | None, digest: Digest, *, announced_bytes: int | None) -> "Upload | None":
    """Ready to be written to; None when the blob is here already, and known to be what it says.

    Refused are a person without the right, a file or a sum beyond the limits, and a full disk.
    """
    access.may_manage_models(person, verb="add")
    store = queries.open_store()
    if _is_here(store, digest):
        store.expect_use(digest)
        return None
    if announced_bytes is not None and announced_bytes > settings.PORTAL.max_upload_bytes:
        raise NotTaken(TOO_LARGE, status=413)
    upload = Upload(person, digest, store=store)
    try:
        with store.locked():
            upload.open()
            _refuse_too_many(store)
            upload.make_room(announced_bytes or STEP_BYTES)
    except BaseException:
        upload.discard()
        raise
    return upload


class Upload:
    """One file on its way in. Its methods block: call them in threads, one after another."""

    def __init__(self, person: Person | None, digest: Digest, *, store: Store) -> None:
        self._person = person
        self._expected = digest
        self._store = store
        self._hash = hashlib.sha256()
        self._path: Path = store.staged_folder() / f"{PREFIX}{uuid4().hex}"
        self._descriptor = -1
        # Who is cut off leaves a thread at its write: a number that is closed means another file.
        self._lock = threading.Lock()
        self._size_bytes = self._room_bytes = 0

    def open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o644)

    def make_room(self, size_bytes: int) -> None:
        """So many bytes more are ours on the disk. Call inside the store's lock."""
        if _unneeded_bytes(self._store) + size_bytes > settings.PORTAL.upload_quota_bytes:
            raise NotTaken(TOO_MUCH_WAITS, status=507)
        room.check(settings.PORTAL.models, wanted_bytes=size_bytes, besides=uuid4())
        try:
            files.allocate(self._descriptor, self._room_bytes, size_bytes)
        except OSError:
            raise NoSpace(size_bytes) from None
        self._room_bytes += size_bytes

    def is_short_of_room(self, size_bytes: int) -> bool:
        """Whether so much more needs `take_room` first."""
        return self._size_bytes + size_bytes > self._room_bytes

    def take_room(self, size_bytes: int) -> None:
        """Raises what `begin` raises, when it becomes more than there may be."""
        if self._size_bytes + size_bytes > settings.PORTAL.max_upload_bytes:
            raise NotTaken(TOO_LARGE, status=413)
        with self._store.locked():
            self.make_room(max(STEP_BYTES, size_bytes))

    def write(self, data: bytes) -> None:
        """There is room for it. Asks no database, so it may run in any thread."""
        self._size_bytes += len(data)
        if self._size_bytes > self._room_bytes:
            raise NotTaken(TOO_LARGE, status=413)
        self._hash.update(data)
        view = memoryview(data)
        with self._lock:
            while view:
                view = view[os.write(self._descriptor, view) :]

    def settle(self) -> None:
        """All bytes are on the disk for good, which may take a while; in any thread too."""
        with self._lock:
            os.ftruncate(self._descriptor, self._size_bytes)
            os.fsync(self._descriptor)

    def finish(self) -> None:
        """After `settle`: the blob has its name, or `NotTheseBytes`: then what came has its own."""
        got = Digest(self._hash.hexdigest())
        with self._store.locked():
            self._store.publish(Staged(self._path, got, self._size_bytes))
            self._store.expect_use(got)
        readings.note(got, size_bytes=self._size_bytes)
        record(self._person, "blob.uploaded", None, digest=got.hex, size_bytes=self._size_bytes)
        if got != self._expected:
            raise NotTheseBytes(expected=self._expected, got=got)

    def discard(self) -> None:
        """Nothing of it stays. After `finish` this only closes."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
        self._path.unlink(missing_ok=True)


def _is_here(store: Store, digest: Digest) -> bool:
    """In a folder that others fill too, a name alone proves nothing (threat E9)."""
    try:
        size_bytes = parts.size_of(store, digest)
    except NoSuchBlob:
        return False
    return readings.is_known(store, digest, size_bytes=size_bytes)


def _refuse_too_many(store: Store) -> None:
    uploads = [path for path in _staged(store) if path.name.startswith(PREFIX)]
    if len(uploads) > MAX_AT_ONCE:
        raise NotTaken(TOO_MANY, status=503)


def _staged(store: Store) -> list[Path]:
    return folders.regular_files(store.staged_folder())


def _unneeded_bytes(store: Store) -> int:
    """What lies on the disk of files that came in, or are coming, and that no model needs."""
    mine = [path for path in _staged(store) if path.name.startswith(PREFIX)]
    try:
        needed = {digest.file_name for digest in store.referenced()}
    except (BadManifest, OSError):
        # What else is needed is unknown: then only what is on its way counts.
        return sum(path.lstat().st_size for path in mine)
    blobs = folders.regular_files(store.blob_path(Digest("0" * 64)).parent)
    idle = [path for path in blobs if path.name not in needed]
    return sum(path.lstat().st_size for path in (*idle, *mine))
