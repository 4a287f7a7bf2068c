"""While a grammar is made for one, the others go on, and nobody can fill the queue (F7)."""

from concurrent.futures import Future
from typing import Any
from uuid import UUID

import pytest

from inference.engine import preparing
from inference.engine.engine import Engine, Over, Update
from inference.engine.grammar.compiling import Making, Refused
from inference.engine.grammar.schemas import network_of
from inference.engine.grammar.walking import Walk
from inference.protocol import Format
from tests.inference.engine.aboard import RecordingBackend, end_of, engine_on, request, run, text_of


class Held:
    """Stands in for the compiler: makes nothing until the test says so."""

    def __init__(self) -> None:
        self.begun: list[Making] = []

    def begin(self, schema: str | None, **_: Any) -> Making:
        self.begun.append(Future())
        return self.begun[-1]

    def close(self) -> None:
        pass


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    compiler = Held()
    monkeypatch.setattr(preparing, "Compiler", lambda **_: compiler)
    return compiler


def until_over(engine: Engine, number: int) -> list[Update]:
    updates: list[Update] = []
    for _ in range(1_000):
        updates.extend(engine.step())
        if any(isinstance(u, Over) and u.generation_id == UUID(int=number) for u in updates):
            return updates
    raise AssertionError("it does not come to an end")


def wanting(number: int, **fields: Any) -> Any:
    return request(number, wanted=Format(schema='{"type": "string"}'), **fields)


@pytest.mark.threat("F7")
def test_others_answer_while_a_grammar_is_made(held: Held) -> None:
    engine = engine_on(RecordingBackend(slots=1))
    engine.submit(wanting(1))
    engine.submit(request(2, person="bob"))

    before = until_over(engine, 2)
    held.begun[0].set_result(Walk(network_of('{"type": "string"}')))
    after = run(engine)

    assert end_of(before, 2).why == "done"
    assert not text_of(before, 1)
    assert end_of(after, 1).why == "done"
    assert text_of(after, 1)


@pytest.mark.threat("F7")
def test_who_wants_what_cannot_be_made_ends_alone(held: Held) -> None:
    engine = engine_on(RecordingBackend(slots=1))
    engine.submit(wanting(1))
    engine.submit(request(2, person="bob"))
    engine.step()
    held.begun[0].set_result(Refused(reason="it is too large"))

    updates = run(engine)

    end = end_of(updates, 1)
    assert (end.why, end.detail, end.words) == ("failed", "format", "it is too large")
    assert end_of(updates, 2).why == "done"


@pytest.mark.threat("F7", "F11")
def test_one_grammar_at_a_time_is_made_for_a_person(held: Held) -> None:
    engine = engine_on(RecordingBackend(slots=4))
    for number in range(1, 9):
        engine.submit(wanting(number, person="greedy"))
    engine.submit(wanting(9, person="modest"))
    for _ in range(5):
        engine.step()
    assert len(held.begun) == 2

    held.begun[0].set_result(Refused(reason="it is too large"))
    engine.step()

    assert len(held.begun) == 3


@pytest.mark.threat("F12")
def test_stop_ends_at_once_what_waits_for_its_grammar(held: Held) -> None:
    engine = engine_on(RecordingBackend())
    engine.submit(wanting(1))
    engine.step()

    engine.stop(UUID(int=1))

    assert end_of(engine.step()).why == "stopped"
    assert engine.is_idle


@pytest.mark.threat("F14")
def test_nobody_waits_for_a_grammar_past_the_deadline(held: Held) -> None:
    time = [0.0]
    engine = engine_on(RecordingBackend(), wall_clock=lambda: time[0])
    engine.submit(wanting(1, expires_at=10.0))
    engine.step()

    time[0] = 11.0

    assert end_of(engine.step()).detail == "expired"
