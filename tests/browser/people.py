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
    alice = Person.objects.create_user("alice@example.com", password, name="Alice Arnold")
    Person.objects.create_user("bob@example.com", name="Bob", language="zh-hans")
    Person.objects.create_superuser("carol@example.com", None, name="Carol")
    # Her name is hostile too: it is shown in the account menu and in the greeting.
    mallory = Person.objects.create_user("mallory@example.com", name="<img src=x onerror=ran()>")
    curious = Group.objects.create(name="curious")
    mallory.groups.add(curious)
    for name in ("Dora", "Erin", "Grace"):
        Person.objects.create_user(f"{name.lower()}@example.com", name=name)
    # One of her models sees pictures.
    hana = Person.objects.create_user("hana@example.com", name="Hana")
    seers = Group.objects.create(name="seers")
    hana.groups.add(seers)
    everybody = Group.objects.create(name="everybody but Frank")
    for person in Person.objects.all():
        person.groups.add(everybody)
    Person.objects.create_user("frank@example.com", name="Frank")
    for index, name in enumerate(("smollm2:135m", "other:1b")):
        _model(name, weights=f"{index:064x}").groups.add(everybody)
    # His only model has a queue that no other test waits in.
    ivan = Person.objects.create_user("ivan@example.com", name="Ivan")
    patient = Group.objects.create(name="patient")
    ivan.groups.add(patient)
    _model("played:1b", weights=f"{9:064x}").groups.add(patient)
    # Nor in hers; and of his the page says how long answers take, as far as his test has told it.
    judy = Person.objects.create_user("judy@example.com", name="Judy")
    played = Group.objects.create(name="played by hand")
    judy.groups.add(played)
    _model("handed:1b", weights=f"{10:064x}").groups.add(played)
    _model("seeing:1b", weights=f"{8:064x}", sees=True).groups.add(seers)
    for index, payload in enumerate(PAYLOADS[:8]):
        _model(payload[:500], weights=f"{index + 16:064x}").groups.add(curious)
    # One hash for all of them: making it takes long, as it shall.
    Person.objects.update(password=alice.password)


def _model(name: str, *, weights: str, sees: bool = False) -> Model:
    return Model.objects.create(
        name=name,
        digest=weights,
        weights=weights,
        state=ModelState.READY,
        size_bytes=1,
        family="scripted",
        context_length=100_000,
        capabilities=["completion", "vision"] if sees else ["completion"],
        is_published=True,
        modified_at=timezone.now(),
    )


if __name__ == "__main__":
    furnish(sys.argv[1])
