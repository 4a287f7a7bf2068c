"""Alice signed in, and models of every kind."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from portal.accounts.models import Person
from portal.catalog.models import Model, ModelState


@pytest.fixture(autouse=True)
def no_counts_from_before() -> None:
    cache.clear()


@pytest.fixture
def hers(alice: Person) -> Client:
    """Alice's browser."""
    browser = Client()
    browser.force_login(alice)
    return browser


def make_model(name: str, *abilities: str, **fields: Any) -> Model:
    return Model.objects.create(
        **{
            "name": name,
            "digest": "d" * 64,
            "weights": "a" * 64,
            "state": ModelState.READY,
            "context_length": 2048,
            "capabilities": list(abilities),
            "is_published": True,
            "is_for_everyone": True,
            "modified_at": timezone.now(),
            **fields,
        }
    )
