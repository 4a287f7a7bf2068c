"""Who may use and see which model: the same answer through every question."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission

from portal.accounts.models import Person
from portal.catalog import access, actions, queries
from portal.catalog.models import Model, ModelState
from portal.chat.errors import BeingChecked, NotFound, Unloadable

Imported = Callable[..., Model]


@pytest.fixture
def imported(imported: Imported) -> Imported:
    """Models that a worker has tried."""

    def bring(name: str) -> Model:
        model = imported(name)
        model.state = ModelState.READY
        model.save(update_fields=["state"])
        return model

    return bring


@pytest.fixture
def people(
    alice_in_sales: Person,
    bob: Person,
    carol_the_admin: Person,
    mallory_without_rights: Person,
) -> dict[str, Person]:
    dave = Person.objects.create_user("dave@example.org", "a long password", is_staff=True)
    erin = Person.objects.create_user("erin@example.org", "a long password", is_staff=True)
    erin.user_permissions.add(Permission.objects.get(codename="view_model"))
    frank = Person.objects.create_superuser("f@example.org", "a long password", is_active=False)
    return {
        "alice, in Sales": alice_in_sales,
        "bob, in no group": bob,
        "carol, the administrator": carol_the_admin,
        "mallory": mallory_without_rights,
        "dave, staff without rights": dave,
        "erin, who may see models": erin,
        "frank, disabled": frank,
    }


LOOKERS = {"carol, the administrator", "erin, who may see models"}
EVERYONE = {
    "alice, in Sales",
    "bob, in no group",
    "mallory",
    "dave, staff without rights",
} | LOOKERS


@pytest.mark.threat("B1")
@pytest.mark.threat("B16")
@pytest.mark.threat("E17")
@pytest.mark.parametrize(
    ("audience", "allowed"),
    [
        ("hidden", LOOKERS),
        ("everyone", EVERYONE),
        ("sales", LOOKERS | {"alice, in Sales"}),
        ("broken", set()),
        ("added", set()),
        ("unloadable", set()),
        ("gone", set()),
    ],
)
def test_a_model_is_used_and_listed_by_the_same_people(
    imported: Imported,
    sales: Group,
    people: dict[str, Person],
    audience: str,
    allowed: set[str],
) -> None:
    model = imported("small:1")
    if audience not in ("hidden", "sales"):
        actions.publish_model(None, model_id=model.id)
    if audience == "sales":
        actions.publish_to_groups(None, model_id=model.id, group_ids=[sales.id])
    if audience in ModelState.values:
        Model.objects.update(state=audience)
    if audience == "gone":
        actions.delete_model(None, model_id=model.id)

    users = {label for label, person in people.items() if may_use(person, "small:1")}
    listed = {label for label, person in people.items() if queries.models_for(person)}

    assert users == listed == allowed


@pytest.mark.threat("B8")
def test_leaving_the_group_takes_the_model_away_at_once(
    imported: Imported, sales: Group, alice_in_sales: Person
) -> None:
    model = imported("small:1")
    actions.publish_to_groups(None, model_id=model.id, group_ids=[sales.id])
    assert may_use(alice_in_sales, "small:1")

    alice_in_sales.groups.clear()

    assert not may_use(alice_in_sales, "small:1")
    assert queries.models_for(alice_in_sales) == []


@pytest.mark.threat("B8")
def test_hiding_takes_the_model_away_at_once(
    imported: Imported, sales: Group, alice_in_sales: Person
) -> None:
    model = imported("small:1")
    actions.publish_to_groups(None, model_id=model.id, group_ids=[sales.id])
    actions.hide_model(None, model_id=model.id)

    assert not may_use(alice_in_sales, "small:1")


@pytest.mark.threat("B7")
def test_hidden_and_never_there_are_refused_in_the_same_words(
    imported: Imported, bob: Person
) -> None:
    imported("small:1")
    refusals = []
    for name in ("small:1", "never:there", "-no name", ""):
        with pytest.raises(NotFound) as refusal:
            access.model_for_use(bob, name)
        refusals.append((str(refusal.value), refusal.value.code, refusal.value.status))

    assert len(set(refusals)) == 1


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("small", "small:latest"),
        ("small:latest", "small"),
        ("Small:1B", "sMALL:1b"),
        ("me/small", "ME/small:LATEST"),
        ("small", "library/small"),
        ("small", "registry.ollama.ai/library/small:latest"),
        ("hf.co/me/repo:Q4_K_M", "https://hf.co/me/repo:q4_k_m"),
        ("my_model", "my_model"),
    ],
)
def test_a_model_is_found_by_every_form_of_its_name(
    imported: Imported, bob: Person, stored: str, asked: str
) -> None:
    model = imported(stored)
    actions.publish_model(None, model_id=model.id)

    assert access.model_for_use(bob, asked).id == model.id


@pytest.mark.parametrize("asked", ["myxmodel", "my%", "m_%", "my_model:%", "other/my_model"])
def test_no_sign_in_a_name_stands_for_others(imported: Imported, bob: Person, asked: str) -> None:
    model = imported("my_model")
    actions.publish_model(None, model_id=model.id)

    assert not may_use(bob, asked)


def test_a_model_of_two_of_ones_groups_is_listed_once(
    imported: Imported, sales: Group, alice_in_sales: Person
) -> None:
    other = Group.objects.create(name="Other")
    alice_in_sales.groups.add(other)
    model = imported("small:1")
    actions.publish_to_groups(None, model_id=model.id, group_ids=[sales.id, other.id])

    assert [one.id for one in queries.models_for(alice_in_sales)] == [model.id]


def may_use(person: Person, name: str) -> bool:
    try:
        access.model_for_use(person, name)
    except (NotFound, BeingChecked, Unloadable):
        return False
    return True
