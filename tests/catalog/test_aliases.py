"""A stable name is followed by every door, with the rights of the model behind it, and back."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog import access, actions, aliases, queries
from portal.catalog.models import Alias, Model, ModelState
from portal.chat import actions as chat
from portal.chat.choices import choices_of
from portal.chat.errors import BadCommand, Conflict, Forbidden, NotFound
from portal.chat.models import Generation

pytestmark = pytest.mark.django_db

Imported = Callable[..., Model]


@pytest.fixture
def small(imported: Imported) -> Model:
    return _ready(imported("small:1"))


@pytest.fixture
def large(imported: Imported) -> Model:
    return _ready(imported("large:1", salt="large"))


@pytest.mark.parametrize("written", ["general", "general:latest", "GENERAL", "library/general"])
def test_any_form_of_a_stable_name_finds_the_model_behind_it(
    bob: Person, small: Model, written: str
) -> None:
    aliases.point_alias(None, name="general", model_id=small.id)

    assert access.model_for_use(bob, written) == small


def test_changing_it_changes_the_next_question_and_going_back_undoes_that(
    bob: Person, small: Model, large: Model, carol_the_admin: Person
) -> None:
    alias = aliases.point_alias(carol_the_admin, name="general", model_id=small.id)

    aliases.point_alias(carol_the_admin, name="general", model_id=large.id)
    assert access.model_for_use(bob, "general") == large
    aliases.roll_back_alias(carol_the_admin, alias_id=alias.id)
    assert access.model_for_use(bob, "general") == small
    aliases.roll_back_alias(carol_the_admin, alias_id=alias.id)
    assert access.model_for_use(bob, "general") == large

    (shown,) = aliases.shown()
    assert [change.model_name for change in shown.changes] == [
        *("large:1", "small:1"),
        *("large:1", "small:1"),
    ]
    acts = Entry.objects.filter(person=carol_the_admin, act__startswith="alias.").order_by("at")
    assert list(acts.values_list("act", flat=True)) == [
        *("alias.pointed", "alias.pointed"),
        *("alias.rolled_back", "alias.rolled_back"),
    ]


def test_the_same_model_again_changes_nothing(small: Model) -> None:
    aliases.point_alias(None, name="general", model_id=small.id)
    aliases.point_alias(None, name="General", model_id=small.id)

    (shown,) = aliases.shown()
    assert len(shown.changes) == 1


@pytest.mark.threat("B1")
def test_a_stable_name_opens_nothing_that_the_model_behind_it_would_not(
    bob: Person, carol_the_admin: Person, small: Model
) -> None:
    aliases.point_alias(None, name="general", model_id=small.id)
    assert [choice.name for choice in choices_of(bob)] == ["general", "small:1"]

    actions.hide_model(None, model_id=small.id)

    with pytest.raises(NotFound):
        access.model_for_use(bob, "general")
    assert choices_of(bob) == []
    assert queries.listed_for(bob) == []
    assert access.model_for_use(carol_the_admin, "general") == small


@pytest.mark.threat("B15")
def test_only_who_manages_models_can_change_a_stable_name(bob: Person, small: Model) -> None:
    alias = aliases.point_alias(None, name="general", model_id=small.id)

    with pytest.raises(Forbidden):
        aliases.point_alias(bob, name="general", model_id=small.id)
    with pytest.raises(Forbidden):
        aliases.repoint_alias(bob, alias_id=alias.id, model_id=small.id)
    with pytest.raises(Forbidden):
        aliases.roll_back_alias(bob, alias_id=alias.id)
    with pytest.raises(Forbidden):
        aliases.remove_alias(bob, alias_id=alias.id)


def test_it_is_listed_beside_the_models_and_its_copies_are_not_the_model(
    bob: Person, small: Model
) -> None:
    aliases.point_alias(None, name="general", model_id=small.id)

    listed = queries.listed_for(bob)

    assert [model.name for model in listed] == ["general:latest", "small:1"]
    assert {model.digest for model in listed} == {small.digest}
    assert Model.objects.get().name == "small:1"


def test_a_conversation_that_asked_by_a_stable_name_goes_on_by_it(
    bob: Person, small: Model, large: Model
) -> None:
    aliases.point_alias(None, name="general", model_id=small.id)
    first = _asked(bob, "general")
    aliases.point_alias(None, name="general", model_id=large.id)

    assert first.message is not None
    assert first.message.conversation.model_name == "general"
    assert first.model_name == "small:1"
    assert _asked(bob, first.message.conversation.model_name).model_name == "large:1"
    assert _asked(bob, "SMALL:1").model_name == "small:1"


def test_a_model_of_that_name_is_meant_before_the_stable_name(
    bob: Person, small: Model, imported: Imported
) -> None:
    aliases.point_alias(None, name="general", model_id=small.id)
    real = _ready(imported("general:latest", salt="real"))

    assert access.model_for_use(bob, "general") == real
    assert [choice.name for choice in choices_of(bob)] == ["general:latest", "small:1"]
    assert aliases.shown()[0].is_hidden
    with pytest.raises(Conflict):
        aliases.point_alias(None, name="small:1", model_id=real.id)


@pytest.mark.parametrize("name", ["", "two words", "../general", "a" * 200, "ä"])
def test_what_cannot_be_a_name_is_refused_with_a_sentence(small: Model, name: str) -> None:
    with pytest.raises(BadCommand, match="nothing was changed"):
        aliases.point_alias(None, name=name, model_id=small.id)

    assert not Alias.objects.exists()


def test_a_name_whose_model_was_deleted_says_so_and_can_be_pointed_again(
    bob: Person, small: Model, large: Model
) -> None:
    alias = aliases.point_alias(None, name="general", model_id=small.id)
    small.delete()

    with pytest.raises(NotFound):
        access.model_for_use(bob, "general")
    with pytest.raises(Conflict, match="nothing to go back to"):
        aliases.roll_back_alias(None, alias_id=alias.id)
    aliases.repoint_alias(None, alias_id=alias.id, model_id=large.id)
    assert access.model_for_use(bob, "general") == large


def test_removing_the_name_leaves_the_model(bob: Person, small: Model) -> None:
    alias = aliases.point_alias(None, name="general", model_id=small.id)

    aliases.remove_alias(None, alias_id=alias.id)

    with pytest.raises(NotFound):
        access.model_for_use(bob, "general")
    assert access.model_for_use(bob, "small:1") == small


def _ready(model: Model) -> Model:
    Model.objects.filter(id=model.id).update(state=ModelState.READY)
    return actions.publish_model(None, model_id=model.id)


def _asked(person: Person, model_name: str) -> Generation:
    return chat.send_message(
        person, conversation_id=None, text="Hello", client_key=uuid4(), model_name=model_name
    )
