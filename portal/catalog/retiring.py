"""A model that served its time: nobody chooses it any more, and its conversations go on elsewhere.

Not for deleting: the files stay until somebody deletes the model.
"""

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access, aliases, notices
from portal.catalog.memory import kept as memory
from portal.catalog.models import Model
from portal.chat.errors import BadCommand, Conflict


@transaction.atomic
def retire_model(
    person: Person | None, *, model_id: UUID, successor_id: UUID | None = None
) -> Model:
    """Answers that are being written go on; no new one begins. Stable names pass to the successor.

    The second time changes the successor.
    """
    model = access.model_for_managing(person, model_id)
    successor = access.model_for_managing(person, successor_id) if successor_id else None
    if successor is not None and (successor.id == model.id or successor.retired_at is not None):
        raise BadCommand(_("A retired model cannot take its place. Choose another successor."))
    names = list(model.aliases.all())
    if names and successor is None:
        raise Conflict(
            _("“%(name)s” still stands for this model. Choose a successor, or change that first.")
            % {"name": names[0].shown}
        )
    notices.models_changed(model)
    model.retired_at, model.successor, model.is_pinned = clock.now(), successor, False
    model.save(update_fields=["retired_at", "successor", "is_pinned"])
    record(
        person,
        "model.retired",
        model,
        name=model.name,
        successor=successor.name if successor else "",
    )
    for alias in names:
        if successor is not None:
            aliases.repoint_alias(person, alias_id=alias.id, model_id=successor.id)
    transaction.on_commit(memory.publish_pins)
    return model


@transaction.atomic
def bring_back(person: Person | None, *, model_id: UUID) -> Model:
    """Whoever could use it before may choose it again."""
    model = access.model_for_managing(person, model_id)
    if model.retired_at is not None:
        model.retired_at, model.successor = None, None
        model.save(update_fields=["retired_at", "successor"])
        record(person, "model.brought_back", model, name=model.name)
        notices.models_changed(model)
    return model
