"""Everything that changes which models there are and who may use them: the names that doors call.

The work is done in the files beside: incoming, audience, leaving, adopting, rot.
"""

from django.db import transaction

from portal.audit.record import record
from portal.catalog import queries
from portal.catalog.audience import (
    hide_model,
    publish_model,
    publish_to_groups,
    withdraw_from_groups,
)
from portal.catalog.coming.adopting import UNUSABLE, Synced, sync_with_store
from portal.catalog.coming.incoming import (
    LocalFile,
    Papers,
    Stream,
    copy_model,
    import_file,
    publish_staged,
)
from portal.catalog.leaving import Pruned, delete_model, delete_named, prune
from portal.catalog.models import Model, ModelState
from portal.catalog.storage.rot import check_bytes, check_in_turn
from portal.streams import requests

__all__ = [
    "UNUSABLE",
    "LocalFile",
    "Papers",
    "Pruned",
    "Stream",
    "Synced",
    "check_bytes",
    "check_in_turn",
    "copy_model",
    "delete_model",
    "delete_named",
    "hide_model",
    "import_file",
    "note_loaded",
    "prune",
    "publish_model",
    "publish_staged",
    "publish_to_groups",
    "sync_with_store",
    "withdraw_from_groups",
]


def note_loaded() -> None:
    """Models that a runner holds ready are more than added. A second time changes nothing."""
    ready = {
        runner.queue
        for host in requests.host_states()
        for runner in host.runners
        if runner.state == "ready"
    }
    for model in Model.objects.filter(state=ModelState.ADDED):
        if queries.spec_of(model).queue in ready:
            with transaction.atomic():
                still_added = Model.objects.filter(id=model.id, state=ModelState.ADDED)
                if still_added.update(state=ModelState.READY):
                    record(None, "model.loaded", model, name=model.name)
