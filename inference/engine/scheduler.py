"""Who runs next. Pure: waiting and running sequences and the time in, a plan out.

Not for memory or text. Order: lane, then who has least, then age. A step is budgeted by measured
time: one token for everyone who writes, then as much reading as fits below the bound.
"""

from collections import Counter
from collections.abc import Sequence as List
from dataclasses import dataclass

from inference.engine.limits import EngineLimits
from inference.engine.sequence import Sequence

_LEARNING_SHARE = 0.25
_GROWTH = 2


@dataclass(frozen=True, slots=True)
class Turn:
    """This sequence runs this many of its unread tokens in the step."""

    sequence: Sequence
    token_count: int


class Scheduler:
    def __init__(self, limits: EngineLimits, *, slots: int, batch_tokens: int) -> None:
        self._limits = limits
        self._slots = slots
        self._batch_tokens = batch_tokens
        self._pace = _Pace(limits)
        self._served: Counter[str] = Counter()

    def admissible(
        self, waiting: List[Sequence], *, running: List[Sequence], free_slots: int
    ) -> list[Sequence]:
        """Who of the waiting may take a slot now, in order.

        By lane, then the person with fewest running, then the one served least, then age.
        """
        having = Counter(sequence.person for sequence in running)
        cap = self._limits.person_cap(self._slots)
        left = list(waiting)
        chosen: list[Sequence] = []
        while left and len(chosen) < free_slots:
            allowed = [sequence for sequence in left if having[sequence.person] < cap]
            if not allowed:
                break
            best = min(
                allowed,
                key=lambda s: (s.lane, having[s.person], self._served[s.person], s.order),
            )
            left.remove(best)
            chosen.append(best)
            having[best.person] += 1
        return chosen

    def next_batch(self, running: List[Sequence], *, now: float) -> list[Turn]:
        """One step. Suspects run alone; the others take turns with them, so nobody waits long."""
        group = self._group(running)
        writing = [sequence for sequence in group if sequence.unread_count == 1]
        reading = [sequence for sequence in group if sequence.unread_count > 1]
        writing.sort(key=lambda sequence: (sequence.last_run, sequence.order))
        turns = [Turn(sequence, 1) for sequence in writing[: self._batch_tokens]]
        return turns + self._reading_turns(reading, writing_count=len(turns), now=now)

    def learn(self, turns: List[Turn], *, seconds: float) -> None:
        """What a step cost, and who has been served by it."""
        for turn in turns:
            self._served[turn.sequence.person] += turn.token_count
        writing = sum(turn.token_count == 1 for turn in turns)
        reading = sum(turn.token_count for turn in turns if turn.token_count > 1)
        self._pace.learn(writing=writing, reading=reading, seconds=seconds)

    def forget(self, people: List[str]) -> None:
        """Once nobody else is aboard, what people had is of no use to fairness any more."""
        for person in set(self._served) - set(people):
            del self._served[person]

    def shrink(self) -> None:
        """There was no room for that much: read less at once."""
        self._pace.shrink()

    def _group(self, running: List[Sequence]) -> list[Sequence]:
        suspects = [sequence for sequence in running if sequence.is_suspect]
        others = [sequence for sequence in running if not sequence.is_suspect]
        groups = [*([suspect] for suspect in suspects), *([others] if others else [])]
        return min(groups, key=lambda group: max(s.last_run for s in group), default=[])

    def _reading_turns(
        self, reading: List[Sequence], *, writing_count: int, now: float
    ) -> list[Turn]:
        """Short prompts first; waiting counts as having read, so that long ones get their time."""
        left = min(self._pace.chunk(writing=writing_count), self._batch_tokens - writing_count)
        pace = self._pace.tokens_per_second

        def rank(sequence: Sequence) -> tuple[int, float, int]:
            waited = (now - sequence.submitted_at) * pace
            return (sequence.lane, sequence.unread_count - waited, sequence.order)

        turns = []
        for sequence in sorted(reading, key=rank):
            if left < 1:
                break
            count = min(left, sequence.unread_count)
            turns.append(Turn(sequence, count))
            left -= count
        return turns


class _Pace:
    """How long tokens take here, learnt from each step, and how many may be read in the next."""

    def __init__(self, limits: EngineLimits) -> None:
        self._limits = limits
        self._chunk = limits.first_chunk
        self._reading_seconds: float | None = None
        self._writing_seconds = 0.0

    @property
    def tokens_per_second(self) -> float:
        return 1 / self._reading_seconds if self._reading_seconds else 0.0

    def chunk(self, *, writing: int) -> int:
        """Tokens that may be read beside `writing` others within the bound, never quite none."""
        limits = self._limits
        if self._reading_seconds is None:
            return self._chunk
        if writing:
            budget = limits.max_step_seconds - self._writing_seconds
        else:
            budget = limits.max_idle_step_seconds
        affordable = int(budget / self._reading_seconds)
        return max(limits.smallest_chunk, min(affordable, self._chunk * _GROWTH))

    def learn(self, *, writing: int, reading: int, seconds: float) -> None:
        if not reading:
            self._writing_seconds = _blend(self._writing_seconds or seconds, seconds)
            return
        spent = max(seconds - (self._writing_seconds if writing else 0.0), seconds * 0.1)
        each = max(spent / reading, 1e-9)
        # A small chunk tells little of the price of a token: most of it is the price of a step.
        if reading >= self._limits.smallest_chunk or self._reading_seconds is None:
            self._reading_seconds = _blend(self._reading_seconds or each, each)
        self._chunk = max(self._limits.smallest_chunk, reading)

    def shrink(self) -> None:
        self._chunk = max(1, self._chunk // 4)
        self._reading_seconds = None


def _blend(known: float, seen: float) -> float:
    return known + _LEARNING_SHARE * (seen - known)
