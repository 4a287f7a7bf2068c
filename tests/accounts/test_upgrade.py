"""The version before this one, which still runs while the database is of this one (threat H10)."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.db.models.sql import InsertQuery

from portal.accounts.models import ApiKey, KeyScope, Person

pytestmark = [pytest.mark.django_db, pytest.mark.threat("H10")]

# What came with migration 0003, and is unknown to programs from before it.
NEW = {
    Person: {"tokens_a_day", "is_system"},
    ApiKey: {"requests_a_minute", "tokens_a_day", "last_client", "last_act", "last_status"},
}


def stored_by_the_version_before(made: Any) -> Model:
    kind = type(made)
    query = InsertQuery(kind)
    fields = [each for each in kind._meta.concrete_fields if each.name not in NEW[kind]]
    query.insert_values(fields, [made])
    query.get_compiler(connection=connection).execute_sql()
    stored: Model = kind._default_manager.get(pk=made.pk)
    return stored


def test_it_still_adds_people_and_keys() -> None:
    person = stored_by_the_version_before(Person(email="old@example.org", password="!"))
    assert isinstance(person, Person)
    key = stored_by_the_version_before(
        ApiKey(owner=person, name="k", secret_sha256="0" * 64, scopes=[KeyScope.CHAT])
    )

    assert isinstance(key, ApiKey)
    assert (person.is_system, key.last_client, key.last_act) == (False, "", "")
