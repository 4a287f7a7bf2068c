"""Whoever comes, goes or waits too long: nobody is let in before one with the better right."""

import random
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engine.engine import Engine
from inference.engine.updates import Over, Read
from inference.protocol import LANES, Request
from tests.inference.engine.aboard import RecordingBackend, engine_on, request

SCRIPT = '[{"when": "", "says": ["one ", "two ", "three ", "four ", "five ", "six "]}]'
WEIGHTS = {"p1": 1.0, "p2": 1.0, "p3": 2.0, "p4": 0.5}


@dataclass
class Doorkeeper:
    """Sees who comes and who is let in, and objects."""

    engine: Engine
    backend: RecordingBackend
    cap: int
    waiting: dict[int, Request] = field(default_factory=dict)
    running: dict[int, Request] = field(default_factory=dict)
    ends: dict[int, str] = field(default_factory=dict)

    def comes(self, asked: Request) -> None:
        self.waiting[asked.generation_id.int] = asked
        self.engine.submit(asked)

    def goes(self, number: int) -> None:
        self.engine.stop(UUID(int=number))
        self.waiting.pop(number, None)
        self.running.pop(number, None)

    def step(self) -> None:
        began_at = self.backend.clock.now
        for update in self.engine.step():
            number = update.generation_id.int
            if isinstance(update, Read) and number in self.waiting:
                self._let_in(self.waiting.pop(number), now=began_at)
            if isinstance(update, Over):
                assert number not in self.ends, "nobody ends twice"
                self.ends[number] = update.detail or update.why
                self.waiting.pop(number, None)
                self.running.pop(number, None)
        assert all(one.expires_at > began_at for one in self.waiting.values())

    def _let_in(self, asked: Request, *, now: float) -> None:
        having = Counter(one.person for one in self.running.values())
        assert having[asked.person] < self.cap
        assert asked.expires_at > now, "nobody waits for this any more"
        rank = _rank(asked, having)
        for other in self.waiting.values():
            if having[other.person] < self.cap:
                assert rank <= _rank(other, having), f"{other.person} was passed over"
        self.running[asked.generation_id.int] = asked


def _rank(asked: Request, having: Counter[str]) -> tuple[int, float]:
    """The lane, then how much this person has for her weight."""
    return LANES.index(asked.lane), having[asked.person] / asked.weight


@pytest.mark.threat("F11")
@pytest.mark.threat("F14")
@settings(max_examples=40, deadline=None)
@given(
    dice=st.randoms(use_true_random=True),
    slots=st.sampled_from([1, 2, 4]),
    cap=st.sampled_from([None, 1, 2]),
)
def test_nobody_is_passed_over_by_one_with_less_right_or_let_in_too_late(
    dice: random.Random, slots: int, cap: int | None
) -> None:
    backend = RecordingBackend(SCRIPT, slots=slots, seconds_per_step=0.05)
    clock = backend.clock
    engine = engine_on(backend, wall_clock=clock, max_per_person=cap, patience_seconds=1e9)
    keeper = Doorkeeper(engine, backend, cap=cap or slots)
    for number in range(1, 31):
        person = dice.choice(list(WEIGHTS))
        keeper.comes(
            request(
                number,
                text=f"{number} " * dice.choice([1, 1, 20]),
                person=person,
                weight=WEIGHTS[person],
                lane=dice.choice(LANES),
                num_predict=dice.randint(1, 9),
                expires_at=clock.now + dice.choice([0.3, 2.0, 1e9]),
            )
        )
        if dice.random() < 0.15:
            keeper.goes(dice.randint(1, number))
        for _ in range(dice.choice([0, 0, 1, 4])):
            keeper.step()
    for _ in range(5_000):
        if engine.is_idle:
            break
        keeper.step()

    assert set(keeper.ends) == set(range(1, 31))
    assert set(keeper.ends.values()) <= {"done", "length", "stopped", "expired"}
    assert engine.free_slots == slots
    engine.close()
