"""Run in the house, before it opens: the people and the models of the page tests.

python tests/browser/people.py PASSWORD
"""

import sys

import django

django.setup()

from django.contrib.auth.models import Group  # noqa: E402 - Django had to be set up first
from django.utils import timezone  # noqa: E402 - likewise

from portal.accounts.models import Person  # noqa: E402 - likewise
from portal.catalog.models import Model, ModelState  # noqa: E402 - likewise
from tests.browser.hostile import PAYLOADS  # noqa: E402 - likewise


def furnish(password: str) -> None:
    Person.objects.create_user("alice@example.com", password, name="Alice Arnold")
    Person.objects.create_user("bob@example.com", password, name="Bob", language="zh-hans")
    Person.objects.create_superuser("carol@example.com", password, name="Carol")
    # Her name is hostile too: it is shown in the account menu and in the greeting.
    mallory = Person.objects.create_user(
        "mallory@example.com", password, name="<img src=x onerror=ran()>"
    )
    curious = Group.objects.create(name="curious")
    mallory.groups.add(curious)
    for name in ("Dora", "Erin", "Grace"):
        Person.objects.create_user(f"{name.lower()}@example.com", password, name=name)
    everybody = Group.objects.create(name="everybody but Frank")
    for person in Person.objects.all():
        person.groups.add(everybody)
    Person.objects.create_user("frank@example.com", password, name="Frank")
    for index, name in enumerate(("smollm2:135m", "other:1b")):
        _model(name, weights=f"{index:064x}").groups.add(everybody)
    for index, payload in enumerate(PAYLOADS[:8]):
        _model(payload[:500], weights=f"{index + 16:064x}").groups.add(curious)


def _model(name: str, *, weights: str) -> Model:
    return Model.objects.create(
        name=name,
        digest=weights,
        weights=weights,
        state=ModelState.READY,
        size_bytes=1,
        family="scripted",
        context_length=100_000,
        capabilities=["completion"],
        is_published=True,
        modified_at=timezone.now(),
    )


if __name__ == "__main__":
    furnish(sys.argv[1])
