"""Which models do not load or keep crashing, and when to try again. Starts nothing itself."""

from dataclasses import dataclass

from inference.deaths import How
from inference.protocol import ModelSpec
from inference.settings import Settings

LOAD_TRIES = 2
KILLS_FORGIVEN = 4
BLOCKED_SECONDS = 300.0
REPORT_SECONDS = 5.0
GOOD_LIFE_SECONDS = 60.0
MAX_PAUSE_SECONDS = 30.0

# How native code ends by its own doing, the same way each time.
_FAULTS = ("SIGABRT", "SIGSEGV", "SIGFPE", "SIGILL")

FileMark = tuple[int, int] | None


@dataclass(slots=True, kw_only=True)
class _Trouble:
    crashes: int = 0
    failed_loads: int = 0
    killed_loads: int = 0
    try_at: float = 0.0
    blocked_until: float = 0.0
    reason: str = ""
    file: FileMark = None
    reported_at: float | None = None
    is_alone: bool = False


class Troubles:
    """By queue: named by the digest of its spec, so another spec starts with a clean sheet."""

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._by_queue: dict[str, _Trouble] = {}

    def note_failed_load(
        self, spec: ModelSpec, *, now: float, reason: str, how: How = "crashed"
    ) -> None:
        """The second failure in a row blocks the model until its file changes, or five minutes.

        Whoever ended a loading process from outside says nothing of its file; but not for ever.
        """
        trouble = self._of(spec.queue)
        if how == "killed" and trouble.killed_loads < KILLS_FORGIVEN:
            trouble.killed_loads += 1
            return
        trouble.failed_loads += 1
        trouble.reason = reason
        # Alone it failed as well, or not alone: the next one is the other way.
        trouble.is_alone = reason in _FAULTS and not trouble.is_alone
        if trouble.failed_loads >= LOAD_TRIES:
            trouble.failed_loads = 0
            trouble.file = self._mark(spec)
            trouble.blocked_until = now + BLOCKED_SECONDS
            trouble.reported_at = None

    def note_loaded(self, queue: str) -> None:
        """It did load: failures before that no longer count."""
        if queue in self._by_queue:
            trouble = self._by_queue[queue]
            trouble.failed_loads = trouble.killed_loads = 0

    def note_crash(self, spec: ModelSpec, *, now: float, lived_seconds: float) -> None:
        """The first restart is immediate, the next ones wait longer and longer."""
        trouble = self._of(spec.queue)
        if lived_seconds >= GOOD_LIFE_SECONDS:
            trouble.crashes = 0
        pause = 0.0 if trouble.crashes == 0 else min(MAX_PAUSE_SECONDS, 0.25 * 2**trouble.crashes)
        trouble.crashes = min(trouble.crashes + 1, 16)
        trouble.try_at = now + pause

    def why_not(self, queue: str, *, spec: ModelSpec | None, now: float) -> str:
        """Why this queue cannot be served, or an empty text."""
        if spec is None:
            return "spec unreadable"
        if self._config.backend == "llama" and self._mark(spec) is None:
            return "no such blob"
        trouble = self._by_queue.get(queue)
        if trouble is None or now >= trouble.blocked_until:
            return ""
        return trouble.reason if trouble.file == self._mark(spec) else ""

    def may_try(self, queue: str, *, now: float) -> bool:
        trouble = self._by_queue.get(queue)
        return trouble is None or now >= trouble.try_at

    def is_alone(self, queue: str) -> bool:
        """Whether it is to be loaded for one answer at a time, as a new file is when it is tried.

        Of some architectures the library can compute no two at once, and ends where it should say
        so.
        """
        trouble = self._by_queue.get(queue)
        return trouble is not None and trouble.is_alone

    def is_report_due(self, queue: str, *, now: float) -> bool:
        """True once every few seconds while somebody asks."""
        trouble = self._of(queue)
        if trouble.reported_at is not None and now - trouble.reported_at < REPORT_SECONDS:
            return False
        trouble.reported_at = now
        return True

    def _of(self, queue: str) -> _Trouble:
        return self._by_queue.setdefault(queue, _Trouble())

    def _mark(self, spec: ModelSpec) -> FileMark:
        """Tells one state of the file from another."""
        try:
            status = self._config.blob_path(spec.weights).stat()
        except OSError:
            return None
        return status.st_size, status.st_mtime_ns
