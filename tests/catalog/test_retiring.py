"""A retired model is chosen no more, and what was said with it goes on elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog import access, actions, aliases, queries, retiring
from portal.catalog.memory import kept as memory
from portal.catalog.models import Model, ModelState
from portal.chat.choices import choices_of
from portal.chat.errors import BadCommand, Conflict, Forbidden, Retired

pytestmark = pytest.mark.django_db

Imported = Callable[..., Model]


@pytest.fixture
def old(imported: Imported) -> Model:
    return _ready(imported("old:1"))


@pytest.fixture
def new(imported: Imported) -> Model:
    return _ready(imported("new:1", salt="new"))


def test_nobody_can_choose_it_any_more_and_it_is_said(
    bob: Person, carol_the_admin: Person, old: Model
) -> None:
    retiring.retire_model(carol_the_admin, model_id=old.id)

    for person in (bob, carol_the_admin):
        with pytest.raises(Retired, match="has been retired"):
            access.model_for_use(person, "old:1")
        assert queries.models_for(person) == []
        assert queries.listed_for(person) == []
    assert Entry.objects.filter(act="model.retired", person=carol_the_admin).exists()


def test_the_page_learns_who_takes_its_place(bob: Person, old: Model, new: Model) -> None:
    retiring.retire_model(None, model_id=old.id, successor_id=new.id)

    offered, gone = choices_of(bob)

    assert (offered.name, offered.is_retired) == ("new:1", False)
    assert (gone.name, gone.is_retired, gone.instead) == ("old:1", True, "new:1")


@pytest.mark.threat("H12")
def test_many_retired_models_cost_no_more_than_one(
    bob: Person, old: Model, new: Model, imported: Imported, django_assert_max_num_queries: Any
) -> None:
    more = [_ready(imported(f"old:{number}", salt=f"old {number}")) for number in (2, 3)]
    for model in (old, *more):
        retiring.retire_model(None, model_id=model.id, successor_id=new.id)

    with django_assert_max_num_queries(3):
        assert [choice.instead for choice in choices_of(bob)] == ["", *["new:1"] * 3]


@pytest.mark.threat("B1")
def test_who_could_not_use_it_learns_nothing_of_it(
    mallory_without_rights: Person, old: Model
) -> None:
    actions.hide_model(None, model_id=old.id)
    retiring.retire_model(None, model_id=old.id)

    assert choices_of(mallory_without_rights) == []
    with pytest.raises(Exception, match="does not exist"):
        access.model_for_use(mallory_without_rights, "old:1")


def test_its_stable_names_pass_to_the_successor(bob: Person, old: Model, new: Model) -> None:
    aliases.point_alias(None, name="general", model_id=old.id)

    with pytest.raises(Conflict, match="“general” still stands for this model"):
        retiring.retire_model(None, model_id=old.id)
    retiring.retire_model(None, model_id=old.id, successor_id=new.id)

    assert access.model_for_use(bob, "general") == new
    with pytest.raises(Conflict, match="Bring it back first"):
        aliases.point_alias(None, name="general", model_id=old.id)


def test_a_stable_name_behind_a_models_own_name_passes_too(
    bob: Person, old: Model, new: Model, imported: Imported
) -> None:
    aliases.point_alias(None, name="general", model_id=old.id)
    imported("general", salt="general")

    retiring.retire_model(None, model_id=old.id, successor_id=new.id)

    assert new.aliases.get().shown == "general"


def test_it_is_kept_loaded_no_longer_and_can_be_brought_back(bob: Person, old: Model) -> None:
    memory.keep_loaded(None, model_id=old.id)

    retiring.retire_model(None, model_id=old.id)
    old.refresh_from_db()
    assert not old.is_pinned
    retiring.bring_back(None, model_id=old.id)

    assert access.model_for_use(bob, "old:1") == old


def test_a_retired_model_takes_nobodys_place(old: Model, new: Model) -> None:
    retiring.retire_model(None, model_id=old.id)

    for successor in (old, new):
        with pytest.raises(BadCommand):
            retiring.retire_model(None, model_id=new.id, successor_id=successor.id)

    new.refresh_from_db()
    assert new.retired_at is None


@pytest.mark.threat("B15")
def test_only_who_manages_models_can_retire_one(bob: Person, old: Model) -> None:
    with pytest.raises(Forbidden):
        retiring.retire_model(bob, model_id=old.id)
    with pytest.raises(Forbidden):
        retiring.bring_back(bob, model_id=old.id)


def _ready(model: Model) -> Model:
    Model.objects.filter(id=model.id).update(state=ModelState.READY)
    return actions.publish_model(None, model_id=model.id)
