"""Branches: nothing that was said is ever gone, and everybody sees the one that was chosen last."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog.models import Model
from portal.chat import actions, asked, branches, commands, prompts, turning
from portal.chat.errors import BadCommand, Conflict, NotFound
from portal.chat.models import Conversation, Generation, Message, State
from tests.doubles.brain import Brain
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "scripted:latest"


def send(person: Person, conversation: Conversation, text: str, **more: Any) -> Generation:
    return actions.send_message(
        person,
        conversation_id=conversation.id,
        text=text,
        **{"client_key": uuid4(), "model_name": MODEL, **more},
    )


def edit(person: Person, generation: Generation, text: str, **more: Any) -> Generation:
    return turning.edit_message(
        person,
        message_id=question(generation).id,
        text=text,
        **{"client_key": uuid4(), "model_name": MODEL, **more},
    )


def question(generation: Generation) -> Message:
    assert generation.message is not None
    return generation.message


def shown(person: Person, conversation: Conversation, **fields: Any) -> Any:
    command = asked.OpenConversation(ref=1, conversation_id=conversation.id, **fields)
    return commands.run(person, command, language="en")


def texts(frame: Any) -> list[tuple[str, str]]:
    """What the page shows: each question with the answer that it goes on from."""
    return [
        (each.text, next(a.text for a in each.answers if a.id == each.shown))
        for each in frame.messages
    ]


@pytest.fixture
def talk(alice: Person, conversation: Conversation, worker: Worker, brain: Brain) -> Any:
    """Two questions, answered."""
    first = send(alice, conversation, "One")
    worker.answers("Answer one.")
    second = send(alice, conversation, "Two")
    worker.answers("Answer two.")
    brain.steps()
    return first, second


def test_a_question_in_other_words_begins_a_branch_and_the_old_one_is_kept(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain, talk: Any
) -> None:
    first, _second = talk

    anew = edit(alice, first, "Uno")
    worker.answers("Risposta uno.")
    brain.steps()

    frame = shown(alice, conversation)
    assert texts(frame) == [("Uno", "Risposta uno.")]
    assert frame.messages[0].versions == [question(first).id, question(anew).id]
    assert Message.objects.count() == 3
    older = commands.run(
        alice, asked.ShowMessage(ref=2, message_id=question(first).id), language="en"
    )
    assert texts(older) == [("One", "Answer one."), ("Two", "Answer two.")]
    # On every device, and after a reload.
    assert texts(shown(alice, conversation)) == texts(older)


def test_the_model_reads_the_branch_that_is_shown_and_no_other(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain, talk: Any
) -> None:
    _first, second = talk
    edit(alice, second, "Due")
    worker.answers("Risposta due.")
    third = send(alice, conversation, "Three")

    assert [each.content for each in prompts.request_of(third).messages] == [
        *("One", "Answer one.", "Due", "Risposta due.", "Three"),
    ]


def test_an_answer_that_is_gone_on_from_is_the_one_the_model_reads(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain, talk: Any
) -> None:
    first, _second = talk
    actions.retry_generation(alice, generation_id=first.id, client_key=uuid4())
    worker.answers("Answer one, again.")
    brain.steps()

    turning.show_generation(alice, first.id)

    assert texts(shown(alice, conversation)) == [("One", "Answer one."), ("Two", "Answer two.")]
    turning.show_generation(alice, Generation.objects.get(text="Answer one, again.").id)
    assert texts(shown(alice, conversation)) == [("One", "Answer one, again.")]
    other = send(alice, conversation, "And?")
    assert [each.content for each in prompts.request_of(other).messages] == [
        *("One", "Answer one, again.", "And?"),
    ]


def test_turning_back_leads_to_what_was_said_last_on_that_branch(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain, talk: Any
) -> None:
    first, second = talk
    edit(alice, second, "Two, version two")
    worker.answers("B.")
    brain.steps()
    edit(alice, first, "Other")
    worker.answers("C.")
    brain.steps()

    turning.show_message(alice, question(first).id)

    assert texts(shown(alice, conversation)) == [("One", "Answer one."), ("Two, version two", "B.")]


def test_what_is_shown_already_is_not_turned(
    alice: Person, conversation: Conversation, talk: Any
) -> None:
    first, second = talk

    turning.show_message(alice, question(first).id)
    turning.show_generation(alice, first.id)

    conversation.refresh_from_db()
    assert conversation.shown_id == second.id
    assert not Entry.objects.filter(act="branch.shown").exists()


@pytest.mark.threat("H6")
def test_a_question_behind_an_older_end_is_told_so_and_changes_nothing(
    alice: Person, conversation: Conversation, talk: Any
) -> None:
    first, second = talk

    with pytest.raises(Conflict, match="gone on elsewhere"):
        send(alice, conversation, "Late", after=first.id)

    assert Message.objects.count() == 2
    assert question(send(alice, conversation, "In time", after=second.id)).after == second


@pytest.mark.threat("B1")
def test_a_question_follows_only_answers_of_its_own_conversation(
    alice: Person, bob: Person, conversation: Conversation, worker: Worker, talk: Any
) -> None:
    first, _second = talk
    his = actions.send_message(
        bob, conversation_id=None, text="Mine", client_key=uuid4(), model_name=MODEL
    )
    other = actions.send_message(
        alice, conversation_id=None, text="Other", client_key=uuid4(), model_name=MODEL
    )

    for answer in (his.id, other.id, uuid4()):
        with pytest.raises(NotFound):
            send(alice, conversation, "Across", after=answer)
    with pytest.raises(NotFound):
        shown(alice, question(other).conversation, before=question(first).id)
    with pytest.raises(NotFound):
        shown(alice, conversation, before=his.message_id)
    assert not Message.objects.filter(text="Across").exists()


@pytest.mark.threat("H6")
def test_while_an_answer_is_made_nothing_is_edited(
    alice: Person, conversation: Conversation, talk: Any
) -> None:
    first, _second = talk
    send(alice, conversation, "Three")

    with pytest.raises(Conflict):
        edit(alice, first, "Uno")
    assert Message.objects.count() == 3


@pytest.mark.threat("H5")
def test_one_press_of_ask_again_is_one_version(
    alice: Person, bob: Person, conversation: Conversation, talk: Any
) -> None:
    first, second = talk
    key = uuid4()

    anew = edit(alice, first, "Uno", client_key=key)

    assert edit(alice, first, "Uno", client_key=key) == anew
    with pytest.raises(Conflict):
        edit(alice, first, "Eins", client_key=key)
    with pytest.raises(Conflict):
        edit(alice, second, "Uno", client_key=key)
    with pytest.raises(NotFound):
        edit(bob, first, "Uno", client_key=key)
    assert Message.objects.count() == 3


def test_an_edit_needs_words(alice: Person, conversation: Conversation, talk: Any) -> None:
    with pytest.raises(BadCommand):
        edit(alice, talk[0], "  ")


def test_conversations_from_before_there_were_branches_open_at_their_end(
    alice: Person, conversation: Conversation, talk: Any
) -> None:
    Conversation.objects.update(shown=None)

    assert texts(shown(alice, conversation)) == [("One", "Answer one."), ("Two", "Answer two.")]


@pytest.fixture
def long_talk(alice: Person, conversation: Conversation, a_model: Model) -> list[UUID]:
    """Seventy questions in a row, the first of them asked in two versions."""
    after, ids = None, []
    for number in range(71):
        message = Message.objects.create(
            conversation=conversation,
            author=alice,
            text=f"question {number}",
            after=after if number > 1 else None,
            client_key=uuid4(),
        )
        ids.append(message.id)
        after = Generation.objects.create(
            owner=alice,
            message=message,
            model=a_model,
            model_name=a_model.name,
            client_key=uuid4(),
            state=State.COMPLETE,
            text=f"answer {number}",
            ended_at=timezone.now(),
        )
    conversation.shown = after
    conversation.save()
    return ids[1:]


@pytest.mark.threat("H12")
@pytest.mark.threat("I3")
def test_a_long_conversation_opens_at_its_end_with_a_bounded_number_of_queries(
    alice: Person,
    conversation: Conversation,
    long_talk: list[UUID],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(10):
        frame = shown(alice, conversation)

    assert [each.id for each in frame.messages] == long_talk[-branches.QUESTIONS_A_STRETCH :]
    assert frame.more


@pytest.mark.threat("I3")
def test_earlier_stretches_join_on_without_gap_up_to_the_first_question(
    alice: Person, conversation: Conversation, long_talk: list[UUID]
) -> None:
    frame = shown(alice, conversation)
    read = [each.id for each in frame.messages]
    while frame.more:
        frame = shown(alice, conversation, before=read[0])
        read = [*(each.id for each in frame.messages), *read]

    assert read == long_talk
    assert len(frame.messages[0].versions) == 2


def test_going_to_an_old_question_loads_as_far_back_as_it_lies(
    alice: Person, conversation: Conversation, long_talk: list[UUID]
) -> None:
    command = asked.ShowMessage(ref=1, message_id=long_talk[20])

    frame: Any = commands.run(alice, command, language="en")

    found = [each.id for each in frame.messages]
    assert found == long_talk[-len(found) :]
    assert long_talk[20] in found
    assert len(found) < len(long_talk)


def test_going_to_a_question_of_another_branch_shows_that_branch(
    alice: Person, conversation: Conversation, long_talk: list[UUID]
) -> None:
    other = Message.objects.get(text="question 0")

    frame: Any = commands.run(alice, asked.ShowMessage(ref=1, message_id=other.id), language="en")

    assert texts(frame) == [("question 0", "answer 0")]
