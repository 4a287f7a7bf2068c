"""Whether the kernel has ended processes for want of memory lately. Not for how much is left."""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

RECENT_SECONDS = 3.0
_COUNT = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
# The counts of our own group of processes, where there is one, and of the whole machine.
PLACES = (
    Path("/sys/fs/cgroup/memory.events"),
    Path("/sys/fs/cgroup/memory/memory.oom_control"),
    Path("/proc/vmstat"),
)


class MemoryKills:
    """A count that only grows. Look about once a second, or an old kill seems a new one."""

    def __init__(
        self,
        places: Sequence[Path] = PLACES,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._clock = clock
        self._seen = self._count()
        self._grew_at: float | None = None

    def look(self) -> None:
        now = self._count()
        if any(after > before for after, before in zip(now, self._seen, strict=True)):
            self._grew_at = self._clock()
        self._seen = now

    def is_recent(self) -> bool:
        """Whether the kernel ended a process in the last few seconds."""
        self.look()
        return self._grew_at is not None and self._clock() - self._grew_at < RECENT_SECONDS

    def _count(self) -> tuple[int, ...]:
        return tuple(_read(place) for place in self._places)


def _read(place: Path) -> int:
    """Zero where there is no such count."""
    try:
        found = _COUNT.search(place.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        return 0
    return int(found.group(1)) if found else 0
