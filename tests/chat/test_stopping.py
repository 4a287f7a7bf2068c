"""Stop: before the start, during, after the end, twice; and when nobody listens any more."""

import itertools
from typing import Any
from uuid import uuid4

import pytest

from inference import protocol
from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat import actions
from portal.chat.errors import Unavailable
from portal.chat.models import Conversation, Generation, State
from portal.streams import requests
from tests.doubles.brain import Brain
from tests.doubles.worker import Held, Worker

pytestmark = pytest.mark.django_db(transaction=True)


def send(person: Person, conversation: Conversation):
    return actions.send_message(
        person,
        conversation_id=conversation.id,
        text="Hello",
        client_key=uuid4(),
        model_name="scripted:latest",
    )


def ask(person: Person, a_model: Model):
    return actions.ask(
        person,
        model_name=a_model.name,
        messages=[protocol.Message(role="user", content="Hello")],
        options=protocol.Options(),
        client_key=uuid4(),
    )


@pytest.mark.threat("F12")
def test_stopped_while_waiting_it_is_over_at_once_and_nobody_takes_it(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)

    actions.stop_generation(alice, generation.id)

    generation.refresh_from_db()
    assert generation.state == State.STOPPED
    assert worker.pops() is None
    brain.later(10)
    assert worker.pops() is None


@pytest.mark.threat("F12")
def test_a_stopped_answer_keeps_what_was_said(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    held = worker.takes().says("The first ", "half")

    actions.stop_generation(alice, generation.id)
    assert held.was_asked_to_stop
    held.ends("stopped")
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.STOPPED, "The first half")


@pytest.mark.threat("F12")
@pytest.mark.parametrize("order", list(itertools.permutations(["stop", "again", "take", "end"])))
def test_stop_in_any_order_with_taking_and_ending_gives_one_end(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain, order: tuple[str, ...]
) -> None:
    generation = send(alice, conversation)
    held: Held | None = None
    for step in order:
        if step in ("stop", "again"):
            actions.stop_generation(alice, generation.id)
        elif step == "take":
            request = worker.pops()
            if request is not None:
                held = Held(request, worker)
                assert worker.leases(request)
                held.begins().says("said")
        elif step == "end" and held is not None:
            held.ends("stopped" if held.was_asked_to_stop else "done")
        brain.steps()
    if held is not None and held.number == 2:
        held.ends("stopped")
    brain.later(2)

    generation.refresh_from_db()
    assert generation.is_over
    assert generation.state in (State.STOPPED, State.COMPLETE)
    ended = generation.ended_at
    brain.later(20)
    generation.refresh_from_db()
    assert generation.ended_at == ended


@pytest.mark.threat("F12")
def test_stopped_while_redis_had_forgotten_it_the_sweep_ends_it(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    worker.redis.flushall()

    actions.stop_generation(alice, generation.id)
    brain.steps()
    brain.later(10)
    brain.later(1)

    generation.refresh_from_db()
    assert generation.state == State.STOPPED
    assert worker.pops() is None


@pytest.mark.parametrize("call", ["request_stop", "withdraw"])
def test_stopping_while_redis_is_away_says_so_and_loses_nothing(
    alice: Person,
    conversation: Conversation,
    worker: Worker,
    brain: Brain,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    generation = send(alice, conversation)
    held = worker.takes().says("Kept ")

    def away(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(requests, call, away)
        with pytest.raises(Unavailable) as refused:
            actions.stop_generation(alice, generation.id)
    assert "could not be stopped" in str(refused.value)
    held.says("text")
    brain.later(1)
    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.RUNNING, "Kept text")

    actions.stop_generation(alice, generation.id)
    assert held.was_asked_to_stop
    held.ends("stopped")
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.STOPPED, "Kept text")


@pytest.mark.threat("F13")
def test_a_page_answer_goes_on_unwatched_and_is_stored(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    held = worker.takes().says("Nobody ")
    for _second in range(60):
        brain.later(1)
    held.says("watches").ends()
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.COMPLETE, "Nobody watches")


@pytest.mark.threat("F13")
def test_an_api_answer_that_nobody_listens_to_is_stopped(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    generation = ask(alice, a_model)
    held = worker.takes().says("Hello?")
    brain.later(10)

    worker.redis.delete(protocol.listening_key(generation.id))
    asked = []
    for seconds in (1, 20):
        brain.later(seconds)
        asked.append(held.was_asked_to_stop)

    assert asked == [False, True]
    held.ends("stopped")
    brain.later(1)
    assert Generation.objects.get().state == State.STOPPED


@pytest.mark.threat("F13")
def test_an_api_request_that_nobody_listens_to_leaves_the_queue(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    generation = ask(alice, a_model)
    worker.redis.delete(protocol.listening_key(generation.id))
    brain.steps()
    brain.later(20)

    generation.refresh_from_db()
    assert generation.state == State.STOPPED
    assert worker.pops() is None


def test_the_same_key_asks_once(alice: Person, a_model: Model, worker: Worker) -> None:
    key = uuid4()
    make: dict[str, Any] = {
        "model_name": a_model.name,
        "messages": [protocol.Message(role="user", content="Hello")],
        "options": protocol.Options(temperature=0.0),
        "client_key": key,
    }
    assert actions.ask(alice, **make) == actions.ask(alice, **make)
    assert len(worker.waiting_ids()) == 1
    request = worker.pops()
    assert request is not None
    assert request.lane == "api"
    assert request.options.temperature == 0.0
