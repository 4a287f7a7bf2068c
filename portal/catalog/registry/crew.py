"""Threads that work on one transfer, and the one that watches them. Not for what they do.

The caller's thread watches: only there `told` and `wanted` are called, so they may use the
database.
"""

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress

from portal.catalog.registry.errors import Cancelled


class Crew:
    """Workers that succeed together. The first failure, or nobody wanting it, ends them all."""

    def __init__(self, *, most: int = 1) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="registry")
        self._work: list[Future[None]] = []
        self._over = threading.Event()
        self._at_end: list[Callable[[], None]] = []

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def at_end(self, end: Callable[[], None]) -> None:
        """Called when the crew must stop early: cut what its members may be waiting for."""
        self._at_end.append(end)

    def start(self, work: Callable[[], None]) -> None:
        """Called by the watching thread, or by a member that has not ended yet."""
        # After the end the pool takes nobody in, and nobody is needed.
        with suppress(RuntimeError):
            self._work.append(self._pool.submit(work))

    def sleep(self, seconds: float) -> None:
        """Wait, and raise `Cancelled` where there is nothing left to do. For members."""
        if self._over.wait(seconds):
            raise Cancelled

    def check(self) -> None:
        self.sleep(0)

    def watch(self, *, beat: Callable[[], None], beat_seconds: float) -> None:
        """Until all have finished; raises what ended them. `beat` is called now and then."""
        try:
            waiting = True
            while waiting:
                known = tuple(self._work)
                done, left = wait(known, timeout=beat_seconds, return_when=FIRST_EXCEPTION)
                for each in done:
                    each.result()
                beat()
                waiting = bool(left) or len(known) < len(self._work)
        except BaseException:
            self._end()
            raise
        finally:
            # However long a disk takes: nobody may write to a file that its owner has closed.
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _end(self) -> None:
        self._over.set()
        for end in self._at_end:
            end()
