"""The only doors to a model: who may use it, who may manage it. Read at each act, never kept."""

from typing import Literal
from uuid import UUID

from portal.accounts.models import Person
from portal.catalog.models import Model, ModelState
from portal.catalog.names import ModelName, NotAName
from portal.chat.errors import BeingChecked, DoesNotAnswer, Forbidden, NotFound, Unloadable


def model_for_use(person: Person, name: str) -> Model:
    """The model of this name, if this person may use it now. Hidden and absent look the same."""
    model = _named(name)
    if model is None:
        raise NotFound("model")
    if not person.is_active:
        raise NotFound("model")
    if model.state == ModelState.BROKEN:
        raise NotFound("model")
    if may_see_every_model(person):
        return _tried(model)
    if not model.is_published:
        raise NotFound("model")
    if model.is_for_everyone:
        return _tried(model)
    if model.groups.filter(user=person).exists():
        return _tried(model)
    raise NotFound("model")


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


def _tried(model: Model) -> Model:
    """Nobody, whatever her rights, is the first to load a file (threat E17)."""
    if model.state == ModelState.ADDED:
        raise BeingChecked
    if model.state == ModelState.UNLOADABLE:
        raise Unloadable
    return model


def _named(name: str) -> Model | None:
    """By any form of the name, in any case, as Ollama finds it."""
    try:
        short = ModelName.parse(name).short
    except NotAName:
        return None
    return Model.objects.filter(name__iexact=short).first()
