"""One file on its way in: bytes at an offset, and the offset kept when they are on the disk.

Killed anywhere, the row says less than there is, never more. One writer at a time. Not for who may
write, nor for how bytes arrive. `write` and `close` block: call them in a thread.
"""

import os
from types import TracebackType
from typing import Self

from portal import clock
from portal.catalog.models import Upload, UploadFile
from portal.catalog.storage import folders
from portal.catalog.uploads import places
from portal.chat.errors import Conflict, NotFound
from portal.faults import at

# After so many the offset is kept, so that a kill loses little.
SYNC_BYTES = 64 * 1024 * 1024


class Busy(Conflict):
    """Another tab sends the same file."""

    status = 423
    code = "busy"


class WrongOffset(Conflict):
    """The sender and we do not agree on how much is here."""

    code = "wrong-offset"


class TooLong(Conflict):
    """More bytes than the file was said to have."""

    status = 413
    code = "too-much"


class Writing:
    """The file, open and locked from `offset_bytes` on."""

    def __init__(self, file: UploadFile, *, offset_bytes: int) -> None:
        self._file = file
        self._offset = self._kept = offset_bytes
        self._lock = folders.locked(places.path_of(file), waits=False)
        self._descriptor = -1

    def __enter__(self) -> Self:
        path = places.path_of(self._file)
        if path.is_symlink() or not path.is_file():
            raise NotFound("upload")
        if not self._lock.__enter__():
            self._lock.__exit__(None, None, None)
            raise Busy
        try:
            self._begin()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What came is kept, however it ended."""
        try:
            self._keep()
        finally:
            os.close(self._descriptor)
            self._lock.__exit__(None, None, None)

    @property
    def offset_bytes(self) -> int:
        return self._offset

    def write(self, data: bytes) -> None:
        if self._offset + len(data) > self._file.size_bytes:
            raise TooLong
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, self._offset)
            self._offset += written
            view = view[written:]
        if self._offset - self._kept >= SYNC_BYTES:
            self._keep()

    def _begin(self) -> None:
        """Asked again under the lock: the row may have moved on since it was read."""
        now = UploadFile.objects.filter(id=self._file.id).values_list("offset_bytes", flat=True)
        if list(now) != [self._offset]:
            raise WrongOffset
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(places.path_of(self._file), flags)

    def _keep(self) -> None:
        if self._offset == self._kept:
            return
        at("upload.written")
        os.fdatasync(self._descriptor)
        still_there = UploadFile.objects.filter(id=self._file.id)
        still_there.update(offset_bytes=self._offset)
        Upload.objects.filter(id=self._file.upload_id).update(changed_at=clock.now())
        self._kept = self._offset
        at("upload.kept")
