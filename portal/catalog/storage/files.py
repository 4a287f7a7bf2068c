"""Single steps on the disk: open without following links, copy, clone, hash, sync. No names."""

import ctypes
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1024 * 1024
# Asks Linux to let two files share their blocks until one of them changes.
_FICLONE = 0x40049409
_CANNOT_CLONE = frozenset(
    (errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.EXDEV, errno.EPERM, errno.ENOSYS)
)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Reserve = Callable[[int], None]


class NotAFile(OSError):
    """A link, a device, a pipe or a folder stands where a file should."""


def open_regular(path: Path) -> BufferedReader:
    """The file itself, for reading. A link at its end is refused, and so is all but a file."""
    try:
        # Without O_NONBLOCK the opening of a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise NotAFile(error.errno, "not a regular file", path.name) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAFile(errno.EINVAL, "not a regular file", path.name)
    return os.fdopen(descriptor, "rb")


def is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def sha256(file: BufferedReader, *, pace: Callable[[int], None] | None = None) -> str:
    """`pace` is called with how much has been read, again and again, and may take its time."""
    file.seek(0)
    if pace is None:
        return hashlib.file_digest(file, "sha256").hexdigest()
    digest, read_bytes = hashlib.sha256(), 0
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
        read_bytes += len(chunk)
        pace(read_bytes)
    return digest.hexdigest()


def write(target: Path, data: bytes) -> None:
    with create(target) as file:
        file.write(data)


def copy(source: BinaryIO, *, target: Path, size_bytes: int) -> None:
    """Exactly `size_bytes` from where `source` stands; more or fewer is an error."""
    left = size_bytes
    with create(target) as file:
        while left and (chunk := source.read(min(CHUNK_BYTES, left))):
            file.write(chunk)
            left -= len(chunk)
    if left or source.read(1):
        raise EOFError("the source is not as long as it said")


def clone_or_copy(source: BufferedReader, *, target: Path, reserve: Reserve) -> None:
    """The same bytes, sharing the disk's blocks where it can."""
    with create(target) as file:
        try:
            fcntl.ioctl(file.fileno(), _FICLONE, source.fileno())
        except OSError as error:
            if error.errno not in _CANNOT_CLONE:
                raise
        else:
            return
    target.unlink()
    size_bytes = os.fstat(source.fileno()).st_size
    reserve(size_bytes)
    copy(source, target=target, size_bytes=size_bytes)


def link_or_copy(
    source: BufferedReader, *, source_path: Path, target: Path, reserve: Reserve
) -> None:
    """A second name for the same file where the disk can. Whoever changes one changes both."""
    try:
        os.link(source_path, target, follow_symlinks=False)
    except OSError:
        clone_or_copy(source, target=target, reserve=reserve)
        return
    before, after = os.fstat(source.fileno()), target.lstat()
    if (before.st_dev, before.st_ino) != (after.st_dev, after.st_ino):
        target.unlink()
        raise NotAFile(errno.EINVAL, "the file was exchanged meanwhile", source_path.name)


def allocate(descriptor: int, start: int, size_bytes: int) -> bool:
    """Take the room for these bytes on the disk now (threat E12). False where it cannot promise.

    OSError when there is no room. Not with `posix_fallocate`: where the disk cannot, it would write
    every block.
    """
    allocate_now = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
    if allocate_now is None:
        return False
    allocate_now.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if allocate_now(descriptor, 0, start, size_bytes) == 0:
        return True
    if (code := ctypes.get_errno()) in _FULL:
        raise OSError(code, os.strerror(code))
    return False


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_range(source: BufferedReader, start: int, size_bytes: int, target: BinaryIO) -> None:
    """So many bytes of an open file, from `start`, to where `target` stands."""
    source.seek(start)
    left = size_bytes
    while left and (chunk := source.read(min(CHUNK_BYTES, left))):
        target.write(chunk)
        left -= len(chunk)
    if left:
        raise EOFError("the source became shorter while it was read")


def create(target: Path) -> BinaryIO:
    """A new file, for writing; one that is there already is an error, and so is a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(target, flags, 0o644), "wb")
