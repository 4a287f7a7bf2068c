"""The audit rows: who, what, on what; never text."""

import pytest
from django.db import transaction

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.audit.record import record


def test_a_row_names_who_did_what_to_what(db: None) -> None:
    person = Person.objects.create_user("ada@example.com")

    record(person, "person.changed", person, fields=["name"])

    entry = Entry.objects.get()
    assert (entry.person, entry.person_label, entry.act) == (
        person,
        "ada@example.com",
        "person.changed",
    )
    assert (entry.subject, entry.details) == (f"accounts.person {person.pk}", {"fields": ["name"]})
    assert str(entry) == f"person.changed accounts.person {person.pk}"


def test_what_the_portal_does_by_itself_is_its_own(db: None) -> None:
    record(None, "generation.interrupted")

    entry = Entry.objects.get()
    assert (entry.person, entry.person_label, entry.subject) == (None, "portal", "")


def test_the_row_outlives_the_person(db: None) -> None:
    person = Person.objects.create_user("ada@example.com")
    record(person, "person.changed", person)

    person.delete()

    entry = Entry.objects.get()
    assert (entry.person, entry.person_label) == (None, "ada@example.com")


def test_an_act_that_fails_leaves_no_row(db: None) -> None:
    @transaction.atomic
    def act() -> None:
        record(None, "something.done")
        raise RuntimeError("the act fails")

    with pytest.raises(RuntimeError, match="fails"):
        act()

    assert not Entry.objects.exists()
