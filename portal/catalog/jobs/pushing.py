"""The kind "push": a model of ours goes to somebody's registry, blob by blob.

Status lines are Ollama's, in Ollama's order. Not for the protocol: that is in the package registry.
"""

from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from portal.audit.record import record
from portal.catalog import queries
from portal.catalog.jobs.failures import JobFailed
from portal.catalog.jobs.kinds import works_on
from portal.catalog.jobs.running import Running
from portal.catalog.names import ModelName
from portal.catalog.registry import Registry, Rules
from portal.catalog.storage.manifest import Layer, Manifest
from portal.catalog.storage.store import NoSuchManifest, Store
from portal.chat.errors import Sentence

NO_SUCH_MODEL: Sentence = _(
    "There is no model called %(name)s here, so nothing was sent. Look at the spelling of name and"
    " tag; a model is sent under the name that it has here, so copy it to that name first."
)


# What leaves the house is as much a decision as who may use it.
@works_on("push", verb="change")
def push(running: Running) -> None:
    """Every blob that the other side lacks, then the manifest. A second time sends nothing new."""
    store = queries.open_store()
    name = store.spelled(ModelName.parse(running.job.name))
    running.tell("retrieving manifest")
    data = _manifest_of(running, store=store, name=name)
    manifest = Manifest.read(data)
    digests = {layer.digest: layer.size_bytes for layer in manifest.all_layers}
    running.expect(total_bytes=sum(digests.values()), digests=list(digests))
    registry = Registry(Rules.of(settings.PORTAL))
    is_insecure = bool(running.wants.get("insecure"))
    with store.holding(digests.keys()):
        for layer in manifest.all_layers:
            running.raise_if_unwanted()
            registry.send(
                name,
                layer,
                store=store,
                told=partial(_show, running, layer),
                wanted=running.is_wanted,
                insecure=is_insecure,
            )
            _show(running, layer, layer.size_bytes)
    running.tell("pushing manifest")
    registry.send_manifest(name, data, wanted=running.is_wanted, insecure=is_insecure)
    with transaction.atomic():
        record(running.job.person, "model.pushed", running.job, name=name.short)
    running.tell("success")


def _manifest_of(running: Running, *, store: Store, name: ModelName) -> bytes:
    try:
        return store.manifest_bytes(name)
    except NoSuchManifest:
        running.tell("couldn't retrieve manifest")
        raise JobFailed(
            NO_SUCH_MODEL,
            contract_text=f"open manifests/{name.path}: no such file or directory",
            name=name.short,
        ) from None


def _show(running: Running, layer: Layer, completed: int) -> None:
    running.tell(
        f"pushing {layer.digest.hex[:12]}",
        digest=str(layer.digest),
        total=layer.size_bytes,
        completed=completed,
    )
