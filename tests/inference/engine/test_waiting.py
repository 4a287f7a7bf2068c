"""What many begin with is read once, by whoever is first, when they may share it."""

from uuid import UUID

import pytest

from inference.engine.engine import Engine, Over
from inference.protocol import Lane
from tests.inference.engine.aboard import (
    RecordingBackend,
    end_of,
    engine_on,
    request,
    run,
    text_of,
)

HOUSE_RULES = "These are the rules of the house. " * 20
RULES_TOKENS = 188  # so many are the same for all, less what is as quickly read again as moved


def engine_of(backend: RecordingBackend) -> Engine:
    return engine_on(backend, first_chunk=16, max_idle_step_seconds=0.02, max_step_seconds=0.02)


def ask(engine: Engine, number: int, *, person: str, lane: Lane = "person") -> None:
    text = HOUSE_RULES + f"Question {number}?"
    engine.submit(request(number, text=text, person=person, lane=lane, num_predict=4))


def computed(backend: RecordingBackend, number: int) -> int:
    return backend.computed[UUID(int=number)]


def test_of_those_who_come_together_one_reads_what_all_begin_with() -> None:
    backend = RecordingBackend(slots=8, seconds_per_token=0.001)
    engine = engine_of(backend)
    for number in range(1, 7):
        ask(engine, number, person="alice")

    updates = run(engine)

    whole = end_of(updates, 1).stats.prompt_tokens
    assert computed(backend, 1) >= whole
    for number in range(2, 7):
        assert computed(backend, number) <= whole - RULES_TOKENS + 4
        assert end_of(updates, number).stats.cached_tokens >= RULES_TOKENS
        assert text_of(updates, number) == "You said: Th"


@pytest.mark.threat("B12")
def test_nobody_waits_for_what_another_person_reads() -> None:
    backend = RecordingBackend(slots=8, seconds_per_token=0.001)
    engine = engine_of(backend)
    for number in range(1, 5):
        ask(engine, number, person=f"person {number}")

    updates = run(engine)

    for number in range(1, 5):
        assert end_of(updates, number).stats.cached_tokens == 0
        assert computed(backend, number) == computed(backend, 1)


@pytest.mark.threat("F11")
def test_a_person_does_not_wait_for_what_the_background_reads() -> None:
    backend = RecordingBackend(slots=8, seconds_per_token=0.001)
    engine = engine_of(backend)
    ask(engine, 1, person="alice", lane="background")
    engine.step()
    ask(engine, 2, person="alice")

    order = [u.generation_id.int for u in run(engine) if isinstance(u, Over)]

    assert order == [2, 1]


def test_others_get_the_slots_of_those_who_wait_for_a_reader() -> None:
    backend = RecordingBackend(slots=2, seconds_per_token=0.001)
    engine = engine_of(backend)
    for number in range(1, 4):
        ask(engine, number, person="alice")
    engine.step()
    engine.submit(request(9, text="Short", person="bob", num_predict=2))

    order = [u.generation_id.int for u in run(engine) if isinstance(u, Over)]

    assert order[0] == 9


def test_who_waits_for_a_reader_goes_on_when_that_one_leaves() -> None:
    backend = RecordingBackend(slots=2, seconds_per_token=0.001)
    engine = engine_of(backend)
    ask(engine, 1, person="alice")
    ask(engine, 2, person="alice")
    for _ in range(3):
        engine.step()

    engine.stop(UUID(int=1))

    assert text_of(run(engine), 2) == "You said: Th"
