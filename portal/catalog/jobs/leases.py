"""Who works on what: locks of the kernel, one a job and one a blob. Not for the store's own lock.

A lease is held as long as its process lives, however long a pull takes; killed, it is free at once;
paused or cut off from Redis, it is still held, so nobody else writes to the same file. No clock
decides anything. All workers must see one folder through one kernel, or one that keeps such locks.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from portal.catalog.names import Digest

WAIT_SECONDS = 0.1
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Taken(Exception):
    """Somebody else holds this lease."""


class Leases:
    """The leases of one store. `root` is its folder."""

    def __init__(self, root: Path) -> None:
        self._folder = root / ".portal-leases"

    @contextmanager
    def job(self, job_id: UUID) -> Iterator[None]:
        """This process works on the job. Raises `Taken` at once when another does."""
        name = _name_of(job_id)
        with self._released(name, self._locked(self._folder / name)):
            yield

    def is_free(self, job_id: UUID) -> bool:
        """Whether nobody works on the job at this moment. Asks without writing: on a disk that may
        only be read, a job whose worker died is still found."""
        try:
            descriptor = os.open(self._folder / _name_of(job_id), _READING)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True

    @contextmanager
    def blob(self, digest: Digest, *, while_waiting: Callable[[], None]) -> Iterator[None]:
        """Nobody else fetches this blob. Waits; whatever `while_waiting` raises ends the waiting.

        What the other did is on the disk then: look whether the blob is there before fetching it.
        """
        while True:
            try:
                descriptor = self._locked(self._folder / digest.file_name)
                break
            except Taken:
                while_waiting()
            threading.Event().wait(WAIT_SECONDS)
        with self._released(digest.file_name, descriptor):
            yield

    @contextmanager
    def _released(self, name: str, descriptor: int) -> Iterator[None]:
        try:
            yield
        finally:
            # While it is still ours: whoever opened it meanwhile finds it gone, and begins anew.
            (self._folder / name).unlink(missing_ok=True)
            os.close(descriptor)

    def _locked(self, path: Path) -> int:
        self._folder.mkdir(mode=0o755, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        while True:
            descriptor = os.open(path, flags, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_still_there(path, descriptor):
                    return descriptor
            except BlockingIOError:
                os.close(descriptor)
                raise Taken(path.name) from None
            os.close(descriptor)


def _name_of(job_id: UUID) -> str:
    return f"job-{job_id}"


def _is_still_there(path: Path, descriptor: int) -> bool:
    """False when the file was removed between opening and locking it: then it guards nothing."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
