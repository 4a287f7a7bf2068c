"""Questions asked while an answer is being made: none is lost, none is sent twice or too early."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat import actions, nexts, turning
from portal.chat.errors import Conflict, NotFound, TooMuch
from portal.chat.models import Conversation, Generation, Message, NextQuestion, State
from tests.doubles.brain import Brain
from tests.doubles.tab import OpenTab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "scripted:latest"


def ask(person: Person, conversation: Conversation, text: str, **more: Any) -> Any:
    fields = {"client_key": uuid4(), "model_name": MODEL, "after": None}
    return nexts.send_or_keep(
        person, conversation_id=conversation.id, text=text, **{**fields, **more}
    )


def said() -> list[str]:
    return [each.text for each in Message.objects.order_by("created_at")]


def waiting() -> list[str]:
    return [each.text for each in NextQuestion.objects.all()]


def test_a_question_is_sent_at_once_when_nothing_runs(
    alice: Person, conversation: Conversation
) -> None:
    assert isinstance(ask(alice, conversation, "One"), Generation)
    assert waiting() == []


def test_questions_wait_their_turn_and_follow_each_others_answers(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    ask(alice, conversation, "One")
    held = worker.takes()
    ask(alice, conversation, "Two")
    ask(alice, conversation, "Three")
    brain.later(10)
    assert (said(), waiting()) == (["One"], ["Two", "Three"])

    held.says("Answer one.").ends()
    brain.steps()
    assert (said(), waiting()) == (["One", "Two"], ["Three"])
    second = worker.takes()
    assert [each.content for each in second.request.messages] == ["One", "Answer one.", "Two"]
    second.says("Answer two.").ends()
    brain.steps()

    assert (said(), waiting()) == (["One", "Two", "Three"], [])
    third = worker.takes().request.messages
    assert [each.content for each in third] == [
        *("One", "Answer one.", "Two", "Answer two.", "Three"),
    ]


@pytest.mark.threat("C11")
def test_a_question_asked_just_as_the_one_before_it_was_sent_waits_behind_that(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    first = ask(alice, conversation, "One")
    ask(alice, conversation, "Two")
    worker.answers("Answer one.")
    brain.steps()

    kept = ask(alice, conversation, "Three", after=first.id)

    assert kept.follows == Message.objects.get(text="Two").generations.get()


def test_stopping_an_answer_lets_the_next_question_go(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    first = ask(alice, conversation, "One")
    ask(alice, conversation, "Two")

    actions.stop_generation(alice, first.id)
    brain.steps(2)

    assert said() == ["One", "Two"]


def test_after_an_answer_that_failed_the_person_decides(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    ask(alice, conversation, "One")
    kept = ask(alice, conversation, "Two")
    worker.takes().ends("failed", "engine")
    brain.later(60)
    kept.follows.refresh_from_db()
    assert (said(), kept.why_held) == (["One"], "failed")

    nexts.send_now(alice, next_id=kept.id, model_name=MODEL)

    assert (said(), waiting()) == (["One", "Two"], [])


def test_what_waits_for_an_answer_that_failed_waits_for_the_next_try(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    first = ask(alice, conversation, "One")
    ask(alice, conversation, "Two")
    worker.takes().ends("failed", "engine")
    brain.steps()

    again = actions.retry_generation(alice, generation_id=first.id, client_key=uuid4())
    worker.answers("At last.")
    brain.steps()

    assert said() == ["One", "Two"]
    assert Message.objects.get(text="Two").after == again


def test_a_question_is_taken_back_once(alice: Person, conversation: Conversation) -> None:
    ask(alice, conversation, "One")
    kept = ask(alice, conversation, "Two")

    nexts.cancel(alice, kept.id)

    assert waiting() == []
    with pytest.raises(NotFound, match="sent or taken back"):
        nexts.cancel(alice, kept.id)


@pytest.mark.threat("H5")
def test_one_press_waits_once_and_is_asked_once(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    ask(alice, conversation, "One")
    key = uuid4()

    kept = ask(alice, conversation, "Two", client_key=key)
    assert ask(alice, conversation, "Two", client_key=key) == kept
    with pytest.raises(Conflict):
        ask(alice, conversation, "Too", client_key=key)
    worker.answers("Answer one.")
    brain.steps()

    repeated = ask(alice, conversation, "Two", client_key=key)
    assert repeated == Message.objects.get(text="Two").generations.get()
    assert said() == ["One", "Two"]


@pytest.mark.threat("H5")
def test_many_sweeps_at_one_moment_send_it_once(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    ask(alice, conversation, "One")
    worker.answers("Answer one.")
    brain.recorder.step()
    follows = Generation.objects.get()
    NextQuestion.objects.create(
        conversation=conversation,
        author=alice,
        follows=follows,
        text="Two",
        model_name=MODEL,
        client_key=uuid4(),
    )

    def sweep(_number: int) -> None:
        try:
            nexts.Nexts(clock=brain.clock, wake=brain.wake).step()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(sweep, range(8)))

    assert (said(), waiting()) == (["One", "Two"], [])


@pytest.mark.threat("H3")
def test_an_end_that_nobody_heard_of_is_found_by_the_sweep_after_a_restart(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    first = ask(alice, conversation, "One")
    ask(alice, conversation, "Two")
    Generation.objects.filter(id=first.id).update(state=State.COMPLETE, ended_at=first.created_at)

    brain.restarts()
    brain.later(nexts.SWEEP_SECONDS + 1)

    assert said() == ["One", "Two"]


@pytest.mark.threat("H3")
def test_a_question_that_trips_us_does_not_hold_up_those_behind_it(
    alice: Person,
    bob: Person,
    conversation: Conversation,
    worker: Worker,
    brain: Brain,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bobs = Conversation.objects.create(
        owner=bob, model_name=MODEL, changed_at=conversation.changed_at
    )
    for person, talk in ((alice, conversation), (bob, bobs)):
        ask(person, talk, f"{person.name}'s first")
        ask(person, talk, f"{person.name}'s second")

    def send(author: Person, *args: Any, **options: Any) -> Generation:
        if author == alice:
            raise ZeroDivisionError
        return sends(author, *args, **options)

    sends = actions.send_message
    monkeypatch.setattr(actions, "send_message", send)
    worker.answers("One.")
    worker.answers("Two.")
    brain.steps(2)

    assert (said()[2:], waiting()) == (["Bob's second"], ["Alice's second"])
    assert "could not be sent" in caplog.text
    monkeypatch.setattr(actions, "send_message", sends)
    brain.later(nexts.SWEEP_SECONDS + 1)
    assert waiting() == []


@pytest.mark.threat("B8")
def test_a_model_that_was_taken_away_meanwhile_answers_no_waiting_question(
    alice: Person, conversation: Conversation, a_model: Model, worker: Worker, brain: Brain
) -> None:
    ask(alice, conversation, "One")
    kept = ask(alice, conversation, "Two")
    a_model.is_published = False
    a_model.save()

    worker.answers("Answer one.")
    brain.later(60)

    kept.refresh_from_db()
    assert (said(), kept.reason) == (["One"], "not-found")
    with pytest.raises(NotFound):
        nexts.send_now(alice, next_id=kept.id, model_name=MODEL)


@pytest.mark.threat("A7")
def test_nothing_is_asked_in_the_name_of_somebody_who_was_shut_out(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    ask(alice, conversation, "One")
    ask(alice, conversation, "Two")
    Person.objects.update(is_active=False)

    worker.answers("Answer one.")
    brain.later(60)

    assert said() == ["One"]


@pytest.mark.threat("H6")
def test_nothing_is_asked_in_a_conversation_that_was_deleted(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    ask(alice, conversation, "One")
    kept = ask(alice, conversation, "Two")

    actions.delete_conversation(alice, conversation_id=conversation.id)
    brain.later(60)

    assert said() == ["One"]
    with pytest.raises(NotFound):
        nexts.send_now(alice, next_id=kept.id, model_name=MODEL)


@pytest.mark.threat("H6")
def test_a_question_that_waited_goes_to_the_branch_it_was_asked_on(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    first = ask(alice, conversation, "One")
    worker.answers("Answer one.")
    brain.steps()
    anew = turning.edit_message(
        alice,
        message_id=Message.objects.get().id,
        text="Uno",
        client_key=uuid4(),
        model_name=MODEL,
    )
    ask(alice, conversation, "Due", after=anew.id)
    # She looks at the other branch while the answer is being made.
    turning.show_generation(alice, first.id)

    worker.answers("Risposta uno.")
    brain.steps()

    assert Message.objects.get(text="Due").after == anew


def test_what_she_sends_after_a_failure_goes_to_the_branch_it_was_asked_on(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    first = ask(alice, conversation, "One")
    worker.answers("Answer one.")
    brain.steps()
    second = ask(alice, conversation, "Two")
    kept = ask(alice, conversation, "Three")
    worker.takes().ends("failed", "engine")
    brain.steps()
    again = actions.retry_generation(alice, generation_id=first.id, client_key=uuid4())
    worker.answers("Answer one, again.")
    brain.steps()

    nexts.send_now(alice, next_id=kept.id, model_name=MODEL)

    assert again.followers.count() == 0
    assert Message.objects.get(text="Three").after == second


def test_only_a_few_wait(alice: Person, conversation: Conversation) -> None:
    ask(alice, conversation, "One")
    for number in range(nexts.MAX_NEXT_QUESTIONS):
        ask(alice, conversation, f"Next {number}")

    with pytest.raises(TooMuch):
        ask(alice, conversation, "One too many")
    assert len(waiting()) == nexts.MAX_NEXT_QUESTIONS


async def test_every_tab_sees_what_waits_and_what_became_of_it(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    tab = await open_tab(alice)
    first = await tab.asks("One")
    conversation_id = first["conversation"]["id"]

    kept = await tab.says(
        "message.send",
        conversation_id=conversation_id,
        text="Two",
        client_key=uuid4(),
        model_name=MODEL,
        after=first["message"]["shown"],
        may_wait=True,
    )

    other = await open_tab(alice)
    opened = await other.says("conversation.open", conversation_id=conversation_id)
    assert kept["type"] == "waits"
    assert kept["nexts"] == opened["nexts"]
    assert [(each["text"], each["reason"]) for each in opened["nexts"]] == [("Two", "")]
    assert opened["running"] == first["message"]["shown"]
    worker.answers("Answer one.")
    await brain.asteps()
    again = await other.says("conversation.open", conversation_id=conversation_id)
    assert [each["text"] for each in again["messages"]] == ["One", "Two"]
    assert again["nexts"] == []
