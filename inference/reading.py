"""Brings a file of weights into memory before it is mapped, so that people see how far it is.

The library maps the file in one call that returns when the disk has delivered all of it, and only
then begins to count. Not for keeping anything: the kernel does that.
"""

import contextlib
import mmap
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from inference import threads
from inference.words import Loading, Mouth

STEP_BYTES = 16 * 1024 * 1024
TELL_SECONDS = 0.25
READING_SHARE = 0.9  # of the way; the rest is the library's
_COUNTS = Path("/proc/self/io")
_POPULATE_READ = 22  # MADV_POPULATE_READ of Linux 5.14, which Python does not name


class Progress:
    """Tells the supervisor how far loading is, a few times a second and never backwards."""

    def __init__(self, mouth: Mouth, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._mouth = mouth
        self._clock = clock
        self._told = 0.0
        self._told_at = clock()

    def of_reading(self, fraction: float) -> None:
        self._tell(fraction * READING_SHARE)

    def of_loading(self, fraction: float) -> None:
        self._tell(READING_SHARE + fraction * (1 - READING_SHARE))

    def _tell(self, fraction: float) -> None:
        now = self._clock()
        if fraction > self._told and now - self._told_at >= TELL_SECONDS:
            self._told, self._told_at = fraction, now
            self._mouth.murmur(Loading(progress=min(1.0, fraction)))


@contextlib.contextmanager
def reading(path: Path, *, tell: Callable[[float], None]) -> Iterator[None]:
    """Tells how much of the file is in memory: it is read before the block, or by it where memory
    could not hold what was read first, as when all of it goes to an accelerator."""
    size_bytes = path.stat().st_size
    if size_bytes <= psutil.virtual_memory().available:
        read_ahead(path, size_bytes, tell=tell)
        yield
        return
    is_over = threading.Event()
    threads.start(lambda: _watch(size_bytes, tell=tell, is_over=is_over))
    try:
        yield
    finally:
        is_over.set()


def _watch(size_bytes: int, *, tell: Callable[[float], None], is_over: threading.Event) -> None:
    before = _bytes_read()
    while not is_over.wait(TELL_SECONDS):
        tell(min(1.0, (_bytes_read() - before) / size_bytes))


def _bytes_read() -> int:
    """From disks, by this process; also what the kernel fetched for pages that it touched."""
    try:
        found = re.search(r"^read_bytes: (\d+)$", _COUNTS.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:  # not every system counts
        return 0
    return int(found.group(1)) if found else 0


def read_ahead(path: Path, size_bytes: int, *, tell: Callable[[float], None]) -> None:
    """Every page of it once, in order."""
    if not size_bytes:
        return
    with path.open("rb", buffering=0) as file:
        touch = _populate(file.fileno(), size_bytes) or _copy(file.readinto)
        for start in range(0, size_bytes, STEP_BYTES):
            if not touch(start, min(STEP_BYTES, size_bytes - start)):
                return
            tell(min(1.0, (start + STEP_BYTES) / size_bytes))


def _populate(descriptor: int, size_bytes: int) -> Callable[[int, int], bool] | None:
    """Without a copy; a file that is cut meanwhile is an error here, not a signal."""
    if sys.platform != "linux":
        return None
    pages = mmap.mmap(descriptor, size_bytes, prot=mmap.PROT_READ)
    try:
        pages.madvise(_POPULATE_READ, 0, min(size_bytes, mmap.PAGESIZE))
    except (OSError, ValueError):  # an older kernel
        pages.close()
        return None

    def touch(start: int, length: int) -> bool:
        try:
            pages.madvise(_POPULATE_READ, start, length)
        except OSError:
            return False
        return True

    return touch


def _copy(readinto: Callable[[bytearray], int | None]) -> Callable[[int, int], bool]:
    buffer = bytearray(STEP_BYTES)
    return lambda _start, _length: bool(readinto(buffer))
