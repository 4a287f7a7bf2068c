"""Which requests one runner holds, shared by its threads. Knows nothing of Redis or the engine."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from inference.words import Let, Mouth, Took

REMEMBERED_STOPS = 4_096


@dataclass(slots=True, kw_only=True)
class _Held:
    attempt: int
    score: float
    lane: int
    is_running: bool = True
    has_spoken: bool = False


class Holdings:
    """Every attempt from its taking to its last event. The supervisor is told of both ends."""

    def __init__(self, mouth: Mouth, *, slots: int) -> None:
        self._mouth = mouth
        self._slots = slots
        self._held: dict[UUID, _Held] = {}
        self._stopped: OrderedDict[UUID, None] = OrderedDict()
        self._changed = threading.Condition()

    def announce(self, generation_id: UUID, *, attempt: int, model_name: str) -> None:
        """Before the lease: whatever happens from here on, a death report will name it."""
        self._mouth.say(Took(generation_id=generation_id, attempt=attempt, model_name=model_name))

    def retract(self, generation_id: UUID, *, attempt: int) -> None:
        """The lease was another's after all."""
        with self._changed:
            held = self._held.get(generation_id)
            if held is not None and held.attempt == attempt:
                return
        self._mouth.say(Let(generation_id=generation_id, attempt=attempt))

    def add(self, generation_id: UUID, *, attempt: int, score: float, lane: int = 0) -> bool:
        """Hold it. True when it was stopped in the moment between its taking and now.

        Lane 0 is served first.
        """
        with self._changed:
            self._held[generation_id] = _Held(attempt=attempt, score=score, lane=lane)
            return generation_id in self._stopped

    def stop(self, generation_id: UUID) -> bool:
        """True when it is held. If not, the stop is remembered: it may be on its way here."""
        with self._changed:
            if generation_id in self._held:
                return True
            self._stopped[generation_id] = None
            while len(self._stopped) > REMEMBERED_STOPS:
                self._stopped.popitem(last=False)
            return False

    def spoke(self, generation_id: UUID) -> None:
        with self._changed:
            if generation_id in self._held:
                self._held[generation_id].has_spoken = True

    def finish(self, generation_id: UUID) -> None:
        """The engine is done with it: its place is free, its last events are still to be sent."""
        with self._changed:
            if generation_id in self._held:
                self._held[generation_id].is_running = False
            self._changed.notify_all()

    def release(self, generation_id: UUID, *, attempt: int) -> None:
        """Held no longer. Of another attempt, or a second time: nothing happens."""
        with self._changed:
            held = self._held.get(generation_id)
            if held is None or held.attempt != attempt:
                return
            del self._held[generation_id]
            self._changed.notify_all()
        self._mouth.say(Let(generation_id=generation_id, attempt=attempt))

    def attempts(self) -> dict[UUID, int]:
        with self._changed:
            return {generation_id: held.attempt for generation_id, held in self._held.items()}

    def untouched(self) -> dict[UUID, float]:
        """Running, and not a word said: may be handed back. Their places in the queue."""
        with self._changed:
            return {
                generation_id: held.score
                for generation_id, held in self._held.items()
                if held.is_running and not held.has_spoken
            }

    @property
    def is_empty(self) -> bool:
        with self._changed:
            return not self._held

    def wait_for_room(self, *, wait_seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(self._has_room, timeout=wait_seconds)

    def lane_to_beat(self) -> int | None:
        """The worst lane of what runs: one of a better lane may be taken although all is full.

        The engine then lets one of the worst give way. None: there is nobody who could.
        """
        with self._changed:
            running = [held for held in self._held.values() if held.is_running]
            if not running or len(running) >= 2 * self._slots:
                return None
            return max(held.lane for held in running)

    def _has_room(self) -> bool:
        """Of equals none is taken ahead: the queue knows better whose turn it is (threat F11)."""
        return sum(held.is_running for held in self._held.values()) < self._slots
