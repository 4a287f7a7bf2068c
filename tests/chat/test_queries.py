"""Lists ask the database a fixed number of times, whatever their length (threat H12)."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat import asked, commands, queries
from portal.chat.models import Conversation, Door

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def long_history(alice: Person, a_model: Model):
    for number in range(60):
        conversation = Conversation.objects.create(
            owner=alice, title=f"{number}", changed_at=timezone.now()
        )
    return conversation


@pytest.mark.threat("H12")
@pytest.mark.parametrize(
    ("command", "most"),
    [
        (asked.Hello(ref=1), 5),  # pinned, conversations, models, stable names, retired ones
        (asked.ListConversations(ref=1), 2),
    ],
    ids=["hello", "conversations.list"],
)
def test_lists_have_a_bounded_number_of_queries(
    alice: Person,
    long_history: Conversation,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    command: Any,
    most: int,
) -> None:
    with django_assert_max_num_queries(most):
        frame: Any = commands.run(alice, command, language="en")

    assert len(frame.conversations) == 50
    assert frame.more


def test_pages_of_the_list_follow_each_other_without_gap(
    alice: Person, long_history: Conversation
) -> None:
    first: Any = commands.run(alice, asked.ListConversations(ref=1), language="en")
    second: Any = commands.run(
        alice,
        asked.ListConversations(ref=2, before=first.conversations[-1].changed_at),
        language="en",
    )

    titles = [each.title for each in (*first.conversations, *second.conversations)]
    assert titles == [str(number) for number in reversed(range(60))]
    assert not second.more


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL decides by what is there")
def test_what_is_open_is_found_without_reading_all_that_was_ever_answered(
    alice: Person, a_model: Model, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Every question counts what is open, and so does the recorder every second."""
    with django_assert_num_queries(2) as asked_for:
        queries.load_of(alice, door=Door.API, model=a_model)
        list(queries.all_open())

    for query in asked_for.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = str(cursor.fetchall())
        assert "generation_state" in plan, plan
        assert "SCAN" not in plan, plan
