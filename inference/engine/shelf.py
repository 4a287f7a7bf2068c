"""Saved states in files, for long absences. What people said is in them in clear.

Not for what a state means. A thread writes, so that nobody's step waits for a disk; whatever cannot
be written or read back whole is simply gone, and computed again.
"""

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import struct
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from inference import threads

log = logging.getLogger(__name__)

_HEAD = struct.Struct("<8sQI")
_MAGIC = b"parked-1"
# States that wait for the disk are still in RAM: no more than this, or one.
_MOST_WAITING_BYTES = 256 * 1024 * 1024


class Unusable(Exception):
    """There is no directory to keep files in."""


@dataclass(slots=True, eq=False)
class _Book:
    """`state` is there until the file is; `path` None after writing failed."""

    path: Path | None
    size: int
    state: bytes | None
    is_removed: bool = False


class Shelf:
    """Files of this process alone, in a directory that only its owner may enter."""

    def __init__(self, directory: Path, *, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._books: OrderedDict[int, _Book] = OrderedDict()
        self._fallen: list[int] = []
        self._waiting: list[_Book] = []
        self._changed = threading.Condition()
        self._writer: threading.Thread | None = None
        self._is_closed = False
        try:
            self.directory, self._lock = _own_directory(directory)
        except OSError as error:
            raise Unusable(type(error).__name__) from error

    @property
    def used_bytes(self) -> int:
        """Of the disk, files still to be written included."""
        return sum(book.size for book in self._books.values())

    def put(self, number: int, state: bytes) -> bool:
        """Whether it is kept. Others fall for it, the one used longest ago first: see `fallen`."""
        size = len(state) + _HEAD.size
        with self._changed:
            waiting = sum(book.size for book in self._waiting)
            is_busy = bool(waiting) and waiting + size > _MOST_WAITING_BYTES
            if self._is_closed or is_busy or size > self._budget_bytes:
                return False
            while self.used_bytes + size > self._budget_bytes:
                oldest = next(iter(self._books))
                self._forget(oldest)
                self._fallen.append(oldest)
            book = _Book(self.directory / secrets.token_hex(16), size, state)
            self._books[number] = book
            self._waiting.append(book)
            if self._writer is None:
                self._writer = threads.start(self._write_all)
            self._changed.notify_all()
        return True

    def fallen(self) -> list[int]:
        """What had to go since last asked."""
        fallen, self._fallen = self._fallen, []
        return fallen

    def read(self, number: int) -> bytes | None:
        """The state as it was put; None when it is not whole. It counts as used just now."""
        with self._changed:
            book = self._books.get(number)
            if book is None:
                return None
            self._books.move_to_end(number)
            if book.state is not None:
                return book.state
            path = book.path
        return _read(path) if path is not None else None

    def remove(self, number: int) -> None:
        """Unknown ones are ignored."""
        with self._changed:
            if number in self._books:
                self._forget(number)

    def settle(self) -> None:
        """Return once everything put is written, or has failed."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting)

    def close(self) -> None:
        """Leave nothing behind. A second time changes nothing."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            for number in list(self._books):
                self._forget(number)
            self._changed.notify_all()
        if self._writer is not None:
            self._writer.join()
        shutil.rmtree(self.directory, ignore_errors=True)
        os.close(self._lock)

    def _forget(self, number: int) -> None:
        """The writer takes away what it is still writing."""
        book = self._books.pop(number)
        book.is_removed = True
        if book.state is None and book.path is not None:
            with contextlib.suppress(OSError):
                book.path.unlink()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._is_closed:
                    self._waiting.clear()
                    self._changed.notify_all()
                    return
                book = self._waiting[0]
                path, state = book.path, book.state
            is_written = False
            if not book.is_removed and path is not None and state is not None:
                is_written = _write(path, state)
            with self._changed:
                self._finish(book, is_written=is_written)

    def _finish(self, book: _Book, *, is_written: bool) -> None:
        path = book.path
        book.state = None
        if not is_written:
            book.path = None
        if path is not None and (book.is_removed or not is_written):
            with contextlib.suppress(OSError):
                path.unlink()
        if book in self._waiting:
            self._waiting.remove(book)
        self._changed.notify_all()


def opened(directory: Path | None, *, budget_bytes: int) -> Shelf | None:
    """A shelf, if one is wanted and can be had."""
    if directory is None or budget_bytes <= 0:
        return None
    try:
        return Shelf(directory, budget_bytes=budget_bytes)
    except Unusable as error:
        log.error("conversations cannot be parked on disk: %s", error)
        return None


def _own_directory(parent: Path) -> tuple[Path, int]:
    """A fresh directory, locked while we live. What dead processes left is taken away first."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    gate = os.open(parent / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        for left in parent.glob("runner-*"):
            _take_away_if_dead(left)
        own = parent / f"runner-{secrets.token_hex(8)}"
        own.mkdir(mode=0o700)
        lock = os.open(own / ".lock", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return own, lock
    finally:
        os.close(gate)


def _take_away_if_dead(directory: Path) -> None:
    with contextlib.suppress(OSError):
        lock = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)
        finally:
            os.close(lock)


def _write(path: Path, state: bytes) -> bool:
    """Not synced: after a loss of power nobody asks for it any more."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            head = _HEAD.pack(_MAGIC, len(state), zlib.crc32(state))
            for view in (memoryview(head), memoryview(state)):
                while view:
                    view = view[file.write(view) :]
    except OSError as error:
        log.warning("a conversation could not be parked on disk: %s", type(error).__name__)
        return False
    return True


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            magic, length, checksum = _HEAD.unpack(file.read(_HEAD.size))
            if magic != _MAGIC or path.stat().st_size != _HEAD.size + length:
                raise ValueError
            state = file.read(length)
    except (OSError, ValueError, struct.error):
        log.warning("a parked conversation could not be read back")
        return None
    return state if zlib.crc32(state) == checksum else None
