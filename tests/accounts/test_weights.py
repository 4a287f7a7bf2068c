"""How much somebody counts where many wait: set by an administrator, obeyed by the queue."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from portal.accounts.models import GroupWeight, Person
from portal.accounts.queries import weight_of
from portal.audit.models import Entry
from portal.catalog.models import Model
from portal.chat import actions, prompts
from tests.doubles.worker import Worker


@pytest.fixture
def carols_browser(carol_the_admin: Person) -> Client:
    client = Client()
    client.force_login(carol_the_admin)
    return client


def member_of(person: Person, name: str, *, weight: int | None) -> Group:
    group = Group.objects.create(name=name)
    person.groups.add(group)
    if weight is not None:
        GroupWeight.objects.create(group=group, weight=weight)
    return group


def test_everybody_counts_alike_until_somebody_decides_otherwise(alice: Person) -> None:
    member_of(alice, "Sales", weight=None)

    assert weight_of(alice.pk) == 1
    assert weight_of(uuid4()) == 1


def test_the_largest_weight_of_her_groups_counts_and_her_own_before_it(alice: Person) -> None:
    member_of(alice, "Sales", weight=2)
    member_of(alice, "On call", weight=5)
    assert weight_of(alice.pk) == 5

    alice.weight = 1
    alice.save()

    assert weight_of(alice.pk) == 1


@pytest.mark.threat("F11")
@pytest.mark.django_db(transaction=True)
def test_the_queue_gives_a_person_of_weight_two_twice_the_turns(
    alice: Person, bob: Person, a_model: Model, worker: Worker
) -> None:
    member_of(alice, "On call", weight=2)
    owners = []
    for number in range(4):
        for person in (bob, alice):
            generation = actions.send_message(
                person,
                conversation_id=None,
                text=str(number),
                client_key=uuid4(),
                model_name=a_model.name,
            )
            owners.append((generation.id, person))

    order = ["a" if dict(owners)[waiting] == alice else "b" for waiting in worker.waiting_ids()]

    assert "".join(order) == "baabaabb"
    assert prompts.request_of(generation).weight == 2


def test_an_administrator_sets_a_groups_weight_and_takes_it_back(
    carols_browser: Client, alice: Person
) -> None:
    group = member_of(alice, "Sales", weight=None)
    address = reverse("admin:auth_group_change", args=[group.pk])

    carols_browser.post(address, {"name": "Sales", "weight": "3"})
    shown = carols_browser.get(address).content.decode()
    given = weight_of(alice.pk)
    carols_browser.post(address, {"name": "Sales", "weight": ""})

    assert given == 3
    assert 'name="weight" value="3"' in shown
    assert weight_of(alice.pk) == 1
    assert Entry.objects.filter(act="group.changed").count() == 2


@pytest.mark.threat("F6")
@pytest.mark.parametrize("weight", ["0", "-1", "101", "1e3", "x"])
def test_no_weight_out_of_bounds_is_stored(
    carols_browser: Client, alice: Person, weight: str
) -> None:
    group = member_of(alice, "Sales", weight=2)

    for name, args, fields in (
        ("auth_group", group.pk, {"name": "Sales"}),
        ("accounts_person", alice.pk, {"email": alice.email, "name": "Alice", "is_active": "on"}),
    ):
        address = reverse(f"admin:{name}_change", args=[args])
        response = carols_browser.post(address, {**fields, "weight": weight})
        assert response.status_code == 200, "the form is shown again"

    assert weight_of(alice.pk) == 2


def test_a_persons_own_weight_is_set_on_her_page(carols_browser: Client, alice: Person) -> None:
    address = reverse("admin:accounts_person_change", args=[alice.pk])
    fields = {"email": alice.email, "name": "Alice", "is_active": "on", "weight": "4"}

    response = carols_browser.post(address, fields)

    assert response.status_code == 302
    assert weight_of(alice.pk) == 4
