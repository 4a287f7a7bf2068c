"""People of the account tests, and a cache without the counts of the test before."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from portal.accounts import notices
from portal.accounts.models import Person

PASSWORD = "a long walk by the river"


@pytest.fixture(autouse=True)
def no_counts_from_before() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ada(db: None) -> Person:
    return Person.objects.create_user("ada@example.com", PASSWORD, name="Ada")


@pytest.fixture
def boris(db: None) -> Person:
    return Person.objects.create_user("boris@example.com", PASSWORD, name="Boris")


@pytest.fixture
def chief(db: None) -> Person:
    return Person.objects.create_superuser("chief@example.com", PASSWORD, name="Chief")


@pytest.fixture
def browser() -> Client:
    return Client()


@pytest.fixture
def ada_signed_in(ada: Person, browser: Client) -> Client:
    browser.force_login(ada)
    return browser


@pytest.fixture
def noticed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The ids of those whose sockets were told, in order."""
    told: list[object] = []
    monkeypatch.setattr(notices, "_wake", told.append)
    return told
