"""Moves every running sequence forward, a batch a step. No clock of its own, no Redis, no threads.

Not for policy or memory: `scheduler.py` says who runs, `slots.py` where, `preparing.py` what is
read, `speaking.py` what is said. What takes long beside a batch is done in threads of `beside.py`.
"""

import secrets
import time
from collections.abc import Callable, Iterable
from uuid import UUID

from inference.engine import batches, beside, shelf, speaking, waiting
from inference.engine.backend import Aborted, Backend, Chosen, Chunk, NoRoom
from inference.engine.blame import Blame
from inference.engine.composing import Composing
from inference.engine.gathering import Gatherer
from inference.engine.limits import EngineLimits
from inference.engine.preparing import Made, Preparer, Unprepared
from inference.engine.scheduler import Scheduler, Turn
from inference.engine.seeing import Seeing
from inference.engine.sequence import Sequence, Why
from inference.engine.slots import Slots
from inference.engine.templates.sandbox import Renderer
from inference.engine.updates import Over, Read, Said, Update
from inference.protocol import Request

# As long as a step waits for new prompts: usual ones are made in it, long ones beside the next.
_COMPOSING_SECONDS = 0.01

__all__ = ["Engine", "EngineLimits", "Over", "Read", "Said", "Update"]


class Engine:
    """`clock` gives seconds for durations, `wall_clock` unix seconds for deadlines and dates.

    `about_to_run` hears who could be to blame before anything native is done for them: one request
    while its prompt is made, then the sequences of a batch whenever they change. `new_executor`
    makes the thread for each kind of work that is done beside the steps.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        clock: Callable[[], float],
        limits: EngineLimits,
        about_to_run: Callable[[tuple[UUID, ...]], None],
        wall_clock: Callable[[], float] = time.time,
        new_seed: Callable[[], int] = lambda: secrets.randbelow(2**32 - 1),
        renderer: Renderer | None = None,
        new_executor: beside.NewExecutor = beside.one_thread,
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._wall_clock = wall_clock
        self._blame = Blame(about_to_run)
        self._slots = Slots(
            backend,
            park_bytes=limits.park_bytes,
            shelf=shelf.opened(limits.park_directory, budget_bytes=limits.park_disk_bytes),
        )
        self._scheduler = Scheduler(limits, model=backend.limits)
        self._gatherer = Gatherer(
            self._slots, clock=clock, most_seconds=limits.max_step_seconds / 2
        )
        self._preparer = Preparer(
            backend, wall_clock=wall_clock, new_seed=new_seed, renderer=renderer
        )
        self._composing = Composing(
            self._preparer,
            clock=clock,
            about_to_compose=lambda sequence: self._announce((sequence.id,)),
            new_executor=new_executor,
        )
        self._seeing = Seeing(
            backend.eyes,
            about_to_look=lambda sequence: self._announce((sequence.id,)),
            new_executor=new_executor,
        )
        self._waiting: list[Sequence] = []
        self._running: list[Sequence] = []
        self._pending: list[Update] = []
        self._most_running = backend.limits.slots
        self._order = 0
        self._step = 0

    @property
    def is_idle(self) -> bool:
        return not (self._waiting or self._running or self._pending)

    @property
    def running_count(self) -> int:
        """Everybody aboard, waiting for a slot or in one."""
        return len(self._waiting) + len(self._running)

    @property
    def free_slots(self) -> int:
        """How many more requests would get a slot at once."""
        return max(0, self._most_running - self.running_count)

    def submit(self, request: Request) -> None:
        """Take the request aboard; the next steps work on it. A second time changes nothing."""
        if self._find(request.generation_id) is not None:
            return
        self._order += 1
        now = self._clock()
        self._waiting.append(
            Sequence(request=request, order=self._order, submitted_at=now, waiting_since=now)
        )

    def stop(self, generation_id: UUID) -> None:
        """End it and keep what was said: the next step returns its end. Unknown ids are ignored."""
        sequence = self._find(generation_id)
        if sequence is not None:
            self._pending.extend(self._end(sequence, why="stopped"))

    def drop(self, generation_id: UUID) -> None:
        """Forget it without a word: somebody else answers now."""
        sequence = self._find(generation_id)
        if sequence is not None:
            self._leave(sequence)
        self._pending = [
            update for update in self._pending if update.generation_id != generation_id
        ]

    def step(self) -> list[Update]:
        """Run one batch. Returns what happened since the last step, in order.

        Should it raise, nothing that happened is lost: after `drop` of whoever is to blame, the
        next step goes on.
        """
        self._pending.extend(self._expire())
        self._pending.extend(self._look())
        self._pending.extend(self._take_in())
        self._make_way()
        self._pending.extend(self._admit())
        self._gather()
        able = self._seeing.runnable(self._composing.runnable(self._running))
        turns = self._scheduler.next_batch(able, now=self._clock())
        if turns:
            self._pending.extend(self._run(turns))
        elif not self._pending:
            self._wait()
        updates, self._pending = self._pending, []
        return updates

    def close(self) -> None:
        """Give everything back. Sequences still aboard end without a word."""
        for sequence in [*self._running, *self._waiting]:
            self._leave(sequence)
        self._composing.close()
        self._seeing.close()
        self._slots.close()
        self._backend.close()

    def _find(self, generation_id: UUID) -> Sequence | None:
        aboard = [*self._running, *self._waiting]
        return next((sequence for sequence in aboard if sequence.id == generation_id), None)

    def _expire(self) -> list[Update]:
        """Nobody wants an answer any more that has not begun by its deadline."""
        now = self._wall_clock()
        late = [s for s in self._waiting if not s.is_prepared and s.request.expires_at <= now]
        updates: list[Update] = []
        for sequence in late:
            updates.extend(self._end(sequence, why="failed", detail="expired"))
        return updates

    # ── Taking in ───────────────────────────────────────────────────────────────────────────────

    def _admit(self) -> list[Update]:
        """Slots for those whose turn it is, and prompts for those of them who have none yet."""
        chosen = self._scheduler.admissible(
            [sequence for sequence in self._waiting if not self._must_wait(sequence)],
            running=self._running,
            free_slots=self._startable_count,
        )
        updates: list[Update] = []
        until = self._clock() + _COMPOSING_SECONDS
        for sequence in chosen:
            if self._is_in_the_making(sequence):
                continue  # since another of the same person was begun just now
            if not sequence.is_prepared:
                updates.extend(self._ready(sequence, until=until))
            is_ready = sequence.is_prepared and sequence in self._waiting
            if is_ready and not self._must_wait(sequence):
                updates.append(self._start(sequence))
        return updates

    def _ready(self, sequence: Sequence, *, until: float) -> list[Update]:
        """What it needs to run: a prompt first, and when there is one, the rest."""
        if sequence.tokens:
            return self._prepare(sequence)
        left = until - self._clock()
        if left >= 0:
            self._composing.begin(sequence, running=self._running, step=self._step, seconds=left)
        return self._take_in()

    def _take_in(self) -> list[Update]:
        """The prompt that has been made beside the engine, if one has."""
        done = self._composing.finished()
        if done is None:
            return []
        composed = done.result.result()
        self._scheduler.charge(done.sequence, seconds=composed.seconds)
        return self._prepare(done.sequence, composed.made)

    def _look(self) -> list[Update]:
        """Pictures are looked at in a thread of their own; the others go on meanwhile."""
        updates: list[Update] = []
        for unseen in self._seeing.go_on(self._waiting, running=self._running):
            end = self._end(unseen.sequence, why="failed", detail="image", words=unseen.words)
            updates.extend(end)
        return updates

    def _wait(self) -> None:
        """A moment at most, for what is done beside the engine and nobody can go on without."""
        beside.wait_a_moment(
            [*self._composing.results, *self._seeing.results, *waiting.grammars(self._waiting)]
        )

    def _must_wait(self, sequence: Sequence) -> bool:
        return self._is_in_the_making(sequence) or self._is_being_read(sequence)

    def _is_in_the_making(self, sequence: Sequence) -> bool:
        is_composed = self._composing.sequence is sequence
        is_awaited = is_composed or sequence.is_being_made or self._seeing.is_awaited(sequence)
        return is_awaited or waiting.is_behind_own(sequence, self._waiting)

    def _is_being_read(self, sequence: Sequence) -> bool:
        """Whether much of it will be known soon: then it waits for that instead of reading too."""
        if not sequence.is_prepared or not any(other.is_reading for other in self._running):
            return False
        known = self._slots.known(
            person=sequence.person, tokens=sequence.tokens, shared=sequence.shared_count
        )
        return waiting.is_being_read(sequence, self._running, known=known)

    @property
    def _startable_count(self) -> int:
        return max(0, min(self._slots.free_count, self._most_running - len(self._running)))

    def _make_way(self) -> None:
        """Who waits and has the better right gets the slot of another, which goes on later."""
        if not self._waiting or self._startable_count:
            return
        ready = [sequence for sequence in self._waiting if not self._is_in_the_making(sequence)]
        giving = self._scheduler.gives_way(ready, running=self._running, now=self._clock())
        if giving is not None:
            self._give_way(giving)

    def _prepare(self, sequence: Sequence, made: Made | Unprepared | None = None) -> list[Update]:
        """Fill in what was made. Ends the sequence when there is nothing to run."""
        self._announce((sequence.id,))
        said = speaking.so_far(sequence)
        try:
            self._preparer.prepare(sequence, made)
        except Unprepared as refusal:
            end = self._end(sequence, why=refusal.why, detail=refusal.detail, words=refusal.words)
            return [*said, *end]
        if sequence.max_said == 0:
            return [*said, *self._end(sequence, why="length")]
        return said

    def _start(self, sequence: Sequence) -> Update:
        slot = self._slots.take(
            sequence.id,
            person=sequence.person,
            tokens=sequence.tokens,
            shared=sequence.shared_count,
        )
        self._waiting.remove(sequence)
        self._running.append(sequence)
        sequence.slot = slot
        sequence.running_since = self._clock()
        if sequence.reading_since is None:
            sequence.reading_since = sequence.running_since
            sequence.cached_count = len(slot.tokens)
        return self._read(sequence)

    # ── Running ─────────────────────────────────────────────────────────────────────────────────

    def _gather(self) -> None:
        if self._backend.limits.can_cut and not self._backend.limits.window:
            writing = [s.held_slot for s in self._running if not s.is_reading]
            self._gatherer.gather(writing, seconds_each=self._scheduler.computation_seconds)

    def _run(self, turns: list[Turn]) -> list[Update]:
        self._step += 1
        self._announce(tuple(turn.sequence.id for turn in turns))
        batch = [batches.chunk_of(turn) for turn in turns]
        started_at = self._clock()
        try:
            chosen = self._backend.decode(batch)
        except NoRoom:
            return self._make_room(turns)
        except Aborted:
            self._settle(turns)
            return []
        self._scheduler.learn(
            turns, computations=batches.computations(batch), seconds=self._clock() - started_at
        )
        rows = batches.by_sequence(chosen, batch)
        updates: list[Update] = []
        for turn, chunk in zip(turns, batch, strict=True):
            updates.extend(
                self._advance(turn.sequence, chunk, chosen=rows.get(turn.sequence.id, []))
            )
        return updates

    def _advance(self, sequence: Sequence, chunk: Chunk, *, chosen: list[Chosen]) -> list[Update]:
        """What the batch brought to one sequence. Nothing chosen: it is still reading."""
        self._slots.extend(sequence.held_slot, chunk.certain)
        sequence.last_run = self._step
        is_reading = sequence.said_count == 0
        updates: list[Update] = [self._read(sequence)] if is_reading else []
        if chosen and is_reading:
            sequence.writing_since = self._clock()
        for number, row in enumerate(chosen):
            if number:  # the one before it was guessed right, and has been read already
                self._slots.extend(sequence.held_slot, [chosen[number - 1].token])
            updates.extend(self._say(sequence, row))
            if sequence.slot is None:
                return updates
        if chunk.drafted:
            self._take_back(sequence)
        return updates

    def _take_back(self, sequence: Sequence) -> None:
        """Wrong guesses out of the memory. One that cannot do that is given none again."""
        held = sequence.held_count
        self._slots.settle(sequence.held_slot)
        if sequence.held_count < held:
            self._scheduler.stop_guessing()

    def _say(self, sequence: Sequence, chosen: Chosen) -> list[Update]:
        updates, ending = speaking.say(
            sequence, chosen, vocabulary=self._backend.vocabulary, limits=self._backend.limits
        )
        if ending is None:
            return updates
        return updates + self._end(sequence, why=ending.why, detail=ending.detail)

    def _read(self, sequence: Sequence) -> Read:
        read = min(sequence.held_count, sequence.prompt_length)
        return Read(sequence.id, read, sequence.prompt_length)

    def _end(
        self, sequence: Sequence, *, why: Why, detail: str = "", words: str = ""
    ) -> list[Update]:
        ending, known = speaking.Ending(why, detail, words), self._backend.vocabulary
        updates = speaking.end(sequence, ending, now=self._clock(), vocabulary=known)
        self._leave(sequence)
        return updates

    def _leave(self, sequence: Sequence) -> None:
        """Off board: the slot is free at once, and keeps its content for the same person."""
        if sequence in self._running:
            self._running.remove(sequence)
            self._most_running = min(self._most_running + 1, self._backend.limits.slots)
        else:
            self._waiting.remove(sequence)
        self._composing.forget(sequence)
        self._seeing.forget(sequence)
        if sequence.slot is not None:
            self._slots.release(sequence.slot)
            sequence.slot = None
        if sequence.sampler is not None:
            sequence.sampler.close()
            sequence.sampler = None
        self._scheduler.forget([s.person for s in [*self._running, *self._waiting]])

    # ── When something is short ─────────────────────────────────────────────────────────────────

    def _make_room(self, turns: list[Turn]) -> list[Update]:
        """Read less at once; else the last in order gives way; else the only one has no room."""
        self._settle(turns)
        if any(turn.row_count > 1 for turn in turns):
            self._scheduler.shrink()
            return []
        if len(self._running) == 1:
            return self._end(self._running[0], why="failed", detail="no-room")
        self._give_way(max(self._running, key=lambda s: (s.lane, s.order)))
        self._most_running = len(self._running)
        return []

    def _give_way(self, sequence: Sequence) -> None:
        """Back to waiting, its memory parked. It goes on later as if nothing had been."""
        self._slots.park(sequence.held_slot)
        sequence.slot = None
        sequence.waiting_since = self._clock()
        self._running.remove(sequence)
        self._waiting.append(sequence)

    def _settle(self, turns: Iterable[Turn]) -> None:
        for turn in turns:
            self._slots.settle(turn.sequence.held_slot)

    def _announce(self, ids: tuple[UUID, ...]) -> None:
        self._blame.falls_on(ids, beside=(self._composing.sequence, self._seeing.sequence))
