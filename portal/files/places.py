"""Where the bytes of files lie: a folder of the portal's own, one file each, under the id.

Paths are made of ids only (threat D10). Not for what may be stored, nor for whose it is.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings

FOLDER = "files"
_STAGED = "coming-"


def root() -> Path:
    home: Path = settings.PORTAL.home
    return home / FOLDER


def path_of(file_id: UUID) -> Path:
    return root() / file_id.hex[:2] / file_id.hex


def free_bytes() -> int:
    root().mkdir(mode=0o700, parents=True, exist_ok=True)
    return shutil.disk_usage(root()).free


def store(file_id: UUID, pieces: Iterable[bytes]) -> None:
    """All of it or, after a crash, nothing under its name. A second time puts it in its place."""
    path = path_of(file_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, staged = tempfile.mkstemp(prefix=_STAGED, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        Path(staged).replace(path)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise


def remove(file_ids: Iterable[UUID]) -> None:
    for file_id in file_ids:
        path_of(file_id).unlink(missing_ok=True)


def read(file_id: UUID) -> bytes | None:
    """None when it is not there."""
    try:
        return path_of(file_id).read_bytes()
    except FileNotFoundError:
        return None


def lying_for(seconds: float) -> Iterator[UUID]:
    """Ids under which something has lain for so long. What broke off on its way goes here too."""
    before = time.time() - seconds
    for path in sorted(root().glob("??/*")):
        with contextlib.suppress(FileNotFoundError):
            if path.is_symlink() or path.lstat().st_mtime > before:
                continue
            if path.name.startswith(_STAGED):
                path.unlink()
                continue
            with contextlib.suppress(ValueError):
                yield UUID(hex=path.name)
