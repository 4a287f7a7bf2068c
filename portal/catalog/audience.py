"""Who may use a model: published, withdrawn, hidden, each with its audit row. Not for its files."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction

from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access, notices
from portal.catalog.models import Model
from portal.chat.errors import NotFound


@transaction.atomic
def publish_model(person: Person | None, *, model_id: UUID) -> Model:
    """Everyone may use the model from now on."""
    model = access.model_for_managing(person, model_id)
    model.is_published, model.is_for_everyone = True, True
    model.save(update_fields=["is_published", "is_for_everyone"])
    model.groups.clear()
    record(person, "model.published", model, name=model.name, to="everyone")
    notices.models_changed(model)
    return model


@transaction.atomic
def publish_to_groups(person: Person | None, *, model_id: UUID, group_ids: Iterable[int]) -> Model:
    """The people of these groups may use the model, besides groups that could already.

    A model that was for everyone is from now on for these groups only.
    """
    model = access.model_for_managing(person, model_id)
    groups = list(Group.objects.filter(id__in=group_ids))
    if not groups:
        raise NotFound("group")
    notices.models_changed(model)
    model.is_published, model.is_for_everyone = True, False
    model.save(update_fields=["is_published", "is_for_everyone"])
    model.groups.add(*groups)
    record(person, "model.published", model, name=model.name, to=_names(groups))
    notices.models_changed(model)
    return model


@transaction.atomic
def withdraw_from_groups(
    person: Person | None, *, model_id: UUID, group_ids: Iterable[int]
) -> Model:
    """The people of these groups may no longer use the model, unless through another group."""
    model = access.model_for_managing(person, model_id)
    groups = list(model.groups.filter(id__in=group_ids))
    notices.models_changed(model)
    model.groups.remove(*groups)
    if not model.is_for_everyone and not model.groups.exists():
        model.is_published = False
        model.save(update_fields=["is_published"])
    record(person, "model.withdrawn", model, name=model.name, groups=_names(groups))
    return model


@transaction.atomic
def hide_model(person: Person | None, *, model_id: UUID) -> Model:
    """Nobody but those who look after models may use it.

    Its audience is forgotten: publishing it again to one group must not bring others back.
    """
    model = access.model_for_managing(person, model_id)
    notices.models_changed(model)
    model.is_published, model.is_for_everyone = False, False
    model.save(update_fields=["is_published", "is_for_everyone"])
    model.groups.clear()
    record(person, "model.hidden", model, name=model.name)
    return model


def _names(groups: Iterable[Group]) -> list[str]:
    return sorted(group.name for group in groups)
