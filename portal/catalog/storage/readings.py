"""When each file of the store was last read whole, and what came of it. Reads none itself."""

from portal import clock
from portal.catalog.models import Blob
from portal.catalog.names import Digest
from portal.catalog.storage.store import Store


def note(digest: Digest, *, size_bytes: int, is_rotten: bool = False) -> None:
    """It was read to its end just now."""
    Blob.objects.update_or_create(
        digest=digest.hex,
        defaults={
            "size_bytes": size_bytes,
            "checked_at": clock.now(),
            "is_rotten": is_rotten,
        },
    )


def is_known(store: Store, digest: Digest, *, size_bytes: int) -> bool:
    """Whether this very file was read whole, and was what its name says, since it last changed."""
    known = Blob.objects.filter(
        digest=digest.hex, size_bytes=size_bytes, checked_at__isnull=False, is_rotten=False
    ).first()
    if known is None or known.checked_at is None:
        return False
    status = store.blob_path(digest).lstat()
    # A file brought back from a copy keeps the moment it was written at, but not this other one.
    return max(status.st_mtime, status.st_ctime) <= known.checked_at.timestamp()
