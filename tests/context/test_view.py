"""What a model sees of a conversation is what the page says it sees."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from channels.db import database_sync_to_async
from pytest_django.fixtures import DjangoAssertNumQueries

from inference import protocol
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog.models import Model
from portal.chat import actions, branches
from portal.chat.models import Conversation, Generation
from portal.context import actions as context
from portal.context.queries import view_of
from tests.doubles.brain import Brain
from tests.doubles.tab import OpenTab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


class Talk:
    """Questions and answers in one conversation, each counted as the worker would."""

    def __init__(self, person: Person, model: Model, worker: Worker, brain: Brain) -> None:
        self.person, self.model, self.worker, self.brain = person, model, worker, brain
        self.conversation: Conversation | None = None
        self.ids: list[UUID] = []

    def asks(self, text: str, *, why: Any = "done", says: str = "Yes.", **stats: int) -> Generation:
        generation = actions.send_message(
            self.person,
            conversation_id=self.conversation.id if self.conversation else None,
            text=text,
            client_key=uuid4(),
            model_name=self.model.name,
        )
        assert generation.message is not None
        self.conversation = generation.message.conversation
        self.ids.append(generation.message.id)
        held = self.worker.takes()
        self.read = [message.content for message in held.request.messages]
        if says:
            held.says(says)
        held.publish(protocol.End(why=why, stats=protocol.Stats(**stats)))
        self.worker.redis.xadd(protocol.NEWS, {"generation": str(held.id)})
        held.loses_its_lease()
        self.brain.steps()
        return generation

    def view(self) -> Any:
        assert self.conversation is not None
        self.conversation.refresh_from_db()
        end = branches.last_answer(self.conversation)
        return view_of(self.conversation, end=end, model=self.model)


@pytest.fixture
def talk(alice: Person, a_model: Model, worker: Worker, brain: Brain) -> Talk:
    return Talk(alice, a_model, worker, brain)


def test_a_short_talk_is_wholly_in_view(talk: Talk) -> None:
    talk.asks("One?", prompt_tokens=10, answer_tokens=5)
    talk.asks("Two?", prompt_tokens=30, answer_tokens=6)

    view = talk.view()

    assert (view.window_tokens, view.used_tokens) == (2048, 36)
    assert (view.because, view.begins_with, view.hidden_messages) == ("", None, 0)
    # Two questions and two answers of four letters each.
    assert view.chars_a_token == round(16 / 36, 2)


@pytest.mark.parametrize(
    ("read_messages", "first_seen"),
    [(1, 3), (2, 3), (3, 2), (4, 2), (5, 1), (6, 1), (0, 0)],
)
def test_the_line_stands_before_the_oldest_question_that_was_read_with_its_answer(
    talk: Talk, read_messages: int, first_seen: int
) -> None:
    for _ in range(3):
        talk.asks("Earlier?", prompt_tokens=10, answer_tokens=5)
    talk.asks("Now?", prompt_tokens=2000, answer_tokens=5, read_messages=read_messages)

    view = talk.view()

    assert view.begins_with == (talk.ids[first_seen] if first_seen else None)
    assert view.because == ("full" if first_seen else "")
    assert view.hidden_messages == 2 * first_seen


def test_questions_whose_answer_failed_are_read_together_with_the_next(talk: Talk) -> None:
    talk.asks("One?", prompt_tokens=10, answer_tokens=5)
    talk.asks("Two?", why="failed", says="")
    talk.asks("Three?", prompt_tokens=30, answer_tokens=5, read_messages=1)

    view = talk.view()

    assert talk.read[-1] == "Two?\n\nThree?"
    assert (view.begins_with, view.hidden_messages) == (talk.ids[1], 2)


def test_after_a_clear_the_model_reads_nothing_of_before_until_it_is_brought_back(
    talk: Talk,
) -> None:
    talk.asks("My name is Ana.", prompt_tokens=10, answer_tokens=5)
    ana = talk.asks("Remember it.", prompt_tokens=20, answer_tokens=5)
    assert talk.conversation is not None
    context.clear(talk.person, conversation_id=talk.conversation.id)
    cleared = talk.view()

    talk.asks("Who am I?", prompt_tokens=12, answer_tokens=5)
    forgotten, after = talk.read, talk.view()
    context.restore(talk.person, generation_id=ana.id)
    talk.asks("And now?", prompt_tokens=50, answer_tokens=5)

    assert forgotten == ["Who am I?"]
    assert (cleared.because, cleared.begins_with, cleared.hidden_messages) == ("cleared", None, 4)
    assert (after.because, after.begins_with, after.hidden_messages) == (
        "cleared",
        talk.ids[2],
        4,
    )
    assert after.cleared_at == ana.id
    assert "My name is Ana." in talk.read
    assert talk.view().because == ""
    acts = Entry.objects.filter(act__startswith="context.").values_list("act", flat=True)
    assert sorted(acts) == ["context.cleared", "context.restored"]


def test_another_branch_is_not_cut_by_a_clear_on_this_one(talk: Talk) -> None:
    talk.asks("One?", prompt_tokens=10, answer_tokens=5)
    first = talk.asks("Two?", prompt_tokens=20, answer_tokens=5)
    assert talk.conversation is not None
    context.clear(talk.person, conversation_id=talk.conversation.id)

    again = actions.retry_generation(talk.person, generation_id=first.id, client_key=uuid4())
    talk.worker.takes().says("Yes.").ends()
    talk.brain.steps()
    talk.asks("Three?", prompt_tokens=30, answer_tokens=5)

    assert talk.read[:2] == ["One?", "Yes."]
    assert again.id != first.id
    assert talk.view().because == ""


def test_the_answer_that_was_gone_on_from_is_the_one_that_is_read(talk: Talk) -> None:
    first = talk.asks("One?", says="Blue.", prompt_tokens=10, answer_tokens=5)
    actions.retry_generation(talk.person, generation_id=first.id, client_key=uuid4())
    talk.worker.takes().says("Red.").ends()
    talk.brain.steps()
    assert talk.conversation is not None
    Conversation.objects.filter(id=talk.conversation.id).update(shown=first)

    talk.asks("Why?", prompt_tokens=30, answer_tokens=5)

    assert "Blue." in talk.read
    assert "Red." not in talk.read


@pytest.mark.threat("H12")
def test_looking_costs_the_same_for_a_long_talk(
    talk: Talk, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        end = talk.asks(f"{number}?", prompt_tokens=10, answer_tokens=5)
    assert talk.conversation is not None

    with django_assert_num_queries(4):
        view_of(talk.conversation, end=end, model=talk.model)


async def test_a_tab_looks_clears_and_is_told_by_the_change(
    open_tab: OpenTab, alice: Person, talk: Talk
) -> None:
    await database_sync_to_async(talk.asks)("One?", prompt_tokens=10, answer_tokens=5)
    assert talk.conversation is not None
    tab, other = await open_tab(alice), await open_tab(alice)
    ids = {"conversation_id": talk.conversation.id}

    before = await tab.says("context.look", model_name="scripted:latest", **ids)
    await tab.says("context.clear", **ids)
    await tab.says("context.clear", **ids)
    await other.until(lambda: other.pushed_of("changed"))
    after = await other.says("context.look", model_name="scripted:latest", **ids)
    await tab.says("context.restore", generation_id=after["cleared_at"])

    assert (before["because"], after["because"]) == ("", "cleared")
    assert (await tab.says("context.look", model_name="scripted:latest", **ids)) == {
        **before,
        "ref": 5,
    }


async def test_nothing_is_cleared_under_an_answer_that_is_being_written(
    open_tab: OpenTab, alice: Person, conversation: Conversation, worker: Worker
) -> None:
    tab = await open_tab(alice)
    await tab.asks("Hello", conversation_id=str(conversation.id))

    refused = await tab.says("context.clear", conversation_id=conversation.id)

    assert refused["code"] == "conflict"
