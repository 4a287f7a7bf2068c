"""Waiting for one thing until some time, again and again. Not for several who wait at once.

A timer for each wait would cost more than the wait, which most often is short: so a timer stays
from one wait to the next, and at worst wakes whoever waits too soon.
"""

import asyncio


class Arrival:
    """As `asyncio.Event`; `until` is by the clock of the loop."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        self._is_set = True
        self._wake()

    def clear(self) -> None:
        self._is_set = False

    async def is_there(self, until: float) -> bool:
        """False when it was not set until then."""
        loop = asyncio.get_running_loop()
        while not self._is_set:
            if loop.time() >= until:
                await asyncio.sleep(0)  # whoever asks on and on lets others run
                return self._is_set
            if self._timer is None or self._timer.when() > until:
                self.forget()
                self._timer = loop.call_at(until, self._ring)
            self._waiter = loop.create_future()
            await self._waiter
        return True

    def forget(self) -> None:
        """Nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
