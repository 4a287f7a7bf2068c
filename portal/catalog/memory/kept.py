"""What an administrator decides about memory: models kept loaded, and one to let go now.

The worker obeys as far as there is room; what it holds at this moment it tells by itself.
"""

from uuid import UUID, uuid4

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from inference import protocol
from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access, queries
from portal.catalog.models import Model, ModelState
from portal.chat import actions as chat
from portal.chat import prompts
from portal.chat.errors import Unavailable
from portal.streams import pins
from portal.streams.connection import AWAY


@transaction.atomic
def keep_loaded(person: Person | None, *, model_id: UUID, is_pinned: bool = True) -> Model:
    """From now on it is loaded whenever there is room and never makes way, or no longer so."""
    model = access.model_for_managing(person, model_id)
    if model.is_pinned != is_pinned:
        model.is_pinned = is_pinned
        model.save(update_fields=["is_pinned"])
        act = "model.pinned" if is_pinned else "model.unpinned"
        record(person, act, model, name=model.name)
    transaction.on_commit(publish_pins)
    return model


def unload(person: Person | None, *, model_id: UUID) -> Model:
    """Let it go now; whoever asks for it next has it loaded again."""
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
        record(person, "model.unloaded", model, name=model.name)
    try:
        pins.unload(spec.queue for spec in queries.specs_of(model))
    except AWAY:
        raise Unavailable(_("The queue does not answer. Try again soon.")) from None
    return model


def load(person: Person, *, model_id: UUID) -> Model:
    """Let a worker load it now, by the shortest question there is; it stays as others stay."""
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
        record(person, "model.loaded_early", model, name=model.name)
    task = queries.task_of(model)
    if task == "answer":
        messages = (protocol.Message(role="user", content="."),)
        options = protocol.Options(num_predict=1)
        chat.ask(
            person,
            model_name=model.name,
            messages=messages,
            options=options,
            client_key=uuid4(),
        )
    else:
        inputs = prompts.Inputs(texts=(".",), query="." if task == "rerank" else "")
        chat.measure_texts(
            person, model_name=model.name, task=task, inputs=inputs, client_key=uuid4()
        )
    return model


def publish_pins() -> None:
    """Tell every worker which models stay loaded. Again and again: Redis may come back empty."""
    pinned = {}
    for model in Model.objects.filter(is_pinned=True, state=ModelState.READY):
        spec = queries.spec_of(model)
        pinned[spec.queue] = protocol.Pinned(spec=spec, model_name=model.name)
    pins.publish(pinned.values())
