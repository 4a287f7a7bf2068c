"""Sending: once, within limits, row first, Redis after the commit."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections, transaction
from pytest_django.fixtures import DjangoAssertNumQueries

from inference import protocol
from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat import actions, limits, nexts, prompts, turning
from portal.chat.errors import BadCommand, Conflict, NotFound, QueueFull, TooMuch, TooOften
from portal.chat.models import Conversation, Generation, Message, State
from portal.streams import requests
from portal.streams import transcript as streams
from tests.doubles.brain import Brain
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


# What a person may do to a conversation.
COMMANDS = ("send", "ask on", "edit", "retry", "continue", "stop", "delete", "rename")


def send(person: Person, text="Hello", *, conversation=None, key=None, model="scripted:latest"):
    return actions.send_message(
        person,
        conversation_id=conversation.id if conversation else None,
        text=text,
        client_key=key or uuid4(),
        model_name=model,
    )


def ask(person: Person) -> Generation:
    return actions.ask(
        person,
        model_name="scripted:latest",
        messages=(protocol.Message(role="user", content="Hello"),),
        options=protocol.Options(),
        client_key=uuid4(),
    )


@pytest.mark.threat("H5")
def test_fifty_presses_of_one_button_are_one_message_and_one_answer(
    alice: Person, conversation: Conversation, worker: Worker
) -> None:
    key = uuid4()

    def press(_number):
        try:
            return send(alice, conversation=conversation, key=key).id
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=50) as pool:
        generation_ids = list(pool.map(press, range(50)))

    assert len(set(generation_ids)) == 1
    assert Message.objects.count() == 1
    assert Generation.objects.count() == 1
    assert worker.waiting_ids() == [generation_ids[0]]


@pytest.mark.threat("H5")
def test_fifty_presses_of_new_chat_make_one_conversation(alice: Person, a_model: Model) -> None:
    key = uuid4()

    def press(_number):
        try:
            return send(alice, key=key).message.conversation_id
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=50) as pool:
        conversation_ids = list(pool.map(press, range(50)))

    assert len(set(conversation_ids)) == 1
    assert Conversation.objects.count() == 1


@pytest.mark.threat("H5")
def test_the_same_key_with_another_text_is_a_conflict(
    alice: Person, conversation: Conversation
) -> None:
    key = uuid4()
    first = send(alice, "Hello", conversation=conversation, key=key)

    assert send(alice, "Hello", conversation=conversation, key=key) == first
    with pytest.raises(Conflict):
        send(alice, "Goodbye", conversation=conversation, key=key)


@pytest.mark.threat("H5")
def test_keys_of_two_people_never_meet(alice: Person, bob: Person, a_model: Model) -> None:
    key = uuid4()

    hers, his = send(alice, key=key), send(bob, key=key)

    assert hers != his
    assert (hers.owner, his.owner) == (alice, bob)


@pytest.mark.threat("H4")
def test_what_was_rolled_back_was_never_queued(
    alice: Person, conversation: Conversation, worker: Worker
) -> None:
    def send_and_fail() -> None:
        with transaction.atomic():
            send(alice, conversation=conversation)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        send_and_fail()

    assert Message.objects.count() == 0
    assert worker.waiting_ids() == []

    kept = send(alice, conversation=conversation)
    assert worker.waiting_ids() == [kept.id]


@pytest.mark.threat("H3")
def test_a_committed_message_that_redis_never_heard_of_is_queued_by_the_sweep(
    alice: Person,
    conversation: Conversation,
    worker: Worker,
    brain: Brain,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(requests, "submit", lambda request, **_how: False)
    lost = send(alice, conversation=conversation)
    monkeypatch.undo()
    assert worker.waiting_ids() == []

    brain.steps()
    assert worker.waiting_ids() == []
    brain.later(10)

    assert worker.waiting_ids() == [lost.id]
    worker.answers("Once.")
    brain.later(2)
    brain.later(10)
    assert worker.waiting_ids() == []
    assert Generation.objects.get().text == "Once."


@pytest.mark.threat("H13")
@pytest.mark.parametrize("text", ["a\x00b", "half \ud83d of it", "\udc00"])
def test_text_that_cannot_be_stored_is_refused(
    alice: Person, conversation: Conversation, text: str
) -> None:
    with pytest.raises(BadCommand):
        send(alice, text, conversation=conversation)
    with pytest.raises(BadCommand):
        actions.rename_conversation(alice, conversation_id=conversation.id, title=text)
    assert Message.objects.count() == 0


def test_a_text_of_the_longest_length_is_taken_and_one_more_is_not(
    alice: Person, conversation: Conversation, settings: Any
) -> None:
    longest = "x" * settings.PORTAL.max_text_chars

    with pytest.raises(TooMuch):
        send(alice, longest + "x", conversation=conversation)
    assert send(alice, longest, conversation=conversation).message.text == longest


def test_a_second_question_waits_for_the_answer_to_the_first(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    send(alice, "One", conversation=conversation)

    with pytest.raises(Conflict):
        send(alice, "Two", conversation=conversation)
    worker.answers("Answer one.")

    # The end is on the stream and no recorder has come yet: it is written down on the way.
    second = send(alice, "Two", conversation=conversation)
    assert [m.content for m in prompts.request_of(second).messages] == [
        "One",
        "Answer one.",
        "Two",
    ]
    assert second.message.after.text == "Answer one."


@pytest.mark.threat("I2")
def test_a_full_queue_refuses_and_says_when_to_come_back(
    alice: Person,
    bob: Person,
    a_model: Model,
    settings: Any,
    worker: Worker,
    brain: Brain,
) -> None:
    settings.PORTAL = _with(settings.PORTAL, max_queue=2)
    send(alice)
    send(alice)

    with pytest.raises(QueueFull) as refused:
        send(bob)
    assert refused.value.retry_after_seconds
    assert Message.objects.filter(author=bob).count() == 0

    worker.answers("Room again.")
    brain.steps(2)
    assert send(bob).state == State.QUEUED


@pytest.mark.threat("I2")
def test_answers_that_have_begun_or_ended_do_not_fill_the_queue_though_no_row_says_so_yet(
    alice: Person, bob: Person, a_model: Model, settings: Any, worker: Worker
) -> None:
    settings.PORTAL = _with(settings.PORTAL, max_queue=2)

    for _number in range(6):  # one after the other, and no recorder comes by
        ask(alice)
        worker.answers("At once.")
    ask(alice)
    worker.takes().says("It is being")
    ask(alice)
    ask(bob)

    assert Generation.objects.filter(state=State.QUEUED).count() == 9
    with pytest.raises(QueueFull):
        ask(bob)


@pytest.mark.threat("I2")
def test_an_answer_that_waits_for_another_attempt_waits(
    alice: Person, a_model: Model, settings: Any, worker: Worker
) -> None:
    settings.PORTAL = _with(settings.PORTAL, max_queue=1)
    generation = ask(alice)
    worker.takes().says("Half")
    streams.reopen(generation.id, attempt=2)
    Generation.objects.update(attempt=2)

    with pytest.raises(QueueFull):
        ask(alice)


@pytest.mark.threat("I2")
def test_while_nobody_knows_who_has_begun_the_rows_are_counted(
    alice: Person, a_model: Model, settings: Any, monkeypatch: pytest.MonkeyPatch, worker: Worker
) -> None:
    def away() -> None:
        raise ConnectionError

    settings.PORTAL = _with(settings.PORTAL, max_queue=1)
    ask(alice)
    worker.answers("At once.")
    monkeypatch.setattr(streams, "client", away)

    with pytest.raises(QueueFull):
        ask(alice)


def test_one_person_has_a_bounded_number_of_open_answers(
    alice: Person, bob: Person, a_model: Model
) -> None:
    for _number in range(limits.MAX_OPEN_GENERATIONS):
        send(alice)

    with pytest.raises(TooOften):
        send(alice)
    assert send(bob)


@pytest.mark.threat("B8")
def test_a_model_that_was_taken_away_answers_neither_old_chat_nor_retry(
    alice: Person, conversation: Conversation, a_model: Model, worker: Worker, brain: Brain
) -> None:
    first = send(alice, conversation=conversation)
    worker.answers("Yes.")
    brain.steps()
    a_model.is_published = False
    a_model.save()

    with pytest.raises(NotFound):
        send(alice, conversation=conversation)
    with pytest.raises(NotFound):
        actions.retry_generation(alice, generation_id=first.id, client_key=uuid4())
    with pytest.raises(NotFound):
        actions.continue_generation(alice, generation_id=first.id, client_key=uuid4())
    with pytest.raises(NotFound):
        actions.ask(
            alice,
            model_name=a_model.name,
            messages=[protocol.Message(role="user", content="Hi")],
            options=protocol.Options(),
            client_key=uuid4(),
        )


@pytest.mark.threat("I3")
def test_a_prompt_is_bounded_from_the_end_whatever_the_length_of_the_conversation(
    alice: Person,
    conversation: Conversation,
    a_model: Model,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    after = None
    for number in range(600):
        message = Message.objects.create(
            conversation=conversation,
            author=alice,
            text=f"question {number} " + "x" * 100,
            after=after,
            client_key=uuid4(),
        )
        after = Generation.objects.create(
            owner=alice,
            message=message,
            model=a_model,
            model_name=a_model.name,
            client_key=uuid4(),
            state=State.COMPLETE,
            text=f"answer {number}",
            ended_at=conversation.created_at,
        )

    with django_assert_max_num_queries(25):
        generation = send(alice, "last", conversation=conversation)
    messages = prompts.request_of(generation).messages

    chars = sum(len(each.content) for each in messages)
    assert chars <= a_model.context_length * limits.PROMPT_CHARS_A_TOKEN
    assert messages[-1].content == "last"
    assert messages[-2].content == "answer 599"
    assert messages[0].role == "user"
    assert [m.role for m in messages] == [
        ("user", "assistant")[n % 2] for n in range(len(messages))
    ]


def test_a_prompt_has_the_newest_usable_answer_and_joins_questions_without_one(
    alice: Person, conversation: Conversation, a_model: Model, worker: Worker, brain: Brain
) -> None:
    a_model.system = "Be kind."
    a_model.save()
    first = send(alice, "One", conversation=conversation)
    worker.answers("First try.")
    again = actions.retry_generation(alice, generation_id=first.id, client_key=uuid4())
    worker.answers("Second try.")
    send(alice, "Two", conversation=conversation)
    worker.takes().ends("failed", "engine")
    last = send(alice, "Three", conversation=conversation)

    assert [(m.role, m.content) for m in prompts.request_of(last).messages] == [
        ("system", "Be kind."),
        ("user", "One"),
        ("assistant", "Second try."),
        ("user", "Two\n\nThree"),
    ]
    assert again.message == first.message


@pytest.mark.threat("H6")
def test_continue_goes_on_from_the_kept_text(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    first = send(alice, conversation=conversation)
    worker.takes().says("Once upon").ends("stopped")
    brain.steps()

    key = uuid4()
    second = actions.continue_generation(alice, generation_id=first.id, client_key=key)
    assert actions.continue_generation(alice, generation_id=first.id, client_key=key) == second
    held = worker.takes()
    assert held.request.so_far == "Once upon"
    held.says("Once upon", " a time").ends()
    brain.later(2)

    second.refresh_from_db()
    assert second.text == "Once upon a time"
    with pytest.raises(Conflict):
        actions.retry_generation(alice, generation_id=first.id, client_key=key)


@pytest.mark.threat("H6")
def test_deleting_a_conversation_stops_what_is_written_in_it(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    send(alice, conversation=conversation)
    held = worker.takes().says("Never mi")

    actions.delete_conversation(alice, conversation_id=conversation.id)

    assert held.was_asked_to_stop
    with pytest.raises(NotFound):
        send(alice, conversation=conversation)
    held.ends("stopped")
    brain.later(2)
    assert Generation.objects.get().state == State.STOPPED


@pytest.mark.threat("H6")
@pytest.mark.parametrize("first", COMMANDS)
@pytest.mark.parametrize("second", COMMANDS)
def test_any_two_commands_in_any_order_leave_one_open_answer_at_most(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain, first: str, second: str
) -> None:
    begun = send(alice, conversation=conversation)
    worker.takes().says("half").ends("stopped")
    commands = {
        "send": lambda: send(alice, "More", conversation=conversation),
        "ask on": lambda: nexts.send_or_keep(
            alice,
            conversation_id=conversation.id,
            text="And then?",
            client_key=uuid4(),
            model_name="scripted:latest",
            after=None,
        ),
        "edit": lambda: turning.edit_message(
            alice,
            message_id=begun.message_id,
            text="In other words",
            client_key=uuid4(),
            model_name="scripted:latest",
        ),
        "retry": lambda: actions.retry_generation(
            alice, generation_id=begun.id, client_key=uuid4()
        ),
        "continue": lambda: actions.continue_generation(
            alice, generation_id=begun.id, client_key=uuid4()
        ),
        "stop": lambda: actions.stop_generation(alice, begun.id),
        "delete": lambda: actions.delete_conversation(alice, conversation_id=conversation.id),
        "rename": lambda: actions.rename_conversation(
            alice, conversation_id=conversation.id, title="New"
        ),
    }
    for name in (first, second):
        try:
            commands[name]()
        except (Conflict, NotFound):
            assert name == second
    brain.steps()

    open_count = Generation.objects.filter(state__in=["queued", "running"]).count()
    assert open_count <= 1
    assert len(worker.waiting_ids()) == open_count
    begun.refresh_from_db()
    assert (begun.state, begun.text) == (State.STOPPED, "half")


def test_a_title_is_the_first_line_cut_at_a_word(alice: Person, a_model: Model) -> None:
    assert limits.derived_title("\n  Hello   there \nmore") == "Hello there"
    long = limits.derived_title("word " * 40)
    assert len(long) <= limits.MAX_DERIVED_TITLE_CHARS
    assert long.endswith("word…")
    assert len(limits.derived_title("x" * 500)) == limits.MAX_DERIVED_TITLE_CHARS


def _with(configuration, **changes):
    from dataclasses import replace

    return replace(configuration, **changes)
