"""Threads that may not die unseen. Nothing here knows what they do."""

import logging
import os
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


def start(target: Callable[[], None]) -> threading.Thread:
    """A thread that does not keep the process; if a bug ends it, it takes the process along.

    A process with one deaf thread looks alive and serves nobody; a dead one is started again.
    """

    def guarded() -> None:
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - nobody else would see it
            log.critical("a thread died: %s", type(error).__name__)
            os._exit(1)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    return thread
