"""A job as the function that does it sees it: what is wanted, where to say how far it is, when to
stop. Not for starting or ending jobs: that is in working.py.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from portal.catalog.jobs import room
from portal.catalog.models import Job, JobState
from portal.catalog.names import Digest
from portal.catalog.storage.store import NoSpace
from portal.streams.jobs import Line, Teller

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
# As often as Ollama says it.
TELL_SECONDS = 0.06
MAX_BYTES = 2**63 - 1  # what a row can hold

_leaving = threading.Event()


class Unwanted(Exception):
    """Somebody cancelled the job, or another attempt has taken it over."""


class Leaving(Exception):
    """This process is asked to end; the job goes back into the queue."""


def leave() -> None:
    """Every job of this process stops within a second or so, and goes back into the queue."""
    _leaving.set()


class Running:
    """One attempt at a job. Its methods may be called from any thread."""

    def __init__(self, job: Job, teller: Teller) -> None:
        self.job = job
        self._teller = teller
        self._over = threading.Event()
        self._stopped_by: Exception | None = None
        self._told: Line | None = None
        self._told_at = 0.0
        self._status = ""
        self._sizes: dict[str, tuple[int, int]] = {}
        self._total_bytes: int | None = None
        self._digests: tuple[str, ...] = ()
        self._reserved_bytes = 0

    @property
    def wants(self) -> Mapping[str, Any]:
        wants: Mapping[str, Any] = self.job.wants
        return wants

    def tell(self, status: str, digest: str = "", total: int = 0, completed: int = 0) -> None:
        """Show this to everybody who watches. Many calls a second are made into a few."""
        line = Line(status=status, digest=digest, total=total, completed=completed)
        self._status = status
        if total:
            self._sizes[digest or status] = (total, completed)
        now = time.monotonic()
        if self._is_more_of_the_same(line) and now < self._told_at + TELL_SECONDS:
            return
        self._told, self._told_at = line, now
        self._teller.tell(line)

    def expect(self, *, total_bytes: int, digests: Sequence[Digest] = ()) -> None:
        """How much there will be in all, and which blobs must not be pruned meanwhile."""
        self._total_bytes = total_bytes
        self._digests = tuple(digest.hex for digest in digests)
        self._note()

    def reserve(self, missing_bytes: int) -> None:
        """So much is still to be written. Raises `NoSpace` when the disk has no room for it,

        with what other jobs have reserved taken as gone. Say it again as it becomes less.
        """
        if missing_bytes > self._reserved_bytes:
            room.check(settings.PORTAL.models, wanted_bytes=missing_bytes, besides=self.job.id)
        self._reserved_bytes = missing_bytes

    def is_wanted(self) -> bool:
        return self.why_stopped is None

    def raise_if_unwanted(self) -> None:
        if (why := self.why_stopped) is not None:
            raise why

    @property
    def why_stopped(self) -> Exception | None:
        """None while it is wanted. Whatever its function raises after that is only the echo."""
        return self._stopped_by or (Leaving() if _leaving.is_set() else None)

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        """While it is worked on, a thread keeps the row's figures and hears of a cancellation."""
        thread = threading.Thread(target=self._beat, name=f"job-{self.job.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def figures(self) -> dict[str, Any]:
        """What the row says of this attempt, besides its state."""
        # A copy: another thread may add to it meanwhile.
        sizes = list(self._sizes.values())
        total_bytes = self._total_bytes
        if total_bytes is None:
            total_bytes = sum(total for total, _ in sizes)
        return {
            "status": self._status[:300],
            # A registry may claim any size; the disk has its say later.
            "total_bytes": min(total_bytes, MAX_BYTES),
            "completed_bytes": sum(completed for _, completed in sizes),
            "reserved_bytes": self._reserved_bytes,
            "digests": list(self._digests),
        }

    def _is_more_of_the_same(self, line: Line) -> bool:
        told = self._told
        if told is None or (told.status, told.digest) != (line.status, line.digest):
            return False
        return not line.total or line.completed < line.total

    def _beat(self) -> None:
        try:
            while not self._over.wait(BEAT_SECONDS):
                self._look()
        finally:
            connections.close_all()

    def _look(self) -> None:
        try:
            self._note()
        except (DatabaseError, InterfaceError) as error:
            # The lease is on the disk, so nobody else begins meanwhile.
            log.warning("a job's row is not written: %s", type(error).__name__)
            # What broke stays broken until it is closed, and a cancellation would not be heard.
            connections.close_all()
        if self._reserved_bytes and (missing := room.missing_bytes_now(settings.PORTAL.models)):
            self._stopped_by = self._stopped_by or NoSpace(missing + self._reserved_bytes)

    def _note(self) -> None:
        still_ours = Job.objects.filter(
            id=self.job.id, fence=self.job.fence, state=JobState.RUNNING
        )
        if not still_ours.update(**self.figures()):
            self._stopped_by = self._stopped_by or Unwanted()
