"""The loop around recorder and reaper: it goes on whatever is away, and says that it is alive."""

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, close_old_connections

from portal.catalog.trying.trials import Trials
from portal.chat.nexts import Nexts
from portal.chat.reaper import Reaper
from portal.chat.recorder import Recorder
from portal.streams.connection import AWAY
from portal.streams.news import beat

log = logging.getLogger(__name__)

REAP_SECONDS = 1.0
AWAY_SECONDS = 0.5


def keep_recording(
    recorder: Recorder,
    reaper: Reaper,
    trials: Trials,
    nexts: Nexts,
    *,
    stop: threading.Event,
    clock: Callable[[], float],
    upkeep: Callable[[], None] = lambda: None,
) -> None:
    """Until `stop` is set. What was read stays in memory while Redis or the database is away.

    `upkeep` is what may wait, and comes last: titles, and removing what has been left.
    """
    next_reaping = clock()
    while not stop.is_set():
        try:
            trials.step()
            recorder.step()
            nexts.step()
            if clock() >= next_reaping:
                reaper.step()
                beat()
                next_reaping = clock() + REAP_SECONDS
                upkeep()
        except AWAY as error:
            log.warning("recording waits for Redis: %s", type(error).__name__)
            stop.wait(AWAY_SECONDS)
        except (DatabaseError, InterfaceError) as error:
            log.warning("recording waits for the database: %s", type(error).__name__)
            close_old_connections()
            stop.wait(AWAY_SECONDS)
        except Exception:
            log.exception("recording failed and goes on")
            stop.wait(AWAY_SECONDS)
