"""Everything that reads lists of models, or what a model needs. Writes nothing."""

from collections.abc import Sequence
from copy import copy

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from inference import protocol
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog.access import may_see_every_model
from portal.catalog.models import Alias, Model, ModelState
from portal.catalog.names import ModelName
from portal.catalog.storage.manifest import BadManifest
from portal.catalog.storage.needed import blobs_in_use
from portal.catalog.storage.store import NoSuchManifest, Store

# Above this a model's own wish for context is not followed: it is memory, for every conversation.
MAX_CONTEXT_LENGTH = 131_072
MAX_GPU_LAYERS = 100_000


def models_for(person: Person) -> list[Model]:
    """Every model this person may use now, by name: the same rule as `access.model_for_use`."""
    return _models_of(person, states=[ModelState.READY])


def listed_for(person: Person) -> list[Model]:
    """As `models_for`, and once more under each alias: copies, to be shown and never saved."""
    found = models_for(person)
    named = []
    for alias, model in aliases_of(found):
        again = copy(model)
        again.name = alias.name
        named.append(again)
    return named + found


def all_models(prefix: str = "") -> list[Model]:
    """Whatever their state, the newest first; names that begin so, in any letter case."""
    return list(Model.objects.filter(name__istartswith=prefix).order_by("-modified_at", "name"))


def unready_for(person: Person) -> list[Model]:
    """What nobody can choose yet, or ever, for those who look after models."""
    if not may_see_every_model(person):
        return []
    return _models_of(person, states=[ModelState.ADDED, ModelState.UNLOADABLE])


def aliases_of(models: Sequence[Model]) -> list[tuple[Alias, Model]]:
    """Names that stand for one of these, each with its model. A model's own name hides an alias."""
    by_id = {model.id: model for model in models}
    hidden = Model.objects.filter(name__iexact=OuterRef("name"))
    known = Alias.objects.filter(~Exists(hidden), model__isnull=False)
    return [(alias, by_id[alias.model_id]) for alias in known if alias.model_id in by_id]


def retired_for(person: Person) -> list[Model]:
    """Models that this person could still use, had they not been retired."""
    return _models_of(person, states=list(ModelState), is_retired=True)


def models_shown_to(person: Person) -> list[Model]:
    """Those that answer, and the ones that she may use once they have been checked."""
    found = _models_of(person, states=[ModelState.READY, ModelState.ADDED])
    return [model for model in found if task_of(model) == "answer"]


def _models_of(
    person: Person, *, states: Sequence[ModelState], is_retired: bool = False
) -> list[Model]:
    if not person.is_active:
        return []
    usable = Model.objects.filter(state__in=states, retired_at__isnull=not is_retired)
    if is_retired:
        usable = usable.select_related("successor")
    if may_see_every_model(person):
        return list(usable)
    of_her_groups = Q(groups__in=person.groups.all())
    audience = Q(is_for_everyone=True) | of_her_groups
    return list(usable.filter(audience, is_published=True).distinct())


def spec_of(model: Model, task: protocol.Task | None = None) -> protocol.ModelSpec:
    """What a runner must load for this model, for what it is made for or for another task."""
    task = task or task_of(model)
    is_seeing = task == "answer" and model.projector
    return protocol.ModelSpec(
        weights=model.weights,
        context_length=context_length_of(model),
        task=task,
        projector=model.projector if is_seeing else None,
        adapters=tuple(model.adapters),
        gpu_layers=_gpu_layers_of(model),
    )


def _gpu_layers_of(model: Model) -> int | None:
    """As its parameter num_gpu says; a negative one leaves it to the worker, as in Ollama."""
    asked = model.parameters.get("num_gpu")
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 0:
        return None
    return min(asked, MAX_GPU_LAYERS)


def specs_of(model: Model) -> list[protocol.ModelSpec]:
    """Everything that a runner may have loaded of it: a model made for answers embeds too.

    Nothing of one that no worker can load at all.
    """
    if not model.weights:
        return []
    task = task_of(model)
    others: list[protocol.Task] = ["embed"] if task == "answer" else []
    return [spec_of(model, each) for each in (task, *others)]


def task_of(model: Model) -> protocol.Task:
    """What it is made for."""
    able = model.capabilities or ["completion"]
    if "completion" in able:
        return "answer"
    return "rerank" if "rerank" in able else "embed"


def context_length_of(model: Model) -> int:
    """How many tokens a conversation may have: as the model's parameters say, else as configured.

    What the file claims can make it smaller, never larger (threat E21).
    """
    asked = model.parameters.get("num_ctx")
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        asked = settings.PORTAL.context_length
    trained = model.context_length or asked
    return max(4, min(asked, trained, MAX_CONTEXT_LENGTH))


def open_store() -> Store:
    """The store that this portal is configured with."""
    return Store(
        settings.PORTAL.models,
        also_needed=blobs_in_use,
        is_pruning=settings.PORTAL.is_pruning,
    )


def was_deleted(name: str) -> bool:
    """Whether somebody removed the model of this name: what comes by itself must not come back."""
    return Entry.objects.filter(act="model.deleted", details__name=name).exists()


def has_model(name: str, *, weights: str) -> bool:
    """Whether this very file is known under this name, and lies in the store at its full length."""
    model = (
        Model.objects.filter(name=name, weights=weights).exclude(state=ModelState.BROKEN).first()
    )
    if model is None:
        return False
    store = open_store()
    try:
        layers = store.manifest(ModelName.parse(name)).manifest.all_layers
    except (NoSuchManifest, BadManifest, OSError):
        return False
    return all(store.has_blob(layer.digest, size_bytes=layer.size_bytes) for layer in layers)


def all_groups() -> QuerySet[Group]:
    """Every group that a model can be published to, by name."""
    return Group.objects.order_by("name")


def audience_of(model: Model) -> str:
    """Who may use the model, as administrators read it."""
    if not model.is_published:
        return _("nobody (hidden)")
    if model.is_for_everyone:
        return _("everyone")
    return ", ".join(sorted(group.name for group in model.groups.all())) or _("nobody (hidden)")
