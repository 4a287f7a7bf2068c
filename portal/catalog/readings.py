"""When each file of the store was last read whole, and what came of it. Reads no file itself."""

from portal import clock
from portal.catalog.models import Blob
from portal.catalog.names import Digest


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
