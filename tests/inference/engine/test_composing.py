"""While a prompt is made, which can take a second, the others go on, and all that can happen to a
request may happen to this one too."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from threading import Event
from typing import Any
from uuid import UUID

import pytest

from inference.engine import beside
from inference.engine.backend import BackendError
from inference.engine.beside import one_thread
from inference.engine.engine import Engine, Over, Said, Update
from inference.protocol import Lane
from tests.inference.engine.aboard import (
    RecordingBackend,
    end_of,
    engine_on,
    request,
    run,
    text_of,
)

LONG = '[{"when": "", "says": ["word "], "repeat": 40}]'


class Held(Executor):
    """In place of a thread: does nothing until the test says so."""

    def __init__(self) -> None:
        self.begun: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        self.begun.append((Future(), partial(work, *args, **named)))
        return self.begun[-1][0]

    def goes_on(self, *, fails: Exception | None = None) -> None:
        """What was begun last is done."""
        future, work = self.begun[-1]
        if fails is None:
            future.set_result(work())
        else:
            future.set_exception(fails)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """Nothing is waited for: what is held here is not done by that."""
    monkeypatch.setattr(beside, "wait", lambda *_, **__: None)
    return Held()


def engine_of(held: Held, backend: RecordingBackend | None = None, **fields: Any) -> Engine:
    """Prompts are made when the test says so."""
    return engine_on(
        backend or RecordingBackend(LONG, seconds_per_step=0.02),
        new_executor=lambda _kind: held,
        **fields,
    )


def said_in(engine: Engine, number: int, *, steps: int) -> str:
    return text_of([update for _ in range(steps) for update in engine.step()], number)


def answering(engine: Engine, held: Held, number: int = 1, **fields: Any) -> None:
    """Somebody is aboard and writes."""
    engine.submit(request(number, **{"person": "alice", **fields}))
    engine.step()
    held.goes_on()
    engine.step()


@pytest.mark.threat("F5")
def test_others_write_on_while_a_prompt_is_made(held: Held) -> None:
    engine = engine_of(held)
    answering(engine, held)
    engine.submit(request(2, person="bob"))

    beside_it = [engine.step() for _ in range(20)]
    held.goes_on()
    after = run(engine)

    assert all(text_of(updates, 1) for updates in beside_it)
    assert not any(update.generation_id == UUID(int=2) for step in beside_it for update in step)
    assert text_of(after, 2) == "word " * 40


def test_one_prompt_is_made_at_a_time_and_better_lanes_go_first(held: Held) -> None:
    engine = engine_of(held)
    lanes: tuple[Lane, ...] = ("background", "api", "person")
    for number, lane in enumerate(lanes, start=1):
        engine.submit(request(number, person=str(number), lane=lane))
    order: list[int] = []
    while not engine.is_idle:
        if held.begun and not held.begun[-1][0].done():
            assert engine._composing.sequence is not None
            order.append(engine._composing.sequence.id.int)
            held.goes_on()
        engine.step()

    assert order == [3, 2, 1]


@pytest.mark.threat("F12")
@pytest.mark.parametrize("is_dropped", [False, True])
def test_who_leaves_while_its_prompt_is_made_is_gone_at_once(held: Held, is_dropped: bool) -> None:
    engine = engine_of(held)
    engine.submit(request(1))
    engine.step()

    (engine.drop if is_dropped else engine.stop)(UUID(int=1))
    updates = engine.step()
    held.goes_on()
    engine.submit(request(2, person="bob"))
    engine.step()
    held.goes_on()

    assert [type(update) for update in updates] == ([] if is_dropped else [Over])
    assert is_dropped or end_of(updates).why == "stopped"
    assert text_of(run(engine), 2) == "word " * 40


@pytest.mark.threat("F12")
def test_who_leaves_and_comes_back_gets_no_prompt_made_for_before(held: Held) -> None:
    engine = engine_of(held, RecordingBackend())
    engine.submit(request(1, text="the first"))
    engine.step()
    engine.drop(UUID(int=1))
    engine.submit(request(1, text="the second"))
    held.goes_on()
    engine.step()
    held.goes_on()

    assert text_of(run(engine)) == "You said: the second"


@pytest.mark.threat("F14")
def test_nobody_waits_for_a_prompt_past_the_deadline(held: Held) -> None:
    time = [0.0]
    engine = engine_of(held, wall_clock=lambda: time[0])
    engine.submit(request(1, expires_at=10.0))
    engine.step()

    time[0] = 11.0

    assert end_of(engine.step()).detail == "expired"


@pytest.mark.threat("F1")
def test_a_prompt_in_the_making_is_blamed_with_those_who_run_beside_it(held: Held) -> None:
    blamed: list[set[int]] = []
    engine = engine_of(held, about_to_run=lambda ids: blamed.append({id.int for id in ids}))
    answering(engine, held)
    engine.submit(request(2, person="bob"))
    blamed.clear()

    engine.step()
    beside_it = list(blamed)
    held.goes_on()
    engine.stop(UUID(int=1))
    run(engine)

    assert beside_it == [{2}, {1, 2}], "its own first, before anything is done for it"
    assert blamed[-1] == {2}


@pytest.mark.threat("F1")
def test_nobody_runs_beside_the_prompt_of_a_suspect(held: Held) -> None:
    engine = engine_of(held)
    answering(engine, held)
    engine.submit(request(2, person="bob", deaths=1))

    beside_it = said_in(engine, 1, steps=5)
    held.goes_on()
    updates = run(engine)

    assert len(beside_it) <= len("word "), "the step in which it came"
    assert text_of(updates, 2) == "word " * 40
    assert end_of(updates, 1).why == "done"


@pytest.mark.threat("F1")
@pytest.mark.threat("F11")
def test_a_suspect_runs_between_the_prompts_that_others_keep_bringing(held: Held) -> None:
    """Beside a prompt it does not run; so there is a batch after each."""
    engine = engine_of(held, RecordingBackend(LONG, slots=2))
    answering(engine, held, deaths=1)
    steps, said = 0, 0
    while said < 12:
        steps += 1
        engine.submit(request(100 + steps, person=f"p{steps}", template="{{ broken"))
        said += bool(text_of(engine.step(), 1))
        if not held.begun[-1][0].done():
            assert not text_of(engine.step(), 1)
            held.goes_on()

    engine.close()

    assert steps <= 2 * 12


@pytest.mark.threat("F1")
def test_what_a_prompt_raises_is_raised_once_and_the_others_go_on(held: Held) -> None:
    engine = engine_of(held)
    answering(engine, held)
    engine.submit(request(2, person="bob"))
    engine.step()
    held.goes_on(fails=BackendError("the tokenizer says so"))

    with pytest.raises(BackendError):
        engine.step()
    engine.drop(UUID(int=2))

    assert end_of(run(engine), 1).why == "done"


def test_what_a_prompt_raises_that_nobody_wants_any_more_harms_nobody(held: Held) -> None:
    engine = engine_of(held)
    answering(engine, held)
    engine.submit(request(2, person="bob"))
    engine.step()
    engine.stop(UUID(int=2))
    held.goes_on(fails=ValueError("too late"))

    assert end_of(run(engine), 1).why == "done"


class Meanwhile:
    """A renderer that waits until another answer is over."""

    def __init__(self) -> None:
        self.is_over = Event()

    def render(self, *_: Any, **__: Any) -> str:
        assert self.is_over.wait(60)
        return "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"

    def close(self) -> None:
        self.is_over.set()


@pytest.mark.threat("F5")
def test_a_thread_makes_them_beside_the_answers() -> None:
    renderer = Meanwhile()
    engine = engine_on(RecordingBackend(LONG), new_executor=one_thread, renderer=renderer)
    engine.submit(request(1, person="alice"))
    updates: list[Update] = []
    while not any(isinstance(update, Said) for update in updates):
        updates += engine.step()
    engine.submit(request(2, person="bob", template="{{ strange }}"))
    while not engine.is_idle:
        updates += engine.step()
        if any(isinstance(update, Over) for update in updates):
            renderer.is_over.set()
    engine.close()

    assert [u.generation_id.int for u in updates if isinstance(u, Over)] == [1, 2]
    assert text_of(updates, 2) == "word " * 40
