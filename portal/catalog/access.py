"""The only doors to a model: who may use it, who may manage it. Read at each act, never kept."""

from typing import Literal
from uuid import UUID

from portal import statements
from portal.accounts.models import Person
from portal.catalog.models import Alias, Model, ModelState
from portal.catalog.names import ModelName, NotAName
from portal.chat.errors import (
    BeingChecked,
    DoesNotAnswer,
    Forbidden,
    NotFound,
    Retired,
    Unloadable,
)
from portal.statements import Statement


def model_for_use(person: Person, name: str) -> Model:
    """The model of this name or alias, if this person may use it now.

    Hidden and absent look the same. What she may do with an alias is what she may do with the model
    behind it.
    """
    return _tried(_visible(person, name))


def model_for_showing(person: Person | None, name: str) -> Model:
    """As `model_for_use`, also one that cannot be chosen yet, or no more: what it says of itself
    may be read. None is somebody at the command line."""
    if person is not None:
        return _visible(person, name)
    model = _named(name)
    if model is None:
        raise NotFound("model")
    return model


def model_for_answering(person: Person, name: str) -> Model:
    """As `model_for_use`, and none that can only embed or rank."""
    model = model_for_use(person, name)
    if "completion" not in (model.capabilities or ["completion"]):
        raise DoesNotAnswer
    return model


def may_see_every_model(person: Person) -> bool:
    """Whether this person looks after the models, and so may try them before they are published."""
    if not person.is_active:
        return False
    if not person.is_staff:
        return False
    return person.has_perm("catalog.view_model")


def may_manage_models(
    person: Person | None, *, verb: Literal["add", "change", "delete"] = "change"
) -> None:
    """Raises `Forbidden` unless this person may do this to models; `change` covers publishing.

    None is the portal itself, or somebody at its command line.
    """
    if person is None:
        return
    if not person.is_active:
        raise Forbidden
    if not person.is_staff:
        raise Forbidden
    if not person.has_perm(f"catalog.{verb}_model"):
        raise Forbidden


def model_for_managing(person: Person | None, model_id: UUID) -> Model:
    """The model, locked until the transaction ends, if this person manages models."""
    may_manage_models(person)
    model = Model.objects.select_for_update().filter(id=model_id).first()
    if model is None:
        raise NotFound("model")
    return model


def alias_for_managing(person: Person | None, alias_id: UUID) -> Alias:
    """The alias, locked until the transaction ends, if this person manages models."""
    may_manage_models(person)
    alias = Alias.objects.select_for_update().filter(id=alias_id).first()
    if alias is None:
        raise NotFound("alias")
    return alias


def _visible(person: Person, name: str) -> Model:
    """The model of this name, if this person could use it were it ready."""
    model = _named(name)
    if model is None:
        raise NotFound("model")
    if not person.is_active:
        raise NotFound("model")
    if model.state == ModelState.BROKEN:
        raise NotFound("model")
    if may_see_every_model(person):
        return model
    if not model.is_published:
        raise NotFound("model")
    if model.is_for_everyone:
        return model
    if model.groups.filter(user=person).exists():
        return model
    raise NotFound("model")


def _tried(model: Model) -> Model:
    """Nobody, whatever her rights, is the first to load a file (threat E17), or brings back a
    model that was retired."""
    if model.retired_at is not None:
        raise Retired
    if model.state == ModelState.ADDED:
        raise BeingChecked
    if model.state == ModelState.UNLOADABLE:
        raise Unloadable
    return model


def _named(name: str) -> Model | None:
    """By any form of the name, in any case, as Ollama finds it; a model before an alias."""
    try:
        short = ModelName.parse(name).short
    except NotAName:
        return None
    model = _OF_NAME.first(short)
    if model is not None:
        return model
    alias = Alias.objects.select_related("model").filter(name__iexact=short).first()
    return alias.model if alias else None


# Asked at every request.
_OF_NAME = Statement(Model, lambda name: Model.objects.filter(name__iexact=name), statements.FOLDED)
