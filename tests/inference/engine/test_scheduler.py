"""Who runs next, in simulated time: nobody is held up by a long prompt, nobody takes all."""

from collections import defaultdict
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from inference.engine.engine import Over, Said, Update
from inference.engine.templates.jinja import TemplateRefused
from tests.inference.engine.aboard import (
    Clock,
    RecordingBackend,
    end_of,
    engine_on,
    request,
    run,
    text_of,
)

LONG = '[{"when": "", "says": ["word "], "repeat": 400}]'
SHORT = '[{"when": "", "says": ["word "], "repeat": 5}]'


@pytest.mark.threat("F5")
def test_a_new_long_prompt_holds_running_answers_up_no_longer_than_the_bound() -> None:
    backend = RecordingBackend(LONG, seconds_per_token=0.002, seconds_per_step=0.01)
    engine = engine_on(backend, max_step_seconds=0.1, smallest_chunk=8)
    engine.submit(request(1, person="alice"))
    while not text_of(engine.step()):
        pass
    engine.submit(request(2, person="bob", text="x" * 9_000))

    gaps, last = [], backend.clock.now
    while not text_of(got := engine.step(), 2):
        if text_of(got, 1):
            gaps.append(backend.clock.now - last)
            last = backend.clock.now

    assert len(gaps) > 20
    assert max(gaps) <= 0.1 + 0.01 + 8 * 0.002
    assert sum(gaps) / len(gaps) > 0.05, "the bound is used, or reading would take for ever"


@pytest.mark.threat("F5")
def test_a_short_question_is_read_in_one_step_that_others_wait_for() -> None:
    backend = RecordingBackend(LONG, seconds_per_token=0.002, seconds_per_step=0.01)
    engine = engine_on(backend, max_step_seconds=0.03, whole_read_seconds=0.2)
    engine.submit(request(1, person="alice"))
    while len(backend.batches) < 10:
        engine.step()
    engine.submit(request(2, person="bob", text="x" * 150))

    steps = 0
    while not text_of(engine.step(), 2):
        steps += 1

    assert steps <= 1
    whole = next(batch for batch in backend.batches if batch[0].sequence == UUID(int=2))
    assert [chunk.sequence for chunk in whole] == [UUID(int=2)]
    assert len(whole[0].tokens) == backend.computed[UUID(int=2)] > 20


@pytest.mark.threat("F5")
def test_between_two_steps_of_reading_only_everybody_who_writes_goes_on() -> None:
    backend = RecordingBackend(LONG, slots=12, seconds_per_token=0.002, seconds_per_step=0.01)
    engine = engine_on(backend, max_step_seconds=0.03, whole_read_seconds=0.1)
    engine.submit(request(1, person="alice"))
    while len(backend.batches) < 10:
        engine.step()
    for number in range(2, 12):
        engine.submit(request(number, person=f"person {number}", text="x" * 30))

    gaps, last = [], backend.clock.now
    while not text_of(got := engine.step(), 11):
        if text_of(got, 1):
            gaps.append(backend.clock.now - last)
            last = backend.clock.now

    only_read = [UUID(int=1) not in {chunk.sequence for chunk in b} for b in backend.batches[10:]]
    assert sum(only_read) >= 3
    assert (True, True) not in pairwise(only_read)
    assert max(gaps) <= 0.1 + 2 * 0.01 + 12 * 0.002 + 4 * 0.002


def test_after_a_short_prompt_a_long_one_is_read_as_fast_as_the_one_before() -> None:
    backend = RecordingBackend(SHORT, seconds_per_token=0.0005, seconds_per_step=0.01)
    engine = engine_on(backend)

    def most_read_at_first(number: int, text: str) -> int:
        before = len(backend.batches)
        engine.submit(request(number, person=f"person {number}", text=text))
        while not engine.is_idle:
            engine.step()
        return max(len(chunk.tokens) for chunk in backend.batches[before])

    most_read_at_first(1, "x" * 2_000)
    usual = most_read_at_first(2, "x" * 2_000)
    most_read_at_first(3, "x" * 10)

    assert most_read_at_first(4, "y" * 2_000) > usual / 2 > 32


@pytest.mark.threat("F5")
def test_stop_while_reading_is_answered_in_the_next_step() -> None:
    backend = RecordingBackend(seconds_per_token=0.002)
    engine = engine_on(backend)
    engine.submit(request(1, text="x" * 9_000))
    for _ in range(3):
        engine.step()
    computed = backend.computed[UUID(int=1)]

    engine.stop(UUID(int=1))

    assert end_of(engine.step()).why == "stopped"
    assert backend.computed[UUID(int=1)] == computed < 3_000
    assert engine.is_idle


@pytest.mark.threat("F11")
def test_one_greedy_person_does_not_keep_nine_modest_ones_waiting() -> None:
    backend = RecordingBackend(LONG, slots=4, seconds_per_step=0.01)
    engine = engine_on(backend)
    for number in range(1, 41):
        engine.submit(request(number, person="greedy"))
    for number in range(101, 110):
        engine.submit(request(number, person=f"modest {number}", num_predict=20))

    order = [update.generation_id.int for update in run(engine) if isinstance(update, Over)]

    assert set(order[:9]) == set(range(101, 110))


@pytest.mark.threat("F11")
def test_a_modest_person_waits_for_one_slot_to_free_and_no_longer() -> None:
    backend = RecordingBackend(LONG, slots=4, seconds_per_step=0.01)
    engine = engine_on(backend)
    for number in range(1, 9):
        engine.submit(request(number, person="greedy"))
    for _ in range(8):
        engine.step()
    engine.submit(request(101, person="modest", num_predict=5))

    order = [update.generation_id.int for update in run(engine) if isinstance(update, Over)]

    assert order.index(101) <= 4, "only those that ran when she asked may be over before her"


def test_no_slot_stays_empty_while_one_person_has_work() -> None:
    backend = RecordingBackend(SHORT, slots=4)
    engine = engine_on(backend)
    for number in range(1, 9):
        engine.submit(request(number, person="greedy"))

    run(engine)

    assert max(len(batch) for batch in backend.batches) == 4


@pytest.mark.threat("F11")
def test_one_person_never_has_more_than_the_bound_that_was_set() -> None:
    backend = RecordingBackend(SHORT, slots=4)
    engine = engine_on(backend, max_per_person=2)
    for number in range(1, 9):
        engine.submit(request(number))

    run(engine)

    assert max(len(batch) for batch in backend.batches) == 2


def test_people_are_served_before_programs_and_those_before_the_background() -> None:
    backend = RecordingBackend(SHORT, slots=1)
    engine = engine_on(backend)
    engine.submit(request(1, person="a", lane="background"))
    engine.submit(request(2, person="b", lane="api"))
    engine.submit(request(3, person="c", lane="person"))

    order = [update.generation_id.int for update in run(engine) if isinstance(update, Over)]

    assert order == [3, 2, 1]


@pytest.mark.threat("F14")
def test_what_nobody_waits_for_any_more_is_dropped_with_a_reason() -> None:
    now = [100.0]
    backend = RecordingBackend(LONG, slots=1)
    engine = engine_on(backend, wall_clock=lambda: now[0])
    engine.submit(request(1, expires_at=150.0))
    engine.submit(request(2, expires_at=150.0))
    updates = engine.step()
    now[0] = 151.0

    updates += run(engine)

    assert end_of(updates, 1).why == "done", "it had begun"
    assert (end_of(updates, 2).why, end_of(updates, 2).detail) == ("failed", "expired")
    assert UUID(int=2) not in backend.computed


@pytest.mark.threat("F1")
def test_a_suspect_runs_alone_until_it_has_said_sixteen_tokens() -> None:
    backend = RecordingBackend(LONG)
    engine = engine_on(backend)
    engine.submit(request(1, person="alice"))
    for _ in range(5):
        engine.step()
    engine.submit(request(2, person="bob", deaths=1))
    engine.submit(request(3, person="carol", deaths=2))

    run(engine)

    said: defaultdict[UUID, int] = defaultdict(int)
    for batch in backend.batches:
        suspects = [
            c.sequence for c in batch if c.sequence != UUID(int=1) and said[c.sequence] < 16
        ]
        assert not suspects or len(batch) == 1
        for chunk in batch:
            said[chunk.sequence] += chunk.sampler is not None
    assert any(len(batch) == 3 for batch in backend.batches)


@pytest.mark.threat("F1")
def test_others_go_on_while_a_suspect_is_on_probation() -> None:
    backend = RecordingBackend(LONG)
    engine = engine_on(backend)
    engine.submit(request(1, person="alice"))
    for _ in range(5):
        engine.step()
    engine.submit(request(2, person="bob", text="x" * 6_000, deaths=1))

    speakers = [
        {u.generation_id.int for u in engine.step() if isinstance(u, Said)} for _ in range(20)
    ]

    assert sum(1 in spoke for spoke in speakers) >= 9


def test_the_runner_hears_who_is_to_blame_before_each_change() -> None:
    heard: list[set[int]] = []
    backend = RecordingBackend(SHORT)
    engine = engine_on(backend, about_to_run=lambda ids: heard.append({i.int for i in ids}))
    engine.submit(request(1, person="alice"))
    engine.submit(request(2, person="bob", num_predict=2))

    run(engine)

    assert heard == [{1}, {2}, {1, 2}, {1}]


@pytest.mark.threat("F11")
def test_a_person_of_weight_two_has_two_slots_of_three_and_two_thirds_of_the_time() -> None:
    backend = RecordingBackend(SHORT, slots=3)
    engine = engine_on(backend)
    for number in range(1, 31):
        engine.submit(request(number, person="twice", weight=2.0))
        engine.submit(request(100 + number, person="once"))
    updates: list[Update] = []
    while sum(isinstance(update, Over) for update in updates) < 30:
        updates += engine.step()

    ended = [update.generation_id.int for update in updates if isinstance(update, Over)]
    assert 18 <= sum(number < 100 for number in ended) <= 22


@pytest.mark.threat("F11")
def test_in_one_slot_a_person_of_weight_two_is_served_twice_as_often() -> None:
    backend = RecordingBackend(SHORT, slots=1)
    engine = engine_on(backend)
    for number in range(1, 31):
        engine.submit(request(number, person="twice", weight=2.0))
        engine.submit(request(100 + number, person="once"))
    updates: list[Update] = []
    while sum(isinstance(update, Over) for update in updates) < 30:
        updates += engine.step()

    ended = [update.generation_id.int for update in updates if isinstance(update, Over)]
    assert 18 <= sum(number < 100 for number in ended) <= 22


class Slow:
    """Takes a second for each template, and refuses it then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def render(self, *_: Any, **__: Any) -> str:
        self._clock.pass_seconds(1.0)
        raise TemplateRefused("too much")

    def close(self) -> None:
        return None


@pytest.mark.threat("F11")
def test_who_brings_many_prompts_that_come_to_nothing_holds_up_nobody() -> None:
    backend = RecordingBackend(SHORT, slots=1, seconds_per_token=0.001)
    engine = engine_on(backend, renderer=Slow(backend.clock))
    engine.submit(request(1, person="before"))
    run(engine)
    for number in range(2, 42):
        engine.submit(request(number, person="greedy", template="{{ strange }}"))
    engine.submit(request(101, person="modest"))

    ended = [update.generation_id.int for update in run(engine) if isinstance(update, Over)]

    assert ended.index(101) <= 1
