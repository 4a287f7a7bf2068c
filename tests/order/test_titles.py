"""Titles by the model: asked once, in the background, and only taken when they look like titles."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from django.db import OperationalError

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog.models import Model
from portal.chat import actions
from portal.chat.errors import TooOften
from portal.chat.models import Conversation, Generation
from portal.order.titles import Titles, title_in
from portal.order.upkeep import Upkeep
from tests.doubles.brain import Brain
from tests.doubles.said import said
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Namer:
    """The keeper of titles beside recorder and reaper, moved by hand."""

    brain: Brain
    woken: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.titles = Titles(
            clock=self.brain.clock,
            wake=lambda _owner, conversation: self.woken.append(conversation),
        )

    def looks(self) -> None:
        self.brain.later(1.5)
        self.titles.step()


@pytest.fixture
def namer(brain: Brain) -> Namer:
    return Namer(brain)


@pytest.fixture
def talked(alice: Person, a_model: Model) -> Conversation:
    return said(alice, ("What is the capital of France?", "Paris."), title="What is the cap…")


def test_the_model_names_a_conversation_after_its_first_answer_behind_everybody_else(
    talked: Conversation, worker: Worker, namer: Namer
) -> None:
    namer.looks()
    held = worker.takes()
    assert held.request.lane == "background"
    assert "capital of France" in held.request.messages[-1].content
    held.says('Title: "French capital"\n').ends()
    namer.looks()

    talked.refresh_from_db()
    assert talked.title == "French capital"
    assert namer.woken == [talked.id]
    assert Entry.objects.filter(act="conversation.titled", person=None).count() == 1
    assert Generation.objects.count() == 1, "what was said for the title is not kept beside it"


def test_it_is_asked_once_whatever_comes_of_it(
    talked: Conversation, worker: Worker, namer: Namer
) -> None:
    namer.looks()
    worker.takes().says("word " * 40).ends()

    for _ in range(4):
        namer.looks()

    talked.refresh_from_db()
    assert talked.title == "What is the cap…"
    assert worker.waiting_ids() == []
    assert Generation.objects.count() == 1


def test_a_title_of_her_own_is_never_replaced(
    alice: Person, talked: Conversation, worker: Worker, namer: Namer
) -> None:
    namer.looks()
    held = worker.takes()
    actions.rename_conversation(alice, conversation_id=talked.id, title="Mine")
    held.says("Theirs").ends()
    namer.looks()

    talked.refresh_from_db()
    assert talked.title == "Mine"


def test_renamed_temporary_and_deleted_conversations_are_not_asked_about(
    alice: Person, bob: Person, a_model: Model, worker: Worker, namer: Namer
) -> None:
    for change in (
        {"title_is_own": True},
        {"is_temporary": True},
        {"deleted_at": "2026-01-01T00:00:00Z"},
    ):
        one = said(bob, ("Q", "A"))
        Conversation.objects.filter(id__in=[one.id]).update(**change)
    said(alice, ("Q", "A"), ago_minutes=30)
    said(alice, ("Q", ""))

    namer.looks()

    assert worker.waiting_ids() == []


@pytest.mark.threat("B8")
def test_a_model_that_she_may_use_no_longer_is_not_asked(
    a_model: Model, talked: Conversation, worker: Worker, namer: Namer
) -> None:
    a_model.is_for_everyone = False
    a_model.save()

    namer.looks()
    namer.looks()

    assert worker.waiting_ids() == []
    talked.refresh_from_db()
    assert talked.title_asked_at is not None, "and it is not tried every second"


def test_a_full_queue_is_tried_again_later(
    talked: Conversation, worker: Worker, namer: Namer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr("portal.chat.limits.MAX_OPEN_API_GENERATIONS", 0)
        namer.looks()
        namer.looks()
    assert worker.waiting_ids() == []

    namer.brain.clock.now += 30
    namer.looks()

    assert len(worker.waiting_ids()) == 1


def test_those_that_must_wait_hold_up_nobody_else(
    alice: Person,
    bob: Person,
    a_model: Model,
    worker: Worker,
    namer: Namer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said(bob, ("Q", "A"), ago_minutes=5)
    for _ in range(10):
        said(alice, ("Q", "A"))

    def hers_are_used_up(person: Person) -> None:
        if person == alice:
            raise TooOften

    monkeypatch.setattr("portal.accounts.quotas.must_have_tokens", hers_are_used_up)
    for _ in range(4):
        namer.looks()

    assert len(worker.waiting_ids()) == 1


def test_a_database_that_is_busy_when_the_title_comes_costs_a_moment_only(
    talked: Conversation, worker: Worker, namer: Namer, monkeypatch: pytest.MonkeyPatch
) -> None:
    namer.looks()
    worker.takes().says("French capital").ends()
    with monkeypatch.context() as busy:
        busy.setattr("portal.order.titles.record", _is_busy)
        with pytest.raises(OperationalError):
            namer.looks()

    namer.looks()

    talked.refresh_from_db()
    assert talked.title == "French capital"
    assert namer.woken == [talked.id]
    assert Generation.objects.count() == 1


def _is_busy(*_arguments: object) -> None:
    raise OperationalError("database is locked")


def test_the_switch_turns_titles_off(talked: Conversation, worker: Worker, brain: Brain) -> None:
    Upkeep(clock=brain.clock, wake=lambda _o, _c: None, has_titles=False).step()
    assert worker.waiting_ids() == []

    upkeep = Upkeep(clock=brain.clock, wake=lambda _o, _c: None)
    upkeep.step()
    assert len(worker.waiting_ids()) == 1


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("French capital", "French capital"),
        ('"French capital".', "French capital"),
        ("\n\n**Title:** French capital\nIt is about…", "French capital"),
        ("标题：法国首都", "法国首都"),
        ("《法国首都》。", "《法国首都》"),
        ("Note: buy milk", "Note: buy milk"),
        ("Fr\u202eench\x07 capital", "Fr ench capital"),
        ("", None),
        ('""', None),
        ("…!", None),
        ("word " * 30, None),
    ],
)
def test_only_what_looks_like_a_title_is_one(text: str, title: str | None) -> None:
    assert title_in(text) == title
