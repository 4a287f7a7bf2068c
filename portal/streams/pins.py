"""What an administrator decided about memory, told to every worker. Not for deciding it."""

import logging
from collections.abc import Iterable

from inference import protocol
from portal.streams.connection import AWAY, client

log = logging.getLogger(__name__)

KEPT_ENTRIES = 100


def publish(pinned: Iterable[protocol.Pinned]) -> None:
    """These models stay loaded, and no others. When Redis is away, the next beat says it again."""
    listed = tuple(pinned)[: protocol.MAX_PINNED]
    try:
        client().set(protocol.PINNED, protocol.encode(protocol.Pins(pinned=listed)))
    except AWAY as error:
        log.warning("pinned models not told yet: %s", type(error).__name__)


def unload(queues: Iterable[str]) -> None:
    """Every worker lets these go once they have finished what they run. Raises when Redis is away:
    said later, it would surprise."""
    for queue in queues:
        client().xadd(protocol.UNLOAD, {"queue": queue}, maxlen=KEPT_ENTRIES)
