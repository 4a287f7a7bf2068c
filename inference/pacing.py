"""How evenly the pieces of an answer leave, when the engine makes them unevenly. Pure.

Between two steps of writing the engine reads a question of somebody else, and everyone who is being
answered waits meanwhile. As a player of sound does, an answer gives a little more slowly than it
gets until it has such a pause in hand, and then goes on through it. The first piece does not wait,
nor does anything once the answer is over, so no answer ends later. Not for sending: outbox.py.
"""

import math
from dataclasses import dataclass, field

# Between two sendings of one answer: as often as an eye wants. Every event costs a write, a read
# and a frame, so pieces that come faster than this travel together.
SENDING_SECONDS = 0.03
# No pause longer than this is hidden: what is held back would be felt.
MOST_HELD_SECONDS = 0.3
LONGEST_PAUSE_SECONDS = 0.5
# How fast the usual interval follows, and how slowly a pause is forgotten: over 300 pieces or so.
_FOLLOWS = 1 / 64
_FORGETS = 0.997
# The interval while too little is in hand, and while enough is.
_GAINING, _USING = 1.1, 0.9


@dataclass(slots=True)
class Pauses:
    """What the engine's pauses have been like, for all its answers: they make them together."""

    longest_seconds: float = 0.0
    usual_seconds: float = 0.0

    def heard(self, pause_seconds: float) -> None:
        first = self.usual_seconds == 0.0
        follows = 1.0 if first else _FOLLOWS
        self.usual_seconds += (pause_seconds - self.usual_seconds) * follows
        self.longest_seconds = max(pause_seconds, self.longest_seconds * _FORGETS)


@dataclass(slots=True, kw_only=True)
class Pace:
    """One answer's."""

    pauses: Pauses
    _heard_at: float | None = field(default=None)

    def heard(self, now: float) -> None:
        """A piece is there. The time is in seconds, of any clock that does not go back."""
        if self._heard_at is not None:
            self.pauses.heard(min(now - self._heard_at, LONGEST_PAUSE_SECONDS))
        self._heard_at = now

    def leaving(self, waiting: int) -> tuple[int, float]:
        """Of so many pieces that wait, how many leave now, and after how many seconds the next."""
        usual = self.pauses.usual_seconds
        wanted = min(MOST_HELD_SECONDS, self.pauses.longest_seconds - usual)
        if usual <= 0.0 or wanted <= usual / 2:
            return waiting, SENDING_SECONDS  # they come evenly
        together = max(1, math.ceil(SENDING_SECONDS / usual))
        too_many = waiting - math.ceil(2 * wanted / usual)
        now = min(waiting, max(together, too_many))
        is_enough = (waiting - now) * usual >= wanted
        return now, together * usual * (_USING if is_enough else _GAINING)
