"""Where files lie while they come in: a folder of their own beside the blobs, on the same disk.

Paths are made of ids and checked names only. Not for what is written there.
"""

import contextlib
import os
from pathlib import Path
from uuid import UUID

from django.conf import settings

from portal.catalog.models import Upload, UploadFile
from portal.catalog.storage import files, folders
from portal.catalog.uploads.chosen import stored_name

FOLDER = "uploads"


def root() -> Path:
    models: Path = settings.PORTAL.models
    return models / FOLDER


def folder_of(upload_id: UUID) -> Path:
    return root() / upload_id.hex


def path_of(file: UploadFile) -> Path:
    return folder_of(file.upload_id) / stored_name(file.name)


def make(upload: Upload) -> None:
    """The folders that its files will lie in, never through a link (threat E20)."""
    models: Path = settings.PORTAL.models
    for file in upload.files.all():
        folders.make(path_of(file).parent, root=models)


def remove(upload_id: UUID) -> None:
    """All of it, at most two folders deep. A second time finds nothing."""
    top = folder_of(upload_id)
    if top.is_symlink():
        return
    with contextlib.suppress(FileNotFoundError):
        for below in (*(each for each in top.iterdir() if _is_folder(each)), top):
            for path in folders.regular_files(below):
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                below.rmdir()


def known() -> list[UUID]:
    """Uploads of which something lies on the disk."""
    if root().is_symlink() or not root().is_dir():
        return []
    found = []
    for path in root().iterdir():
        with contextlib.suppress(ValueError):
            found.append(UUID(hex=path.name))
    return found


def bytes_on_disk() -> int:
    """What all that is coming in takes, room that was kept for it included."""
    total = 0
    for upload_id in known():
        for folder, _, names in os.walk(folder_of(upload_id)):
            total += sum(
                path.lstat().st_size
                for name in names
                if files.is_regular(path := Path(folder, name))
            )
    return total


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
