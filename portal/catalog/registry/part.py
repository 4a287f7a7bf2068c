"""A file that grows in many places at once: written, hashed along its front, synced and noted.

Not for fetching: whoever fetches writes here, and asks nothing about disks.
"""

import errno
import fcntl
import hashlib
import os
import queue
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from portal import faults
from portal.catalog.names import Digest
from portal.catalog.registry import ledger
from portal.catalog.registry.crew import Crew
from portal.catalog.registry.errors import InUse
from portal.catalog.registry.ledger import Ledger, Shape
from portal.catalog.storage import files
from portal.catalog.storage.store import MARGIN_BYTES, NoSpace

_READ_BYTES = 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LOOK_SECONDS = 0.05


class Part:
    """The part file of one blob. One process at a time; a killed one leaves it free."""

    def __init__(self, shape: Shape, *, folder: Path) -> None:
        self.shape = shape
        self.path = ledger.part_of(shape.digest, folder=folder)
        self._file = _open(self.path, folder)
        try:
            self.done = ledger.read(shape, folder=folder)
            if not self.done:
                self._begin(folder)
            with self._full_disk_told():
                self._ledger = Ledger(shape, folder=folder)
        except BaseException:
            os.close(self._file)
            raise
        self._written = [
            shape.length(chunk) if chunk in self.done else 0 for chunk in range(shape.chunks)
        ]
        self._grown = threading.Condition()
        self._finished: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._front = 0

    def close(self) -> None:
        self._ledger.close()
        os.close(self._file)

    @property
    def missing(self) -> list[int]:
        return [chunk for chunk in range(self.shape.chunks) if chunk not in self.done]

    @property
    def bytes_there(self) -> int:
        return sum(self._written)

    def written(self, chunk: int) -> int:
        """How many bytes from the beginning of this chunk are there."""
        return self._written[chunk]

    # ── Whoever fetches ──────────────────────────────────────────────────────────────────────

    def write(self, chunk: int, data: bytes, *, at: int) -> None:
        """Bytes `at` so far from the beginning of the chunk; what is before them is there.

        What is there is never written again: it may have been hashed, and the next server's word
        for the same place need not be the same (threat E8).
        """
        view = memoryview(data)[max(0, self._written[chunk] - at) :]
        offset = self.shape.start(chunk) + at + len(data) - len(view)
        while view:
            with self._full_disk_told():
                count = os.pwrite(self._file, view, offset)
            view = view[count:]
            offset += count
        self._written[chunk] = max(self._written[chunk], at + len(data))
        if chunk == self._front:
            with self._grown:
                self._grown.notify()

    def finish(self, chunk: int) -> None:
        """All bytes of this chunk are written; it will be synced and noted."""
        self._finished.put(chunk)

    # ── Members of the crew ──────────────────────────────────────────────────────────────────

    def sync_along(self, crew: Crew) -> None:
        """Make finished chunks safe and note them, until the last one is."""
        left = len(self.missing)
        while left:
            finished = self._take_finished(crew)
            if not finished:
                continue
            faults.at("chunk.written")
            with self._full_disk_told():
                os.fdatasync(self._file)
                faults.at("chunk.synced")
                self._ledger.add(finished)
            faults.at("chunk.noted")
            left -= len(finished)

    def hash_along(self, crew: Crew) -> Digest:
        """Follow the front of what is there, while the bytes are still in memory."""
        hasher = hashlib.sha256()
        buffer = memoryview(bytearray(_READ_BYTES))
        for chunk in range(self.shape.chunks):
            self._front = chunk
            at, length = 0, self.shape.length(chunk)
            while at < length:
                there = self._wait_for(chunk, beyond=at, crew=crew)
                wanted = min(_READ_BYTES, there - at)
                count = os.preadv(self._file, [buffer[:wanted]], self.shape.start(chunk) + at)
                if not count:
                    raise OSError(errno.EIO, "the file is shorter than what was written")
                hasher.update(buffer[:count])
                at += count
        return Digest(hasher.hexdigest())

    # ── Below ────────────────────────────────────────────────────────────────────────────────

    def _begin(self, folder: Path) -> None:
        os.ftruncate(self._file, 0)
        with self._full_disk_told():
            ledger.begin(self.shape, folder=folder)
            self._reserve()
            os.fsync(self._file)

    def _reserve(self) -> None:
        """Take the whole room now, so that the disk is full at the first byte or not at all."""
        if (missing := self._missing_bytes()) > 0:
            raise NoSpace(missing)
        if self.shape.size_bytes and not files.allocate(self._file, 0, self.shape.size_bytes):
            os.ftruncate(self._file, self.shape.size_bytes)

    def _missing_bytes(self) -> int:
        """How much room the disk lacks for what is not written yet, with a margin."""
        disk, file = os.fstatvfs(self._file), os.fstat(self._file)
        unwritten = self.shape.size_bytes - file.st_blocks * 512
        return unwritten + MARGIN_BYTES - disk.f_bavail * disk.f_frsize

    @contextmanager
    def _full_disk_told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise NoSpace(max(1, self._missing_bytes())) from error
            raise

    def _take_finished(self, crew: Crew) -> list[int]:
        """What is finished now; waits a moment for the first."""
        finished = []
        with suppress(queue.Empty):
            finished.append(self._finished.get(timeout=_LOOK_SECONDS))
            while True:
                finished.append(self._finished.get_nowait())
        if not finished:
            crew.check()
        return finished

    def _wait_for(self, chunk: int, *, beyond: int, crew: Crew) -> int:
        while self._written[chunk] <= beyond:
            crew.check()
            with self._grown:
                if self._written[chunk] <= beyond:
                    self._grown.wait(_LOOK_SECONDS)
        return self._written[chunk]


def _open(path: Path, folder: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise files.NotAFile(error.errno, "not a regular file", path.name) from None
        raise
    try:
        status = os.fstat(descriptor)
        # A second name of the file would let others change it after it was checked.
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise files.NotAFile(errno.EINVAL, "not a file of its own", path.name)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        files.sync_folder(folder)
    except BlockingIOError:
        os.close(descriptor)
        raise InUse from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
