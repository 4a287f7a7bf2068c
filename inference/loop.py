"""The runner's main loop: mail in, batches forward, events out. Never waits for Redis.

The threads that do wait are in `runner.py`. The engine is touched here and nowhere else.
"""

import logging
import queue
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import msgspec

from inference import faults, protocol
from inference.deaths import EXIT_DEVICE_LOST, EXIT_NO_MEMORY, EXIT_STEP_FAILED
from inference.engine.backend import BackendError, DeviceLost, OutOfMemory
from inference.engine.updates import Called, Embedded, Over, Read, Said, Scored, Update
from inference.holdings import Holdings
from inference.inbox import Claim
from inference.outbox import Outbox
from inference.thoughts import Thoughts
from inference.waiting import HandBack
from inference.words import Batch, Beat, Mouth

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """A request was taken; `claim` says whether it may begin."""

    claim: Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Somebody pressed Stop."""

    generation_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """This attempt is no longer ours: not one word more."""

    generation_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Take nothing more and end. None: when all is finished. Else within so many seconds."""

    grace_seconds: float | None


Mail = Submit | Stop | Drop | Drain


class StepFailed(RuntimeError):
    """A batch raised, and which of its sequences is to blame cannot be known: end the process."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.exit_status = EXIT_STEP_FAILED
        if isinstance(error, DeviceLost):
            self.exit_status = EXIT_DEVICE_LOST
        if isinstance(error, OutOfMemory | MemoryError):
            self.exit_status = EXIT_NO_MEMORY


class Driven(Protocol):
    """What the loop moves forward: `engine.Engine`, or `embedder.Embedder`."""

    @property
    def is_idle(self) -> bool: ...
    def submit(self, request: protocol.Request) -> None: ...
    def stop(self, generation_id: UUID) -> None: ...
    def drop(self, generation_id: UUID) -> None: ...
    def step(self) -> list[Update]: ...
    def close(self) -> None: ...


class Loop:
    """`run` returns when it was asked to drain and nothing is held any more."""

    def __init__(
        self,
        *,
        name: str,
        queue_name: str,
        make_engine: Callable[[Callable[[tuple[UUID, ...]], None]], Driven],
        holdings: Holdings,
        outbox: Outbox,
        mouth: Mouth,
        beat_seconds: float,
        load_ns: int,
        on_drain: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.mail: queue.SimpleQueue[Mail] = queue.SimpleQueue()
        self._name = name
        self._queue_name = queue_name
        self._engine = make_engine(self._about_to_run)
        self._holdings = holdings
        self._outbox = outbox
        self._mouth = mouth
        self._beat_seconds = beat_seconds
        self._load_ns = load_ns
        self._on_drain = on_drain
        self._clock = clock
        self._steps = 0
        self._beaten_at = clock()
        self._current: dict[UUID, int] = {}  # attempt by generation: what the engine has
        self._begun: set[UUID] = set()  # of those, whose first event is said
        self._thoughts = Thoughts()
        self._is_draining = False
        self._is_handing_back = False
        self._give_up_at: float | None = None

    def run(self, is_taking_over: Callable[[], bool]) -> None:
        """Go round until drained; `is_taking_over` says that no more mail can come."""
        while not self._is_finished(is_taking_over):
            self._read_mail()
            if self._outbox.is_full:
                self._outbox.wait_for_room(wait_seconds=self._beat_seconds)
            elif not self._engine.is_idle:
                self._step()
            self._outbox.flush()
            self._beat()
            self._give_up_if_due()
        self._engine.close()

    def _is_finished(self, is_taking_over: Callable[[], bool]) -> bool:
        if not self._is_draining or not is_taking_over() or not self.mail.empty():
            return False
        if self._holdings.is_empty and self._engine.is_idle:
            return True
        # Redis is away for good: what is left is found by its lease.
        return self._give_up_at is not None and self._clock() > self._give_up_at + 5

    def _read_mail(self) -> None:
        """All that is there; waits for some only when there is nothing else to do."""
        is_waiting = self._engine.is_idle
        while True:
            try:
                mail = self.mail.get(block=is_waiting, timeout=self._beat_seconds)
            except queue.Empty:
                return
            is_waiting = False
            self._handle(mail)

    def _handle(self, mail: Mail) -> None:
        match mail:
            case Submit(claim=claim):
                self._begin(claim)
            case Stop(generation_id=generation_id):
                if generation_id in self._current:
                    self._engine.stop(generation_id)
            case Drop(generation_id=generation_id, attempt=attempt):
                # Once more: it may have been opened after whoever lost the lease closed it.
                self._outbox.drop(generation_id, attempt=attempt)
                if self._current.get(generation_id) == attempt:
                    self._expel(generation_id)
            case Drain(grace_seconds=grace_seconds):
                self._drain(grace_seconds)

    def _begin(self, claim: Claim) -> None:
        request = claim.request
        generation_id = request.generation_id
        self._expel(generation_id)  # an earlier attempt that we lost and took again
        self._outbox.open(generation_id, attempt=request.attempt, number=claim.first_number)
        if self._is_handing_back and not claim.is_stopped:
            self._hand_back(generation_id, score=claim.score)
            return
        if claim.is_stopped or claim.is_expired:
            self._tell_begun(generation_id)
            why = "stopped" if claim.is_stopped else "failed"
            self._end_unbegun(request, why=why)
            return
        self._current[generation_id] = request.attempt
        try:
            self._engine.submit(request)
        except Exception as error:  # noqa: BLE001 - one request must not end the others
            self._log_failure("submit", error)
            self._end(generation_id, protocol.End(why="failed", detail="engine"))
            self._expel(generation_id)

    def _tell_begun(self, generation_id: UUID) -> None:
        """Once, and not before the engine works on it: until then it is honestly waiting."""
        if generation_id not in self._begun:
            self._begun.add(generation_id)
            self._outbox.put(generation_id, protocol.Taken(runner=self._name))

    def _end_unbegun(self, request: protocol.Request, *, why: str) -> None:
        """The text of earlier attempts stays: who follows this attempt has only its own events."""
        if request.so_far:
            self._outbox.put(request.generation_id, protocol.Piece(text=request.so_far))
        end = (
            protocol.End(why="stopped")
            if why == "stopped"
            else protocol.End(why="failed", detail="expired")
        )
        self._end(request.generation_id, end)

    def _step(self) -> None:
        faults.at("step.before")
        try:
            updates = self._engine.step()
        except Exception as error:  # noqa: BLE001 - handled, or raised again, by `_blame`
            self._log_failure("step", error)
            updates = self._blame(error)
        faults.at("step.after")
        self._steps += 1
        for update in updates:
            self._publish(update)

    def _blame(self, error: Exception) -> list[Update]:
        """Fail the only one aboard. With others, who might be harmed, the process must end."""
        if isinstance(error, BackendError | MemoryError) or len(self._current) != 1:
            raise StepFailed(error) from error
        (generation_id,) = self._current
        self._end(generation_id, protocol.End(why="failed", detail="engine"))
        self._expel(generation_id)
        return []

    def _publish(self, update: Update) -> None:
        self._tell_begun(update.generation_id)
        match update:
            case Said(generation_id=generation_id, text=text, kind=kind, logprobs=logprobs):
                self._speak(generation_id, protocol.Piece(text=text, kind=kind, logprobs=logprobs))
                self._thoughts.heard(generation_id, kind, text, now=self._clock())
            case Called(generation_id=generation_id, call=call):
                self._speak(generation_id, protocol.Called(call=call))
                self._thoughts.heard(generation_id, "answer", call.name, now=self._clock())
            case Embedded(generation_id=generation_id, first=first, vectors=vectors):
                self._speak(generation_id, protocol.Vectors(first=first, vectors=vectors))
            case Scored(generation_id=generation_id, scores=scores):
                self._speak(generation_id, protocol.Scores(scores=scores))
            case Read(generation_id=generation_id, read_tokens=read, prompt_tokens=total):
                faults.at("prefill.chunk")
                self._outbox.put(
                    generation_id, protocol.Reading(read_tokens=read, prompt_tokens=total)
                )
            case Over(generation_id=generation_id, stats=stats):
                thinking_ns = self._thoughts.taken(generation_id, now=self._clock())
                stats = msgspec.structs.replace(stats, thinking_ns=thinking_ns)
                if self._load_ns:
                    stats = msgspec.structs.replace(stats, load_ns=self._load_ns)
                    self._load_ns = 0  # the first answer paid for the loading
                self._current.pop(generation_id, None)
                self._end(generation_id, _end_of(update, stats=stats))

    def _speak(self, generation_id: UUID, event: protocol.Event) -> None:
        self._holdings.spoke(generation_id)
        self._outbox.put(generation_id, event)

    def _expel(self, generation_id: UUID) -> None:
        """Out of the engine, without an end."""
        self._thoughts.taken(generation_id, now=self._clock())
        self._begun.discard(generation_id)
        if self._current.pop(generation_id, None) is not None:
            self._engine.drop(generation_id)

    def _end(self, generation_id: UUID, end: protocol.End) -> None:
        self._tell_begun(generation_id)
        self._begun.discard(generation_id)
        self._outbox.put(generation_id, end)
        self._outbox.flush()
        self._holdings.finish(generation_id)

    def _drain(self, grace_seconds: float | None) -> None:
        self._is_draining = True
        self._on_drain()
        if grace_seconds is None:
            return
        self._is_handing_back = True
        self._give_up_at = self._clock() + grace_seconds
        for generation_id, score in self._holdings.untouched().items():
            if generation_id not in self._current:
                continue  # still in the mail: handed back when it is read
            self._expel(generation_id)
            self._hand_back(generation_id, score=score)

    def _hand_back(self, generation_id: UUID, *, score: float) -> None:
        self._outbox.put(generation_id, HandBack(queue=self._queue_name, score=score))
        self._outbox.flush()
        self._holdings.finish(generation_id)

    def _give_up_if_due(self) -> None:
        """The grace is over: what is still being said is kept and marked, honestly."""
        if self._give_up_at is None or self._clock() < self._give_up_at:
            return
        for generation_id in tuple(self._current):
            self._end(generation_id, protocol.End(why="interrupted", detail="died"))
            self._expel(generation_id)

    def _about_to_run(self, generation_ids: tuple[UUID, ...]) -> None:
        self._mouth.say(Batch(generation_ids=generation_ids))

    def _beat(self) -> None:
        now = self._clock()
        if now - self._beaten_at >= self._beat_seconds:
            self._beaten_at = now
            self._mouth.murmur(Beat(steps=self._steps, running=len(self._current)))

    @staticmethod
    def _log_failure(where: str, error: Exception) -> None:
        """Where it happened, not what it said: an error may quote a prompt (threat F21)."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error("%s: %s at %s:%s", where, type(error).__name__, place.filename, place.lineno)


def _end_of(over: Over, *, stats: protocol.Stats) -> protocol.End:
    return protocol.End(
        why=over.why, detail=over.detail, words=over.words, stats=stats, context=over.context
    )
