"""Models go, and files that nobody needs any more. Each with its audit row."""

import logging
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access, audience, queries
from portal.catalog.models import Blob, Model
from portal.catalog.names import ModelName
from portal.catalog.storage import disk
from portal.catalog.storage.store import NoSuchManifest
from portal.chat.errors import Conflict
from portal.chat.models import OPEN
from portal.streams import pins
from portal.streams.connection import AWAY

logger = logging.getLogger(__name__)

# What was fetched a moment ago may be about to get its name: as long as Ollama waits.
YOUNG_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many files were removed and how large they were; `unreadable` manifests prevent it, and
    so do `closed` folders of them.

    `is_off`: the operator wants what nothing needs to stay.
    """

    count: int
    size_bytes: int
    unreadable: tuple[str, ...]
    closed: tuple[str, ...]
    is_off: bool


def delete_model(person: Person | None, *, model_id: UUID) -> None:
    """Remove the model and those of its files that no other model needs.

    Refused while somebody waits for its answer. Cut short, the model is left hidden or broken, and
    the second time finishes the work.
    """
    access.may_manage_models(person, verb="delete")
    store = disk.store_for_changing()
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
        if model.generations.filter(state__in=OPEN).exists():
            raise Conflict(_("People are waiting for answers of this model. Try again later."))
        if model.is_published:
            audience.hide_model(person, model_id=model_id)
    _let_go(model)
    store.remove(ModelName.parse(model.name))
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
        record(person, "model.deleted", model, name=model.name)
        model.delete()


def delete_named(person: Person | None, *, name: str) -> None:
    """As `delete_model`, by its name in any letter case. What lies in the store without a row, or
    cannot be read, goes too. `NotAName`, or `NoSuchManifest` when there is nothing."""
    access.may_manage_models(person, verb="delete")
    model_name = ModelName.parse(name)
    model = Model.objects.filter(name__iexact=model_name.short).first()
    if model is not None:
        delete_model(person, model_id=model.id)
        return
    if not queries.open_store().has_manifest(model_name):
        raise NoSuchManifest(model_name.short)
    disk.store_for_changing().remove(model_name)
    record(person, "model.deleted", name=model_name.short)


def prune(person: Person | None) -> Pruned:
    """Remove files of the store that no model, no waiting request and no job needs.

    Young ones stay: somebody may be about to give them a name. So does, for a day, what was
    uploaded: the rest of that model may take hours to come.
    """
    access.may_manage_models(person, verb="delete")
    store = disk.store_for_changing()
    before = store.blob_sizes()
    gone = store.remove_unreferenced(older_than=clock.now().timestamp() - YOUNG_SECONDS)
    size_bytes = sum(before.get(digest, 0) for digest in gone)
    if gone:
        with transaction.atomic():
            Blob.objects.filter(digest__in=[digest.hex for digest in gone]).delete()
            record(person, "models.pruned", count=len(gone), size_bytes=size_bytes)
    unreadable = tuple(name.short for name in store.unreadable())
    return Pruned(
        count=len(gone),
        size_bytes=size_bytes,
        unreadable=unreadable,
        closed=tuple(store.closed_folders()),
        is_off=not store.is_pruning,
    )


def _let_go(model: Model) -> None:
    """Out of memory too, unless another name stands for the same; that may fail and harms nothing:
    a runner that nobody asks ends by itself."""
    others = Model.objects.filter(weights=model.weights).exclude(id=model.id)
    if not model.weights or others.exists():
        return
    try:
        pins.unload(spec.queue for spec in queries.specs_of(model))
    except AWAY as error:
        logger.warning("a removed model stays loaded for a while: %s", type(error).__name__)
