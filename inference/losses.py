"""Whether an accelerator that should be here is missing, and when to look for it again (F3).

Never a reason to go on without it in silence: answers would come a hundred times slower, and nobody
would know why. Looks for nothing itself.
"""

import threading
from collections.abc import Callable, Sequence

from inference.deaths import DEVICE_LOST
from inference.devices import Device
from inference.settings import Settings

ASK_SECONDS = 5.0
LASTING_SECONDS = 10.0


class Losses:
    """`ask` says which accelerators answer now. It may take long, so it has a thread of its own."""

    def __init__(
        self, config: Settings, *, ask: Callable[[], Sequence[Device]], clock: Callable[[], float]
    ) -> None:
        self._config = config
        self._ask = ask
        self._clock = clock
        self._known = 0
        self._is_missing = False
        self._ask_at: float | None = None
        self._since: float | None = None
        self._lock = threading.Lock()

    @property
    def trouble(self) -> str:
        """Why nothing may be loaded, or an empty text."""
        with self._lock:
            return DEVICE_LOST if self._is_missing and not self._config.cpu_fallback else ""

    @property
    def is_lasting(self) -> bool:
        """A driver that only began anew answers again within seconds; until then people wait."""
        with self._lock:
            return self._since is not None and self._clock() - self._since >= LASTING_SECONDS

    def learn(self, found: Sequence[Device]) -> None:
        """These answer. Fewer than before, or none where the settings ask for some: one is
        missing."""
        with self._lock:
            wanted = max(self._known, 1 if self._config.gpu_layers else 0)
            self._is_missing = len(found) < wanted
            self._known = max(self._known, len(found))
            self._ask_at = self._clock() + ASK_SECONDS if self._is_missing else None
            if not self._is_missing:
                self._since = None
            elif self._since is None:
                self._since = self._clock()

    def note_loss(self) -> None:
        """A runner has just died of it. It is missing until it answers again."""
        with self._lock:
            self._is_missing, self._ask_at = True, self._clock()
            if self._since is None:
                self._since = self._clock()

    def look_again(self) -> None:
        """Call it again and again; asks when it is time."""
        with self._lock:
            if self._ask_at is None or self._clock() < self._ask_at:
                return
            self._ask_at = None
        threading.Thread(target=lambda: self.learn(self._ask()), daemon=True).start()
