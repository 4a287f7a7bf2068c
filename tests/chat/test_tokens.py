"""Tokens of a day, on the page: counted with each answer, and refused in a sentence."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async

from portal.accounts import usage
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog.models import Model
from portal.chat import actions
from portal.chat.errors import TooOften
from portal.chat.models import Generation, Message
from tests.doubles.brain import Brain
from tests.doubles.tab import OpenTab
from tests.doubles.worker import STATS, Worker

pytestmark = pytest.mark.django_db(transaction=True)
DAY_TOKENS = STATS.prompt_tokens + STATS.answer_tokens


@pytest.fixture
def a_small_day(settings: Any) -> None:
    settings.PORTAL = replace(settings.PORTAL, tokens_a_day=DAY_TOKENS)


def send(person: Person, **more: Any) -> Generation:
    return actions.send_message(
        person,
        **{
            "conversation_id": None,
            "text": "Hello",
            "client_key": uuid4(),
            "model_name": "scripted:latest",
            **more,
        },
    )


def answered(person: Person, worker: Worker, brain: Brain, *, why: Any = "done") -> Generation:
    generation = send(person)
    worker.takes().says("Hi").ends(why)
    brain.steps()
    return generation


@pytest.mark.parametrize("why", ["done", "stopped", "length", "interrupted"])
def test_every_end_is_counted_once(
    alice: Person, a_model: Model, worker: Worker, brain: Brain, why: str
) -> None:
    answered(alice, worker, brain, why=why)
    brain.steps()

    assert usage.of_person(alice).total == DAY_TOKENS
    assert alice.usage.get().answers == 1


@pytest.mark.threat("I1")
def test_without_tokens_left_nothing_is_stored_or_queued(
    alice: Person, bob: Person, a_model: Model, worker: Worker, brain: Brain, a_small_day: None
) -> None:
    first = answered(alice, worker, brain)
    entries = Entry.objects.count()

    with pytest.raises(TooOften, match="are used up: 17 of 17"):
        send(alice)
    with pytest.raises(TooOften):
        actions.retry_generation(alice, generation_id=first.id, client_key=uuid4())

    assert (Message.objects.count(), Generation.objects.count()) == (1, 1)
    assert Entry.objects.count() == entries
    assert worker.waiting_ids() == []
    send(bob)


@pytest.mark.threat("H5")
def test_a_press_that_was_heard_is_still_heard_when_the_tokens_are_gone(
    alice: Person, a_model: Model, worker: Worker, brain: Brain, a_small_day: None
) -> None:
    key = uuid4()
    first = send(alice, client_key=key)
    worker.takes().says("Hi").ends()
    brain.steps()

    assert send(alice, client_key=key).id == first.id


async def test_the_page_is_told_in_a_sentence(
    open_tab: OpenTab, alice: Person, a_model: Model, a_small_day: None
) -> None:
    await database_sync_to_async(usage.book)(alice.pk, None, prompt_tokens=10, answer_tokens=7)
    tab = await open_tab(alice)

    refused = await tab.asks("Hello")

    assert (refused["type"], refused["code"]) == ("refusal", "too-often")
    assert refused["message"].startswith("The tokens of this day are used up: 17 of 17.")
    assert "ask your administrator" in refused["message"]
