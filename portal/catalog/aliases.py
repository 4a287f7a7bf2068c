"""Stable names: "general" stands for a model today and for another tomorrow, with a way back.

Not for resolving them: `access.model_for_use` does, so that every door does it alike.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access, notices
from portal.catalog.models import Alias, AliasChange, Model
from portal.catalog.names import ModelName, NotAName
from portal.chat.errors import BadCommand, Conflict, NotFound

SHOWN_CHANGES = 8


@transaction.atomic
def point_alias(person: Person | None, *, name: str, model_id: UUID) -> Alias:
    """From the next question on, `name` stands for this model. New names are made by it.

    The second time with the same model changes nothing.
    """
    model = access.model_for_managing(person, model_id)
    _must_be_offered(model)
    short = _checked(name)
    if Model.objects.filter(name__iexact=short).exists():
        raise Conflict(_("A model has this name already. Choose another name."))
    alias = Alias.objects.select_for_update().filter(name__iexact=short).first()
    if alias is None:
        alias = Alias.objects.create(name=short)
    if alias.model_id != model.id:
        _point(person, alias=alias, model=model, act="alias.pointed")
    return alias


@transaction.atomic
def repoint_alias(person: Person | None, *, alias_id: UUID, model_id: UUID) -> Alias:
    """As `point_alias`, for a name that is there already."""
    alias = access.alias_for_managing(person, alias_id)
    model = access.model_for_managing(person, model_id)
    _must_be_offered(model)
    if alias.model_id != model.id:
        _point(person, alias=alias, model=model, act="alias.pointed")
    return alias


@transaction.atomic
def roll_back_alias(person: Person | None, *, alias_id: UUID) -> Alias:
    """It stands again for what it stood for before. Twice: the first is undone."""
    alias = access.alias_for_managing(person, alias_id)
    model = model_before(alias)
    if model is None:
        raise Conflict(_("There is nothing to go back to: what it stood for before is gone."))
    _point(person, alias=alias, model=model, act="alias.rolled_back")
    return alias


@transaction.atomic
def remove_alias(person: Person | None, *, alias_id: UUID) -> None:
    """Nothing has this name any more; the model behind it stays."""
    alias = access.alias_for_managing(person, alias_id)
    record(person, "alias.removed", alias, name=alias.name)
    if alias.model is not None:
        notices.models_changed(alias.model)
    alias.delete()


def model_before(alias: Alias) -> Model | None:
    """What it would stand for after one step back, if that can still be used."""
    earlier = AliasChange.objects.select_related("model").filter(
        alias=alias, model__isnull=False, model__retired_at=None
    )
    if alias.model_id is not None:
        earlier = earlier.exclude(model_id=alias.model_id)
    change = earlier.first()
    return change.model if change else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One name as its page shows it. `before` is where one step back leads; `is_hidden`: a model
    has the same name, and is meant by it."""

    alias: Alias
    before: Model | None
    changes: list[AliasChange]
    is_hidden: bool


def shown() -> list[Shown]:
    """Every stable name, by name."""
    return [
        Shown(
            alias=alias,
            before=model_before(alias),
            changes=list(alias.changes.all()[:SHOWN_CHANGES]),
            is_hidden=Model.objects.filter(name__iexact=alias.name).exists(),
        )
        for alias in Alias.objects.select_related("model")
    ]


def targets() -> list[Model]:
    """What a name can stand for, by name."""
    return list(Model.objects.filter(retired_at=None).order_by("name"))


def name_kept(written: str, *, model: Model) -> str:
    """What a conversation remembers of a name that was found: the alias if it was one, so that it
    follows it; else the model's own name."""
    try:
        short = ModelName.parse(written).short
    except NotAName:
        raise NotFound("model") from None
    if short.lower() == model.name.lower():
        return model.name
    return short.removesuffix(":latest").lower()


def _point(person: Person | None, *, alias: Alias, model: Model, act: str) -> None:
    before = alias.model
    alias.model = model
    alias.save(update_fields=["model"])
    label = person.email if person else "portal"
    AliasChange.objects.create(alias=alias, model=model, model_name=model.name, person_label=label)
    record(person, act, alias, name=alias.name, model=model.name)
    if before is not None:
        notices.models_changed(before)
    notices.models_changed(model)


def _must_be_offered(model: Model) -> None:
    if model.retired_at is not None:
        raise Conflict(_("This model has been retired. Bring it back first, or choose another."))


def _checked(name: str) -> str:
    try:
        short = ModelName.parse(name.strip()).short
    except NotAName:
        raise BadCommand(
            _(
                "This cannot be a name. Use letters, digits, dots, dashes and underscores, such as"
                " “general”; nothing was changed."
            )
        ) from None
    return short.lower()
