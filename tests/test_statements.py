"""A statement that is kept asks what Django's own query asks, whatever is filled in."""

from datetime import timedelta

import pytest
from django.db.models import QuerySet
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal import statements
from portal.accounts.models import Person
from portal.statements import Statement

pytestmark = pytest.mark.django_db

ODD = ("Ada%", "ada_", "ÄDA", "a'da", 'a"da', "a\\da", "%s", "", "ada", "爱达")


@pytest.fixture
def people() -> list[Person]:
    return [
        Person.objects.create_user(f"{number}@example.org", name=name)
        for number, name in enumerate(ODD)
    ]


@pytest.mark.parametrize("name", [*ODD, "ADA", "ad", "x"])
def test_a_name_is_found_as_django_finds_it(people: list[Person], name: str) -> None:
    for by, kind in (("name__iexact", statements.FOLDED), ("name", statements.TEXT)):

        def asks(text: str, by: str = by) -> QuerySet[Person]:
            return Person.objects.filter(**{by: text}).order_by("email")

        named = Statement(Person, asks, kind)
        assert named.first("nobody's name") is None
        assert named.first(name) == asks(name).first()


def test_values_stand_where_the_query_has_them_and_nothing_of_a_first_time_stays(
    people: list[Person], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ada, other = people[:2]
    Person.objects.filter(pk=other.pk).update(is_active=False)
    joined = Statement(
        Person,
        lambda since, pk: Person.objects.filter(pk=pk, is_active=True, date_joined__gte=since),
        *(statements.MOMENT, statements.ID),
    )
    past, future = (timezone.now() + timedelta(days=days) for days in (-1, 1))

    assert joined.first(past, ada.pk) == ada
    assert joined.first(future, ada.pk) is None
    assert joined.first(past, other.pk) is None
    assert (joined.all(past, ada.pk), joined.all(future, ada.pk)) == ([ada], [])
    with django_assert_num_queries(1):
        found = joined.first(past, ada.pk)
        assert found is not None
        assert (found.id, found.email, found.is_active) == (ada.id, ada.email, True)
        assert found.date_joined == ada.date_joined
