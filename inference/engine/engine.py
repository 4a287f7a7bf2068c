"""Moves every running sequence forward, a batch a step. No clock of its own, no Redis, no threads.

Not for policy or memory: `scheduler.py` says who runs, `slots.py` where, `prompt.py` what is read.
"""

import secrets
import time
from collections.abc import Callable, Iterable
from uuid import UUID

from inference.engine import sampling
from inference.engine.backend import Aborted, Backend, BackendError, Chosen, Chunk, NoRoom
from inference.engine.limits import EngineLimits
from inference.engine.prompt import PLAIN_TEMPLATE, Prompt, PromptBuilder, TooLong
from inference.engine.replies import choose
from inference.engine.replies.pieces import Part
from inference.engine.scheduler import Scheduler, Turn
from inference.engine.sequence import Sequence, Why
from inference.engine.slots import Slots
from inference.engine.templates.jinja import TemplateRefused
from inference.engine.templates.sandbox import ChildRenderer, Renderer, TrustedRenderer
from inference.engine.text import TextStream
from inference.engine.updates import Over, Read, Said, Update
from inference.protocol import Request

__all__ = ["Engine", "EngineLimits", "Over", "Read", "Said", "Update"]


class Engine:
    """`clock` gives seconds for durations, `wall_clock` unix seconds for deadlines and dates.

    `about_to_run` hears who could be to blame before anything native is done for them: one request
    while its prompt is made, then the sequences of a batch whenever they change.
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
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._wall_clock = wall_clock
        self._new_seed = new_seed
        self._about_to_run = about_to_run
        self._announced: tuple[UUID, ...] = ()
        self._slots = Slots(backend, park_bytes=limits.park_bytes)
        self._scheduler = Scheduler(
            limits, slots=backend.limits.slots, batch_tokens=backend.limits.batch_tokens
        )
        self._trusted: Renderer = TrustedRenderer()
        self._untrusted = renderer
        if renderer is None and backend.vocabulary.template is not None:
            self._untrusted = ChildRenderer()
        self._builder: tuple[str, PromptBuilder] | None = None
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
        self._waiting.append(
            Sequence(request=request, order=self._order, submitted_at=self._clock())
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
        self._pending.extend(self._admit())
        turns = self._scheduler.next_batch(self._running, now=self._clock())
        if turns:
            self._pending.extend(self._run(turns))
        updates, self._pending = self._pending, []
        return updates

    def close(self) -> None:
        """Give everything back. Sequences still aboard end without a word."""
        for sequence in [*self._running, *self._waiting]:
            self._leave(sequence)
        self._trusted.close()
        if self._untrusted is not None:
            self._untrusted.close()
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
        """Slots for those whose turn it is. One new prompt a step: making it takes others' time."""
        free = min(self._slots.free_count, self._most_running - len(self._running))
        chosen = self._scheduler.admissible(
            self._waiting, running=self._running, free_slots=max(0, free)
        )
        updates: list[Update] = []
        for sequence in chosen:
            is_new = not sequence.is_prepared
            if is_new:
                updates.extend(self._prepare(sequence))
            if sequence in self._waiting:
                updates.append(self._start(sequence))
            if is_new:
                break
        return updates

    def _prepare(self, sequence: Sequence) -> list[Update]:
        """Make the prompt. Ends the sequence when there is nothing to run."""
        self._announce((sequence.id,))
        request = sequence.request
        sequence.is_prepared = True
        template, builder = self._builder_for(request)
        said: list[Update] = [Said(sequence.id, request.so_far)] if request.so_far else []
        try:
            prompt = builder.build(request.messages, so_far=request.so_far)
        except TemplateRefused:
            return self._end(sequence, why="failed", detail="template")
        except TooLong:
            if request.so_far and self._fits(builder, request):
                return [*said, *self._end(sequence, why="length")]
            return self._end(sequence, why="failed", detail="too-long")
        self._equip(sequence, prompt, template=template)
        if sequence.max_said == 0:
            return [*said, *self._end(sequence, why="length")]
        return said

    def _equip(self, sequence: Sequence, prompt: Prompt, *, template: str) -> None:
        options = sequence.request.options
        sequence.tokens = list(prompt.tokens)
        sequence.prompt_length = len(prompt.tokens)
        if options.num_predict is not None:
            sequence.max_said = max(0, options.num_predict - prompt.kept_count)
        sequence.text = TextStream(stop=options.stop)
        sequence.splitter = choose.splitter(
            template, is_open=prompt.thinks, has_begun=bool(sequence.request.so_far)
        )
        recipe = sampling.recipe(
            options, seed=self._new_seed(), context_length=self._backend.limits.context_length
        )
        sequence.sampler = self._backend.new_sampler(recipe, history=prompt.tokens)

    def _start(self, sequence: Sequence) -> Update:
        slot = self._slots.take(sequence.id, person=sequence.person, tokens=sequence.tokens)
        self._waiting.remove(sequence)
        self._running.append(sequence)
        sequence.slot = slot
        if sequence.reading_since is None:
            sequence.reading_since = self._clock()
            sequence.cached_count = len(slot.tokens)
        return self._read(sequence)

    def _builder_for(self, request: Request) -> tuple[str, PromptBuilder]:
        source = request.model.template or self._backend.vocabulary.template or PLAIN_TEMPLATE
        if self._builder is None or self._builder[0] != source:
            builder = PromptBuilder(
                self._backend.vocabulary,
                template=source,
                renderer=self._renderer_for(source),
                context_length=self._backend.limits.context_length,
                wall_clock=self._wall_clock,
            )
            self._builder = (source, builder)
        return self._builder

    def _renderer_for(self, source: str) -> Renderer:
        if source == PLAIN_TEMPLATE:
            return self._trusted
        if self._untrusted is None:
            self._untrusted = ChildRenderer()
        return self._untrusted

    def _fits(self, builder: PromptBuilder, request: Request) -> bool:
        """Whether only the kept text is too much: then the context is simply full."""
        try:
            builder.build(request.messages)
        except TooLong:
            return False
        return True

    # ── Running ─────────────────────────────────────────────────────────────────────────────────

    def _run(self, turns: list[Turn]) -> list[Update]:
        self._step += 1
        self._announce(tuple(turn.sequence.id for turn in turns))
        batch = [_chunk(turn) for turn in turns]
        started_at = self._clock()
        try:
            chosen = self._backend.decode(batch)
        except NoRoom:
            return self._make_room(turns)
        except Aborted:
            self._settle(turns)
            return []
        self._scheduler.learn(turns, seconds=self._clock() - started_at)
        tokens = _by_sequence(chosen, batch)
        updates: list[Update] = []
        for turn, chunk in zip(turns, batch, strict=True):
            updates.extend(self._advance(turn.sequence, chunk, token=tokens.get(turn.sequence.id)))
        return updates

    def _advance(self, sequence: Sequence, chunk: Chunk, *, token: int | None) -> list[Update]:
        """What the batch brought to one sequence. No token: it is still reading."""
        sequence.held_slot.tokens.extend(chunk.tokens)
        sequence.last_run = self._step
        is_reading = sequence.said_count == 0
        updates: list[Update] = [self._read(sequence)] if is_reading else []
        if token is None:
            return updates
        if is_reading:
            sequence.writing_since = self._clock()
        return updates + self._say(sequence, token)

    def _say(self, sequence: Sequence, token: int) -> list[Update]:
        sequence.said_count += 1
        sequence.tokens.append(token)
        if self._backend.vocabulary.is_end(token):
            return self._end(sequence, why="done")
        text = sequence.text.feed(self._backend.vocabulary.piece(token))
        updates = _said(sequence, sequence.splitter.feed(text))
        if sequence.text.is_stopped:
            return updates + self._end(sequence, why="done")
        is_full = len(sequence.tokens) >= self._backend.limits.context_length
        if is_full or sequence.said_count == sequence.max_said:
            return updates + self._end(sequence, why="length")
        return updates

    def _read(self, sequence: Sequence) -> Read:
        read = min(sequence.held_count, sequence.prompt_length)
        return Read(sequence.id, read, sequence.prompt_length)

    def _end(self, sequence: Sequence, *, why: Why, detail: str = "") -> list[Update]:
        updates = _said(sequence, sequence.rest())
        stats = sequence.stats(now=self._clock())
        self._leave(sequence)
        return [*updates, Over(sequence.id, why, detail, stats)]

    def _leave(self, sequence: Sequence) -> None:
        """Off board: the slot is free at once, and keeps its content for the same person."""
        if sequence in self._running:
            self._running.remove(sequence)
            self._most_running = min(self._most_running + 1, self._backend.limits.slots)
        else:
            self._waiting.remove(sequence)
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
        if any(turn.token_count > 1 for turn in turns):
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
        self._running.remove(sequence)
        self._waiting.append(sequence)

    def _settle(self, turns: Iterable[Turn]) -> None:
        for turn in turns:
            self._slots.settle(turn.sequence.held_slot)

    def _announce(self, ids: tuple[UUID, ...]) -> None:
        if set(ids) != set(self._announced):
            self._announced = ids
            self._about_to_run(ids)


def _chunk(turn: Turn) -> Chunk:
    sequence = turn.sequence
    slot = sequence.held_slot
    start = len(slot.tokens)
    return Chunk(
        sequence=sequence.id,
        slot=slot.index,
        start=start,
        tokens=sequence.tokens[start : start + turn.token_count],
        sampler=sequence.sampler if turn.token_count == sequence.unread_count else None,
    )


def _by_sequence(chosen: list[Chosen], batch: list[Chunk]) -> dict[UUID, int]:
    """Token by sequence, each proved to be of its own row (B14)."""
    expected = {
        (chunk.sequence, chunk.slot, chunk.start + len(chunk.tokens))
        for chunk in batch
        if chunk.sampler is not None
    }
    rows = {(row.sequence, row.slot, row.position): row.token for row in chosen}
    if rows.keys() != expected or len(rows) != len(chosen):
        raise BackendError("the rows of a batch do not belong to its sequences")
    return {sequence: token for (sequence, _, _), token in rows.items()}


def _said(sequence: Sequence, parts: Iterable[Part]) -> list[Update]:
    return [Said(sequence.id, part.text, part.kind) for part in parts if part.text]
