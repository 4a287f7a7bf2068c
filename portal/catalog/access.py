"""The only doors to a model: who may use it, who may manage it. Read at each act, never kept."""

from typing import Literal
from uuid import UUID

from portal.accounts.models import Person
from portal.catalog.models import Model, ModelState
from portal.catalog.names import ModelName, NotAName
from portal.chat.errors import Forbidden, NotFound


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
        return model
    if not model.is_published:
        raise NotFound("model")
    if model.is_for_everyone:
        return model
    if model.groups.filter(user=person).exists():
        return model
    raise NotFound("model")


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


def _named(name: str) -> Model | None:
    """By any form of the name, in any case, as Ollama finds it."""
    try:
        short = ModelName.parse(name).short
    except NotAName:
        return None
    return Model.objects.filter(name__iexact=short).first()
