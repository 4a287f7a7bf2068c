"""Who gives a slot up for whom, in simulated time: soon, seldom, and without losing anything."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import pytest

from inference.engine.engine import Engine, Over, Said
from inference.protocol import Lane
from tests.inference.engine.aboard import RecordingBackend, engine_on, request, run, text_of

LONG = '[{"when": "", "says": ["word "], "repeat": 400}]'
PATIENCE: dict[str, Any] = {
    "patience_seconds": 1.0,
    "least_run_seconds": 2.0,
    "give_way_seconds": 1.0,
}


def steps(backend: RecordingBackend, engine: Engine, *, seconds: float) -> list[str]:
    """Who said something in this time, step by step."""
    until, said = backend.clock.now + seconds, []
    while backend.clock.now < until and not engine.is_idle:
        said += [str(u.generation_id.int) for u in engine.step() if isinstance(u, Said)]
    return said


def waited(backend: RecordingBackend, engine: Engine, number: int) -> float:
    """How long this one waits for its first word."""
    since = backend.clock.now
    for _ in range(10_000):
        if text_of(engine.step(), number):
            return backend.clock.now - since
    raise AssertionError("it never says anything")


@pytest.mark.threat("F11")
@pytest.mark.parametrize("lane", ["background", "api"])
def test_a_person_waits_no_longer_than_her_patience_for_the_slot_of_other_work(lane: Lane) -> None:
    backend = RecordingBackend(LONG, slots=2, seconds_per_step=0.02)
    engine = engine_on(backend, **PATIENCE)
    for number in (1, 2):
        engine.submit(request(number, person=str(number), lane=lane))
    steps(backend, engine, seconds=3.0)
    engine.submit(request(3, person="alice", num_predict=50))

    assert waited(backend, engine, 3) <= 1.0 + 0.1


@pytest.mark.threat("F15")
def test_who_gave_way_goes_on_where_it_was_and_nothing_is_computed_again() -> None:
    backend = RecordingBackend(LONG, slots=2, seconds_per_step=0.02)
    engine = engine_on(backend, **PATIENCE)
    for number in (1, 2):
        engine.submit(request(number, person=str(number), lane="background"))
    steps(backend, engine, seconds=3.0)
    engine.submit(request(3, person="alice", num_predict=50))

    updates = run(engine)

    overs = {u.generation_id.int: u.stats for u in updates if isinstance(u, Over)}
    assert set(overs) == {1, 2, 3}
    for number in (1, 2):
        stats = overs[number]
        assert backend.computed[UUID(int=number)] == stats.prompt_tokens + stats.answer_tokens - 1
        assert stats.answer_tokens == 2 * 400 + 1


@pytest.mark.threat("F11")
def test_one_of_many_answers_of_a_greedy_person_gives_way_to_a_modest_one() -> None:
    backend = RecordingBackend(LONG, slots=4, seconds_per_step=0.02)
    engine = engine_on(backend, **PATIENCE)
    for number in range(1, 9):
        engine.submit(request(number, person="greedy"))
    steps(backend, engine, seconds=3.0)
    engine.submit(request(101, person="modest", num_predict=50))

    assert waited(backend, engine, 101) <= 1.0 + 0.1


@pytest.mark.threat("F11")
def test_nobody_gives_way_to_one_with_the_same_right() -> None:
    backend = RecordingBackend(LONG, slots=2, seconds_per_step=0.02)
    engine = engine_on(backend, **PATIENCE)
    for number in range(1, 5):
        engine.submit(request(number, person=str(number)))

    run(engine)

    runs = [[chunk.sequence.int for chunk in batch] for batch in backend.batches]
    others_began = next(at for at, numbers in enumerate(runs) if {3, 4} & set(numbers))
    assert not any({1, 2} & set(numbers) for numbers in runs[others_began + 1 :])


@pytest.mark.threat("F11")
def test_giving_way_is_seldom_and_everybody_has_a_time_first() -> None:
    backend = RecordingBackend(LONG, slots=2, seconds_per_step=0.02)
    engine = engine_on(backend, **PATIENCE)
    for number in (1, 2):
        engine.submit(request(number, person=str(number), lane="background"))
    for number in range(3, 13):
        engine.submit(request(number, person=str(number), num_predict=20))

    began: dict[int, float] = {}
    turns: defaultdict[int, list[float]] = defaultdict(list)
    while not engine.is_idle:
        before = {s.id.int for s in engine._running}
        engine.step()
        after = {s.id.int for s in engine._running}
        for number in after - before:
            began[number] = backend.clock.now
        for number in before - after:
            turns[number].append(backend.clock.now - began[number])

    for number in (1, 2):
        assert all(seconds >= 1.9 for seconds in turns[number][:-1])
        assert len(turns[number]) < 8


@pytest.mark.threat("F11")
def test_who_comes_back_again_and_again_is_not_served_before_one_who_stays() -> None:
    backend = RecordingBackend(LONG, slots=1, seconds_per_step=0.02)
    engine = engine_on(backend, **PATIENCE)
    engine.submit(request(1, person="often", num_predict=50))
    engine.submit(request(2, person="once", num_predict=50))
    order: list[int] = []
    while len(order) < 4:
        for update in engine.step():
            if isinstance(update, Over):
                order.append(update.generation_id.int)
                if update.generation_id.int != 2:
                    engine.submit(request(10 + len(order), person="often", num_predict=50))

    assert order.index(2) <= 1
