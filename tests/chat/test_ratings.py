"""Ratings: hers to give, change and take back; no conversation is read by way of them."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.chat import actions, asked, commands, ratings
from portal.chat.errors import BadCommand, Conflict, NotFound, TooMuch
from portal.chat.models import Conversation, Generation, Rating
from tests.doubles.brain import Brain
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def answer(alice: Person, conversation: Conversation, worker: Worker, brain: Brain) -> Generation:
    generation = actions.send_message(
        alice,
        conversation_id=conversation.id,
        text="secret question",
        client_key=uuid4(),
        model_name="scripted:latest",
    )
    worker.answers("secret answer")
    brain.steps()
    generation.refresh_from_db()
    return generation


def rate(person: Person, answer: Generation, **fields: Any) -> None:
    ratings.rate(
        person,
        generation_id=answer.id,
        **{"verdict": "bad", "reasons": ["wrong", "wrong", "too-long"], "note": " Hm. ", **fields},
    )


def shown_rating(person: Person, conversation: Conversation) -> Any:
    command = asked.OpenConversation(ref=1, conversation_id=conversation.id)
    frame: Any = commands.run(person, command, language="en")
    return frame.messages[0].answers[0].rating


def test_a_rating_is_kept_with_its_reasons_and_shown_again(
    alice: Person, conversation: Conversation, answer: Generation
) -> None:
    rate(alice, answer)

    kept = shown_rating(alice, conversation)
    assert (kept.verdict, kept.reasons, kept.note) == ("bad", ["too-long", "wrong"], "Hm.")
    assert Entry.objects.filter(act="generation.rated", person=alice).count() == 1


def test_the_last_word_counts_and_can_be_taken_back(
    alice: Person, conversation: Conversation, answer: Generation
) -> None:
    rate(alice, answer)
    rate(alice, answer, verdict="good", reasons=[], note="")
    assert shown_rating(alice, conversation).verdict == "good"

    rate(alice, answer, verdict=None)

    assert shown_rating(alice, conversation) is None
    assert Rating.objects.count() == 0


@pytest.mark.threat("B2")
def test_another_persons_answer_cannot_be_rated(bob: Person, answer: Generation) -> None:
    with pytest.raises(NotFound):
        rate(bob, answer)
    assert Rating.objects.count() == 0


def test_an_answer_that_is_being_written_is_not_rated_yet(
    alice: Person, conversation: Conversation, answer: Generation
) -> None:
    again = actions.retry_generation(alice, generation_id=answer.id, client_key=uuid4())

    with pytest.raises(Conflict):
        rate(alice, again)


@pytest.mark.threat("H13")
def test_a_note_has_an_end_and_can_be_stored(alice: Person, answer: Generation) -> None:
    with pytest.raises(TooMuch):
        rate(alice, answer, note="x" * (ratings.MAX_NOTE_CHARS + 1))
    with pytest.raises(BadCommand):
        rate(alice, answer, note="a\x00b")
    rate(alice, answer, note="x" * ratings.MAX_NOTE_CHARS)


@pytest.mark.threat("B9")
def test_administrators_read_the_rating_and_neither_question_answer_nor_name(
    client: Client, alice: Person, carol_the_admin: Person, answer: Generation
) -> None:
    rate(alice, answer, note="It was wrong about cats.")
    client.force_login(carol_the_admin)

    for address in (
        reverse("admin:chat_rating_changelist"),
        reverse("admin:chat_rating_change", args=[Rating.objects.get().pk]),
    ):
        page = client.get(address).content.decode()
        assert "It was wrong about cats." in page
        assert "too long" in page
        for hidden in ("secret question", "secret answer", "alice@example.org"):
            assert hidden not in page
