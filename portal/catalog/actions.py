"""Everything that changes which models there are and who may use them, with its audit row.

Files come first and the row after them: what a kill leaves between, `sync_with_store` finds.
"""

import logging
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access, details, gguf, notices, queries, trials
from portal.catalog.manifest import (
    CONFIG_TYPE,
    LICENSE_TYPE,
    PARAMETERS_TYPE,
    PROJECTOR_TYPE,
    SYSTEM_TYPE,
    WEIGHTS_TYPE,
    BadManifest,
    Layer,
    Manifest,
    write_parameters,
)
from portal.catalog.models import Model, ModelState
from portal.catalog.names import Digest, ModelName
from portal.catalog.store import NoSuchManifest, Staged, Store, Stored, WrongBytes
from portal.chat.errors import Conflict, NotFound
from portal.chat.models import OPEN
from portal.streams import requests

logger = logging.getLogger(__name__)

# What reading a model's files can say against them.
UNUSABLE = (WrongBytes, BadManifest, gguf.NotAGguf, NoSuchManifest, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file on this machine that an operator named. Linked only if she asked for it."""

    path: Path
    may_link: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Bytes that can be read once, and how many there will be."""

    file: BinaryIO
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """The names of models that were found, and of those that can no longer be used."""

    adopted: tuple[str, ...]
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What a model carries besides its weights. Empty means: no such layer."""

    license_text: str = ""
    system: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)

    def documents(self) -> list[tuple[str, bytes]]:
        """(media type, bytes) in the order Ollama keeps them."""
        written = (
            (SYSTEM_TYPE, self.system.encode()),
            (LICENSE_TYPE, self.license_text.encode()),
            (PARAMETERS_TYPE, write_parameters(self.parameters) if self.parameters else b""),
        )
        return [(media_type, data) for media_type, data in written if data]


def import_file(
    person: Person | None,
    *,
    source: LocalFile | Stream,
    name: str,
    sha256: str | None = None,
    papers: Papers | None = None,
    projector: LocalFile | None = None,
) -> Model:
    """Take a GGUF file into the store under `name`; it is published only if the name was before.

    Nothing is kept when the bytes are not those of `sha256`, or not a GGUF we would load. The
    second time with the same file changes nothing but the time. A `projector` lets it see.
    """
    access.may_manage_models(person, verb="add")
    model_name = ModelName.parse(name)
    expected = Digest.parse(sha256) if sha256 else None
    store = queries.open_store()
    with ExitStack() as cleanup:

        def keep(staged: Staged) -> Staged:
            cleanup.callback(store.discard, staged)
            return staged

        weights = keep(_stage(store, source))
        if expected is not None and weights.digest != expected:
            raise WrongBytes(weights.digest.hex)
        header = gguf.read(weights.path)
        config = keep(store.stage_bytes(details.config_of(header).as_bytes()))
        layers = [_layer(weights, WEIGHTS_TYPE)]
        documents = [weights, config]
        if projector is not None:
            documents.append(keep(_stage(store, projector)))
            gguf.read(documents[-1].path)
            layers.append(_layer(documents[-1], PROJECTOR_TYPE))
        for media_type, data in (papers or Papers()).documents():
            documents.append(keep(store.stage_bytes(data)))
            layers.append(_layer(documents[-1], media_type))
        manifest = Manifest(config=_layer(config, CONFIG_TYPE), layers=tuple(layers))
        with store.locked():
            for staged in documents:
                store.publish(staged)
            stored = store.write_manifest(model_name, manifest)
    return _remember(person, store=store, stored=stored, act="model.imported")


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


def delete_model(person: Person | None, *, model_id: UUID) -> None:
    """Remove the model and those of its files that no other model needs.

    Refused while somebody waits for its answer. Cut short, the model is left hidden or broken, and
    the second time finishes the work.
    """
    access.may_manage_models(person, verb="delete")
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
        if model.generations.filter(state__in=OPEN).exists():
            raise Conflict(_("People are waiting for answers of this model. Try again later."))
        if model.is_published:
            hide_model(person, model_id=model_id)
    queries.open_store().remove(ModelName.parse(model.name))
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
        record(person, "model.deleted", model, name=model.name)
        model.delete()


def check_bytes(person: Person | None, *, model_id: UUID) -> bool:
    """Hash every file of the model again; on a mismatch take it out of use (threat E16)."""
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
    store = queries.open_store()
    try:
        _check(store, store.manifest(ModelName.parse(model.name)))
    except UNUSABLE as error:
        _mark_broken(person, model=model, why=type(error).__name__)
        return False
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
        if model.state == ModelState.BROKEN:
            model.state = ModelState.ADDED
            model.save(update_fields=["state"])
            trials.ask_after_commit(model)
        record(person, "model.checked", model, name=model.name)
    return True


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


def sync_with_store(person: Person | None) -> Synced:
    """Adopt what lies in the store and has no row; mark broken what has a row and no whole files.

    Every byte of a newly found model is hashed first: the folder may be filled by programs that
    give a file its name before they check it (threat E9). Known models cost a look at sizes only.
    """
    access.may_manage_models(person)
    store = queries.open_store()
    known = {model.name.lower(): model for model in Model.objects.all()}
    adopted, broken = [], []
    for stored in store.all():
        model = known.pop(stored.name.short.lower(), None)
        if model is not None and _is_unchanged(store, stored=stored, model=model):
            continue
        try:
            _check(store, stored)
            _remember(person, store=store, stored=stored, act="model.adopted")
        except UNUSABLE as error:
            logger.warning("%s cannot be used: %s", stored.name, type(error).__name__)
            broken.append(stored.name.short)
            if model is not None:
                _mark_broken(person, model=model, why=type(error).__name__)
        else:
            adopted.append(stored.name.short)
    for model in known.values():
        broken.append(model.name)
        _mark_broken(person, model=model, why="NoSuchManifest")
    return Synced(adopted=tuple(adopted), broken=tuple(broken))


def _stage(store: Store, source: LocalFile | Stream) -> Staged:
    if isinstance(source, LocalFile):
        return store.stage_file(source.path, may_link=source.may_link)
    return store.stage_stream(source.file, size_bytes=source.size_bytes)


def _layer(staged: Staged, media_type: str) -> Layer:
    return Layer(media_type=media_type, digest=staged.digest, size_bytes=staged.size_bytes)


def _check(store: Store, stored: Stored) -> None:
    for layer in stored.manifest.all_layers:
        if not store.has_blob(layer.digest, size_bytes=layer.size_bytes):
            raise WrongBytes(layer.digest.hex)
    for digest in sorted({layer.digest for layer in stored.manifest.all_layers}):
        store.check_blob(digest)


def _is_unchanged(store: Store, *, stored: Stored, model: Model) -> bool:
    if model.state == ModelState.BROKEN or model.digest != stored.digest.hex:
        return False
    return all(
        store.has_blob(layer.digest, size_bytes=layer.size_bytes)
        for layer in stored.manifest.all_layers
    )


def _remember(person: Person | None, *, store: Store, stored: Stored, act: str) -> Model:
    """The row of this manifest is there and says what its files say."""
    found = details.of(store, stored)
    with transaction.atomic():
        model = Model.objects.select_for_update().filter(name__iexact=stored.name.short).first()
        if model is None:
            model = Model(name=stored.name.short)
        if model.digest != stored.digest.hex or model.state == ModelState.BROKEN:
            model.state, model.trial = ModelState.ADDED, {}
        model.digest = stored.digest.hex
        model.weights = found.weights.hex
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
        model.modified_at = datetime.fromtimestamp(stored.modified_at, tz=UTC)
        model.save()
        record(person, act, model, name=model.name, digest=model.digest)
        trials.ask_after_commit(model)
        notices.models_changed(model)
    return model


@transaction.atomic
def _mark_broken(person: Person | None, *, model: Model, why: str) -> None:
    if (
        Model.objects.filter(id=model.id)
        .exclude(state=ModelState.BROKEN)
        .update(state=ModelState.BROKEN)
    ):
        record(person, "model.broken", model, name=model.name, why=why)
        notices.models_changed(model)


def _names(groups: Iterable[Group]) -> list[str]:
    return sorted(group.name for group in groups)
