"""The row of a model says what its files say, and that they are no longer whole.

Not for files or rights: whoever calls has looked after both.
"""

import logging
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from kombu.exceptions import OperationalError

from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import notices
from portal.catalog.models import Model, ModelState
from portal.catalog.papers import details
from portal.catalog.papers.details import Details
from portal.catalog.storage.store import Store, Stored
from portal.catalog.trying import trials
from portal.celery import app

logger = logging.getLogger(__name__)


def remember(
    person: Person | None, *, stored: Stored, found: Details, act: str, like: Model | None = None
) -> Model:
    """The row of this manifest is there and says what was found in its files.

    `like` is a model of the very same files: what its trial showed need not be tried again.
    """
    try:
        return _remember(person, stored=stored, found=found, act=act, like=like)
    except IntegrityError:
        # Somebody else, such as a look at the store, wrote the first row of this name meanwhile.
        return _remember(person, stored=stored, found=found, act=act, like=like)


@transaction.atomic
def _remember(
    person: Person | None, *, stored: Stored, found: Details, act: str, like: Model | None
) -> Model:
    model = Model.objects.select_for_update().filter(name__iexact=stored.name.short).first()
    if model is None:
        model = Model(name=stored.name.short)
    if model.digest != stored.digest.hex or model.state == ModelState.BROKEN:
        model.state, model.trial = ModelState.ADDED, {}
    if like is not None:
        model.state, model.trial = like.state, like.trial
    model.digest = stored.digest.hex
    model.modified_at = datetime.fromtimestamp(stored.modified_at, tz=UTC)
    _fill(model, found)
    model.save()
    record(person, act, model, name=model.name, digest=model.digest)
    trials.ask_after_commit(model)
    notices.models_changed(model)
    _look_at_the_broken(besides=model)
    return model


def renew(model: Model, *, store: Store, stored: Stored) -> bool:
    """Fill a row that an earlier edition of details.py filled; its state and its trial stay.

    False when it has moved on meanwhile.
    """
    found = details.of(store, stored)
    with transaction.atomic():
        unmoved = Model.objects.filter(id=model.id, digest=stored.digest.hex)
        row = unmoved.select_for_update().first()
        if row is None:
            return False
        _fill(row, found)
        row.save()
        notices.models_changed(row)
    return True


@transaction.atomic
def mark_broken(person: Person | None, *, model: Model, why: str, **more: str) -> bool:
    """Nobody can choose it any more. False when it was so already, or is another model by now."""
    looked_at = Model.objects.filter(id=model.id, digest=model.digest)
    if not looked_at.exclude(state=ModelState.BROKEN).update(state=ModelState.BROKEN):
        return False
    record(person, "model.broken", model, name=model.name, why=why, **more)
    notices.models_changed(model)
    return True


def _look_at_the_broken(*, besides: Model) -> None:
    """What came in may be what others lack."""
    if Model.objects.filter(state=ModelState.BROKEN).exclude(id=besides.id).exists():
        transaction.on_commit(_sync_soon)


def _sync_soon() -> None:
    try:
        app.send_task("catalog.sync", retry=False)
    except OperationalError:
        logger.warning("broken models are looked at within the hour: the queue does not answer")


def _fill(model: Model, found: Details) -> None:
    model.weights = found.weights.hex if found.weights else ""
    model.projector = found.projector.hex if found.projector else ""
    model.adapters = [adapter.hex for adapter in found.adapters]
    model.size_bytes = found.size_bytes
    model.family = found.family
    model.parameter_size = found.parameter_size
    model.quantization = found.quantization
    model.context_length = found.context_length
    model.embedding_length = found.embedding_length
    model.capabilities = list(found.capabilities)
    model.parameters = found.parameters
    model.system = found.system
    model.template = found.template
    model.go_template = found.go_template.hex if found.go_template else ""
    model.messages = list(found.messages)
    model.listing = found.listing
    model.edition = details.edition()
    if found.obstacle:
        model.state, model.trial = ModelState.UNLOADABLE, {"outcome": found.obstacle}
    elif model.trial.get("outcome") in details.OBSTACLES:
        model.state, model.trial = ModelState.ADDED, {}
