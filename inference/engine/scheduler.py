"""Who runs next. Pure: waiting and running sequences and the time in, a plan out.

Not for memory or text, nor for what a step costs (`pace.py`). Order: lane, then who has least, then
age. A step is budgeted by measured time: one token for everyone who writes and what guesses pay
for themselves, then as much reading as fits below the bound. Whose weight is 2 may have, and be
served, twice as much as others.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from collections.abc import Sequence as List
from dataclasses import dataclass

from inference.engine.backend import Limits
from inference.engine.limits import EngineLimits
from inference.engine.pace import Load, Pace
from inference.engine.sequence import Sequence

_GROWTH = 2
# After a batch found no room, nothing is guessed for so many steps.
_STEPS_WITHOUT_GUESSES = 64
# Who has so many more answers running than one who waits gives one of them up.
_GREEDY_BY = 2


@dataclass(frozen=True, slots=True)
class Turn:
    """This sequence runs this many of its unread tokens in the step, and the guesses after them."""

    sequence: Sequence
    token_count: int
    guesses: tuple[int, ...] = ()

    @property
    def is_writing(self) -> bool:
        return self.token_count == 1

    @property
    def row_count(self) -> int:
        return self.token_count + len(self.guesses)


class Scheduler:
    def __init__(self, limits: EngineLimits, *, model: Limits) -> None:
        self._limits = limits
        self._model = model
        self._batch_tokens = model.batch_tokens
        self._most_guesses = limits.max_draft if model.can_cut else 0
        self._unguessed_steps = 0
        self._pace = Pace()
        self._chunk = limits.first_chunk
        self._served: defaultdict[str, float] = defaultdict(float)
        self._only_read = False
        self._gave_way_at: float | None = None

    @property
    def computation_seconds(self) -> float:
        """What it costs that a batch falls apart once more."""
        return self._pace.computation_seconds

    # ── Who gets a slot ─────────────────────────────────────────────────────────────────────────

    def admissible(
        self, waiting: List[Sequence], *, running: List[Sequence], free_slots: int
    ) -> list[Sequence]:
        """Who of the waiting may take a slot now, in order.

        By lane, then the person with fewest running, then the one served least, then age.
        """
        self._greet(sequence.person for sequence in [*running, *waiting])
        having = Counter(sequence.person for sequence in running)
        cap = self._limits.person_cap(self._model.slots)
        left = list(waiting)
        chosen: list[Sequence] = []
        while left and len(chosen) < free_slots:
            allowed = [sequence for sequence in left if having[sequence.person] < cap]
            if not allowed:
                break
            best = min(
                allowed,
                key=lambda s: (
                    s.lane,
                    having[s.person] / s.weight,
                    self._served[s.person],
                    s.order,
                ),
            )
            left.remove(best)
            chosen.append(best)
            having[best.person] += 1
        return chosen

    def gives_way(
        self, waiting: List[Sequence], *, running: List[Sequence], now: float
    ) -> Sequence | None:
        """Who must leave its slot to the one whose turn it is, when there is no free one.

        Only for a better lane, or from one person's many answers; only after a wait, only from
        those who have had their time, and not often: parking must not become all that is done.
        """
        limits = self._limits
        rested = self._gave_way_at is None or now - self._gave_way_at >= limits.give_way_seconds
        late = [s for s in waiting if now - s.waiting_since >= limits.patience_seconds]
        best = self.admissible(late, running=running, free_slots=1) if rested else []
        if not best:
            return None
        having = Counter(sequence.person for sequence in running)
        giving = [
            sequence
            for sequence in running
            if now - sequence.running_since >= limits.least_run_seconds
            and _is_less(sequence, best[0], having=having)
        ]
        if not giving:
            return None
        self._gave_way_at = now
        return max(
            giving,
            key=lambda s: (s.lane, having[s.person] / s.weight, self._served[s.person], s.order),
        )

    def charge(self, sequence: Sequence, *, seconds: float) -> None:
        """What took so long for it beside the batches counts as so much reading."""
        reading = seconds * self._pace.reading_per_second
        self._served[sequence.person] += reading / sequence.weight

    def forget(self, people: List[str]) -> None:
        """Once nobody else is aboard, what people had is of no use to fairness any more."""
        for person in set(self._served) - set(people):
            del self._served[person]

    def _greet(self, people: Iterable[str]) -> None:
        """Who comes anew has had as much as the one who had least: no claim on the past."""
        new = {person for person in people if person not in self._served}
        least = min(self._served.values(), default=0)
        for person in new:
            self._served[person] = least

    # ── What a step does ────────────────────────────────────────────────────────────────────────

    def next_batch(self, running: List[Sequence], *, now: float) -> list[Turn]:
        """One step. Suspects run alone; the others take turns with them, so nobody waits long."""
        group = self._group(running)
        writing = [sequence for sequence in group if sequence.unread_count == 1]
        reading = [sequence for sequence in group if sequence.unread_count > 1]
        reading.sort(key=lambda sequence: self._rank(sequence, now=now))
        at_once = self._whole_reads(reading) if writing else []
        self._only_read = bool(at_once) and not self._only_read
        if self._only_read:
            return at_once
        writing.sort(key=lambda sequence: (sequence.lane, sequence.last_run, sequence.order))
        turns = self._writing_turns(writing[: self._batch_tokens], is_anybody_reading=bool(reading))
        soon = {turn.sequence.id for turn in at_once}
        return turns + self._reading_turns(
            [sequence for sequence in reading if sequence.id not in soon],
            writing_count=sum(turn.row_count for turn in turns),
        )

    def learn(self, turns: List[Turn], *, computations: int, seconds: float) -> None:
        """What a step cost, and who has been served by it."""
        for turn in turns:
            self._served[turn.sequence.person] += turn.token_count / turn.sequence.weight
        writing = sum(turn.row_count for turn in turns if turn.is_writing)
        reading = sum(turn.token_count for turn in turns if not turn.is_writing)
        if reading:
            # What went once goes again: the short rest of a prompt says nothing of the next one.
            self._chunk = max(self._limits.smallest_chunk, self._chunk, reading)
        # A small chunk tells little of the price of a token: most of it is the price of a step.
        if not 0 < reading < self._limits.smallest_chunk or not self._pace.knows_reading:
            load = Load(computations=computations, writing=writing, reading=reading)
            self._pace.learn(load, seconds=seconds)

    def shrink(self) -> None:
        """There was no room for that much: guess nothing for a while, and read less at once."""
        self._unguessed_steps = _STEPS_WITHOUT_GUESSES
        self._chunk = max(1, self._chunk // 4)
        self._pace.forget_reading()

    def stop_guessing(self) -> None:
        """What was guessed wrong could not be taken back."""
        self._most_guesses = 0

    def _group(self, running: List[Sequence]) -> list[Sequence]:
        suspects = [sequence for sequence in running if sequence.is_suspect]
        others = [sequence for sequence in running if not sequence.is_suspect]
        groups = [*([suspect] for suspect in suspects), *([others] if others else [])]
        return min(groups, key=lambda group: max(s.last_run for s in group), default=[])

    def _writing_turns(self, writing: List[Sequence], *, is_anybody_reading: bool) -> list[Turn]:
        """One token each, and guesses where a right one saves more time than a wrong one costs.

        Beside reading it saves none: the step is full anyway.
        """
        self._unguessed_steps = max(0, self._unguessed_steps - 1)
        may_guess = self._most_guesses and not self._unguessed_steps and not is_anybody_reading
        if not writing or not may_guess:
            return [Turn(sequence, 1) for sequence in writing]
        price = self._pace.price_of_guesses(writing=len(writing))
        bound = self._pace.writable(writing=len(writing), seconds=self._limits.max_step_seconds)
        left = min(bound, self._batch_tokens - len(writing))
        turns = []
        for sequence in writing:
            most = min(left, self._most_guesses, self._room(sequence))
            guesses = tuple(sequence.guess(most=most, price=price))
            turns.append(Turn(sequence, 1, guesses))
            left -= len(guesses)
        return turns

    def _room(self, sequence: Sequence) -> int:
        """How many tokens may follow the next one, as far as lengths go."""
        room = self._model.context_length - len(sequence.tokens) - sequence.spare_cells - 1
        if sequence.max_said is not None:
            room = min(room, sequence.max_said - sequence.said_count - 1)
        return max(0, room)

    def _rank(self, sequence: Sequence, *, now: float) -> tuple[int, float, int]:
        """Short prompts first; waiting counts as having read, so that long ones get their time."""
        waited = (now - sequence.submitted_at) * self._pace.reading_per_second
        return (sequence.lane, sequence.unread_count - waited, sequence.order)

    def _whole_reads(self, reading: List[Sequence]) -> list[Turn]:
        """What can be read to its end in one bounded step, while those who write wait for it.

        Read bit by bit beside others, a question would take longer and hold up as many steps as it
        has bits: one late token now and then is felt less.
        """
        if not self._pace.knows_reading:
            return []
        seconds = self._limits.whole_read_seconds
        left = min(self._pace.readable(writing=0, seconds=seconds), self._batch_tokens)
        turns = []
        for sequence in reading:
            count = sequence.unread_count
            if count <= left and sequence.readable(count) == count:
                turns.append(Turn(sequence, count))
                left -= count
        return turns

    def _reading_turns(self, reading: List[Sequence], *, writing_count: int) -> list[Turn]:
        left = min(self._readable(writing_count), self._batch_tokens - writing_count)
        turns = []
        for sequence in reading:
            if left < 1:
                break
            count = sequence.readable(left)
            turns.append(Turn(sequence, count))
            left -= count
        return turns

    def _readable(self, writing: int) -> int:
        """Tokens that may be read beside `writing` others within the bound, never quite none."""
        limits = self._limits
        if not self._pace.knows_reading:
            return self._chunk
        if not writing:
            seconds = limits.max_idle_step_seconds
        else:
            alone = self._pace.seconds(Load(computations=1, writing=writing, reading=0))
            seconds = max(limits.max_step_seconds, alone * (1 + limits.least_reading_share))
        affordable = self._pace.readable(writing=writing, seconds=seconds)
        return max(limits.smallest_chunk, min(affordable, self._chunk * _GROWTH))


def _is_less(running: Sequence, waiting: Sequence, *, having: Counter[str]) -> bool:
    """Whether the one who waits has so much more right to the slot that it is taken away."""
    if running.lane != waiting.lane:
        return running.lane > waiting.lane

    def share(sequence: Sequence) -> float:
        return having[sequence.person] / sequence.weight

    return share(running) >= share(waiting) + _GREEDY_BY
