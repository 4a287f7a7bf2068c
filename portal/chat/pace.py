"""How many commands a tab may send in which time (threat C5). Not for those of the API."""

import time

from portal.chat import limits


class Pace:
    """At most so many commands a second, with one second's worth in hand. What is refused counts
    too: who does not slow down gets into debt, and in the end is closed."""

    def __init__(self) -> None:
        self._allowance = float(limits.MAX_COMMANDS_A_SECOND)
        self._seen_at = time.monotonic()

    def admits(self) -> bool:
        now = time.monotonic()
        most = float(limits.MAX_COMMANDS_A_SECOND)
        self._allowance = min(most, self._allowance + (now - self._seen_at) * most) - 1
        self._seen_at = now
        return self._allowance >= 0

    @property
    def is_flooded(self) -> bool:
        return self._allowance < -limits.MAX_FLOOD_FRAMES

    @property
    def is_rested(self) -> bool:
        """As good as new: nobody would notice if it were forgotten."""
        idle_seconds = time.monotonic() - self._seen_at
        most = float(limits.MAX_COMMANDS_A_SECOND)
        return self._allowance + idle_seconds * most >= most
