"""Folders of the store: made with their entries synced, walked without following a link.

Single files are in files.py; what lies where is known to manifests.py, staging.py and store.py.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from portal.catalog.storage import files


def make(folder: Path, *, root: Path) -> None:
    """The folder and its parents, their entries synced. Never through a link below the root."""
    refuse_link(folder, root=root)
    if folder.is_dir():
        return
    make(folder.parent, root=root)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o755)
    files.sync_folder(folder.parent)


def refuse_link(folder: Path, *, root: Path) -> None:
    if folder.is_symlink() and folder != root:
        raise NotADirectoryError(errno.ENOTDIR, "a link where a folder should be", folder.name)


def refuse_world_writable(folders: Iterable[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and folder.stat().st_mode & stat.S_IWOTH:
            raise PermissionError(errno.EACCES, "everyone may write here", folder.name)


def remove_empty(folder: Path, *, until: Path) -> None:
    """The folder and its parents below `until`, as far as they hold nothing."""
    while folder != until:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def regular_files(folder: Path) -> list[Path]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if files.is_regular(path)]


def walk(folder: Path, *, depth: int, closed: dict[Path, OSError]) -> Iterator[PurePosixPath]:
    """Relative paths of the regular files exactly `depth` levels down. Follows no link.

    Folders that cannot be read are left out, and added to `closed` with the reason.
    """
    for entry in _entries(folder, closed=closed):
        if depth == 1 and entry.is_file(follow_symlinks=False):
            yield PurePosixPath(entry.name)
        elif depth > 1 and entry.is_dir(follow_symlinks=False):
            for below in walk(folder / entry.name, depth=depth - 1, closed=closed):
                yield entry.name / below


def _entries(folder: Path, *, closed: dict[Path, OSError]) -> list[os.DirEntry[str]]:
    try:
        if folder.is_symlink() or not folder.is_dir():
            return []
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:  # It went meanwhile, with its last model.
        return []
    except OSError as error:
        closed[folder] = error
        return []


@contextmanager
def locked(path: Path, *, waits: bool = True) -> Iterator[bool]:
    """Alone with this lock file. Without waiting: False when somebody else has it.

    The lock goes with the process, however that ends.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o644)
    try:
        yield _took(descriptor, waits=waits)
    finally:
        os.close(descriptor)


def _took(descriptor: int, *, waits: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
