"""`manage.py recorder`: the process that writes answers down, ends the abandoned and sweeps."""

import asyncio
import signal
import threading
import time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.catalog.trying.trials import Trials
from portal.chat.keeping import keep_recording
from portal.chat.nexts import Nexts
from portal.chat.reaper import Reaper
from portal.chat.recorder import Recorder
from portal.chat.wakeups import wake_tabs
from portal.order.upkeep import Upkeep


class Command(BaseCommand):
    help = "Write answers down as they grow. One process; it ends cleanly at SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        # One loop for the whole life: the layer keeps a connection in each.
        with asyncio.Runner() as runner:

            def wake(owner_id: UUID, conversation_id: UUID) -> None:
                upkeep.hear()
                runner.run(wake_tabs(owner_id, conversation_id))

            nexts = Nexts(clock=time.monotonic, wake=wake)
            recorder = Recorder(clock=time.monotonic, wake=nexts.wake)
            reaper = Reaper(recorder, clock=time.monotonic)
            trials = Trials(clock=time.monotonic)
            upkeep = Upkeep(clock=time.monotonic, wake=wake, has_titles=settings.PORTAL.has_titles)
            keep_recording(
                recorder,
                reaper,
                trials,
                nexts,
                stop=stop,
                clock=time.monotonic,
                upkeep=upkeep.step,
            )
