"""What wakes the recorder: generations that were queued or have ended. And its sign of life."""

from collections.abc import Iterable
from uuid import UUID

from inference import protocol
from portal.streams.connection import client

BEAT = "portal:beat:recorder"
BEAT_SECONDS = 5
_AT_ONCE = 1_000


class News:
    """One reader's place in the news. Begins at the oldest that is kept, so a restart repeats
    some."""

    def __init__(self) -> None:
        self._newest_id = "0-0"

    def read(self, *, block_seconds: float) -> set[UUID]:
        """The generations named since the last call; waits that long for the first of them."""
        answer = client().xread(
            {protocol.NEWS: self._newest_id},
            count=_AT_ONCE,
            # 0 would mean for ever.
            block=max(1, int(block_seconds * 1000)),
        )
        named: set[UUID] = set()
        for _key, entries in answer or ():
            self._newest_id = entries[-1][0].decode("ascii")
            named.update(_ids(fields for _entry_id, fields in entries))
        return named


def beat() -> None:
    """The recorder is alive and reaches Redis: read by the health page."""
    client().set(BEAT, "1", ex=BEAT_SECONDS)


def _ids(entries: Iterable[dict[bytes, bytes]]) -> Iterable[UUID]:
    for fields in entries:
        try:
            yield UUID(fields.get(b"generation", b"").decode("ascii"))
        except ValueError:
            continue
