"""The reaper: who is tried again, who is ended, and who is held to be a killer."""

from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync

from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat import actions
from portal.chat.models import Conversation, Generation, State
from portal.chat.prompts import PAGE_SECONDS
from portal.chat.reaper import Patience
from portal.streams import awaited
from portal.streams import transcript as streams
from tests.doubles.brain import Brain
from tests.doubles.worker import Held, Worker

pytestmark = pytest.mark.django_db(transaction=True)


def send(person: Person, conversation=None):
    return actions.send_message(
        person,
        conversation_id=conversation.id if conversation else None,
        text="Hello",
        client_key=uuid4(),
        model_name="scripted:latest",
    )


def take_ahead(worker: Worker) -> Held:
    """Popped and leased, and not begun: the engine has not come to it."""
    request = worker.pops()
    assert request is not None
    assert worker.leases(request)
    return Held(request, worker)


def test_a_crash_with_others_aboard_goes_on_from_the_text_so_far(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    held = worker.takes().says("Once upon")
    brain.later(1)
    worker.dies(held, how="crashed")
    brain.later(1)

    second = worker.takes()
    assert (second.request.attempt, second.request.deaths) == (2, 1)
    assert second.request.so_far == "Once upon"
    held.says("late")
    assert held.refused
    second.says("Once upon", " a time").ends()
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.COMPLETE, "Once upon a time")


@pytest.mark.threat("F1")
def test_two_crashes_the_second_alone_and_the_request_is_quarantined(
    alice: Person, bob: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    killer, neighbour = send(alice), send(bob)
    worker.dies(worker.takes(), worker.takes(), how="crashed")
    brain.later(1)
    again = [worker.takes(), worker.takes()]
    culprit = next(held for held in again if held.id == killer.id)
    other = next(held for held in again if held.id == neighbour.id)
    worker.dies(culprit, how="crashed", alone=True)
    worker.dies(other, how="crashed", in_batch=False)
    brain.later(1)
    worker.answers("I am well.")
    brain.later(1)

    killer.refresh_from_db()
    neighbour.refresh_from_db()
    assert (killer.state, killer.reason) == (State.FAILED, "quarantined")
    assert (neighbour.state, neighbour.text) == (State.COMPLETE, "I am well.")
    assert neighbour.deaths == 1


@pytest.mark.threat("F1")
def test_four_crashes_in_company_are_enough(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    generation = send(alice)
    for _crash in range(4):
        worker.dies(worker.takes(), how="stalled", alone=False)
        brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.FAILED, "quarantined")


@pytest.mark.threat("F2")
def test_a_question_that_uses_up_the_memory_twice_is_set_aside_with_that_reason(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    generation = send(alice)
    for _crash in range(2):
        worker.dies(worker.takes(), how="crashed", detail="out-of-memory", alone=True)
        brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.FAILED, "out-of-memory")


def test_a_kept_text_survives_a_second_death_before_the_first_piece(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    generation = send(alice)
    worker.dies(worker.takes().says("kept"), how="crashed")
    brain.later(1)
    worker.dies(worker.takes(), how="crashed", alone=True)
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.FAILED, "kept")


def test_a_model_that_cannot_be_loaded_fails_everyone_who_waits_for_it(
    alice: Person, bob: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    from portal.chat import prompts

    hers, his = send(alice), send(bob)
    queue = prompts.plan_of(hers).model.queue
    worker.cannot_load(queue)
    brain.later(1)

    # And whoever waits only for the loading.
    assert async_to_sync(awaited.standing)(queue).refusal == "unloadable"
    for generation in (hers, his):
        generation.refresh_from_db()
        assert (generation.state, generation.reason) == (State.FAILED, "unloadable")
    assert worker.pops() is None


@pytest.mark.threat("F3")
def test_while_the_graphics_card_is_lost_people_are_told_so(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    from portal.chat import prompts

    generation = send(alice)
    worker.cannot_load(prompts.plan_of(generation).model.queue, detail="device-lost")
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.FAILED, "device-lost")


def test_a_model_that_one_host_cannot_load_fails_nobody_whom_another_holds(
    alice: Person, bob: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    hers, his = send(alice), send(bob)
    held = take_ahead(worker)
    worker.cannot_load(held.request.model.queue)
    brain.later(1)
    held.begins().says("Here.").ends()
    brain.later(1)

    hers.refresh_from_db()
    his.refresh_from_db()
    assert (hers.state, hers.text) == (State.COMPLETE, "Here.")
    assert (his.state, his.reason) == (State.FAILED, "unloadable")


@pytest.mark.threat("F4")
@pytest.mark.parametrize("how", ["killed", "crashed", "stalled"])
def test_held_and_not_begun_it_is_waiting_and_no_death_is_counted_against_it(
    alice: Person, a_model: Model, worker: Worker, brain: Brain, how: str
) -> None:
    generation = send(alice)
    held = take_ahead(worker)
    brain.later(10)
    generation.refresh_from_db()
    assert (generation.state, generation.attempt) == (State.QUEUED, 1)

    worker.dies(held, how=how, in_batch=False)
    brain.later(1)
    again = worker.answers("Here.")
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.COMPLETE, "Here.")
    assert (again.request.attempt, again.request.deaths) == (2, 0)


@pytest.mark.threat("F4")
def test_held_and_not_begun_by_a_runner_that_vanished_it_is_queued_again_after_the_lease(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    generation = send(alice)
    held = take_ahead(worker)
    brain.later(10)
    assert worker.waiting_ids() == []

    held.loses_its_lease()
    brain.steps()
    brain.later(10)
    held.begins()

    assert worker.waiting_ids() == [generation.id]
    assert held.refused, "it woke too late and may not speak"


@pytest.mark.threat("F14")
def test_what_no_worker_ever_took_fails_when_nobody_wants_it_any_more(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    generation = send(alice)
    brain.later(PAGE_SECONDS - 60)
    generation.refresh_from_db()
    assert generation.state == State.QUEUED

    brain.later(120)

    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.FAILED, "expired")
    assert worker.pops() is None


@pytest.mark.threat("F14")
def test_forgotten_by_redis_too_it_fails_as_expired_and_is_not_queued_again(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    generation = send(alice)
    worker.redis.flushall()
    brain.later(PAGE_SECONDS + 60)

    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.FAILED, "expired")
    assert worker.waiting_ids() == []


@pytest.mark.threat("F14")
def test_an_answer_that_has_begun_or_is_held_does_not_expire(
    alice: Person, bob: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    begun, held = send(alice), send(bob)
    worker.takes().says("Once")
    take_ahead(worker)
    brain.later(1)
    brain.later(PAGE_SECONDS + 60)

    begun.refresh_from_db()
    held.refresh_from_db()
    assert (begun.state, held.state) == (State.RUNNING, State.QUEUED)


def test_a_death_report_read_twice_is_acted_upon_once(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    send(alice)
    held = worker.takes()
    worker.dies(held, how="killed")
    worker.dies(held, how="killed")
    brain.later(1)
    brain.restarts()
    brain.later(1)

    generation = Generation.objects.get()
    assert (generation.attempt, generation.deaths) == (2, 1)


def test_taken_from_the_queue_and_never_leased_it_is_queued_again(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    generation = send(alice)
    assert worker.pops() is not None
    brain.steps()
    brain.later(10)

    assert worker.waiting_ids() == [generation.id]


def test_nobody_is_tried_for_ever(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    generation = send(alice)
    for _attempt in range(Patience().max_attempts):
        held = worker.takes()
        brain.later(1)
        held.loses_its_lease()
        brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.FAILED, "died")
    assert worker.pops() is None


@pytest.mark.threat("F18")
def test_a_clock_set_wrong_ends_nobody(
    alice: Person, a_model: Model, worker: Worker, brain: Brain, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datetime

    from portal import clock

    generation = send(alice)
    worker.takes().says("steady")
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + datetime.timedelta(hours=1))
    brain.later(1)
    monkeypatch.setattr(clock, "now", lambda: real() - datetime.timedelta(hours=1))
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.attempt) == (State.RUNNING, 1)


@pytest.mark.threat("F18")
def test_who_asks_after_the_clock_was_set_back_is_waited_for_as_long_as_anybody(
    alice: Person, a_model: Model, worker: Worker, brain: Brain, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datetime

    from portal import clock

    back = datetime.timedelta(seconds=2 * PAGE_SECONDS)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() - back)
    generation = send(alice)
    Generation.objects.update(created_at=clock.now())
    brain.later(60)

    generation.refresh_from_db()
    assert generation.state == State.QUEUED
    brain.later(PAGE_SECONDS)
    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.FAILED, "expired")


def test_readers_hear_that_an_attempt_was_given_up(
    alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    from portal.streams.connection import client
    from portal.streams.deltas import deltas

    generation = send(alice)
    worker.dies(worker.takes(), how="killed")
    brain.later(1)
    worker.takes().says("Again.")

    entries = client().xrange(f"portal:events:{generation.id}")
    steps = deltas(entries, after=(0, 0))
    assert [(step.attempt, step.first, step.last) for step in steps] == [(1, 1, 1), (2, 0, 2)]
    assert steps[-1].text == "Again."
    transcript = streams.Transcript(attempt=1)
    streams.read_on(generation.id, transcript)
    assert (transcript.attempt, transcript.text) == (2, "Again.")
