"""What lies in the store and has no row gets one; what has a row and no whole files is marked.

A folder that Ollama filled becomes ours by this, as it is. Not for single models that come in.
"""

import logging
from dataclasses import dataclass

from django.conf import settings

from portal.accounts.models import Person
from portal.catalog import access, queries, rows
from portal.catalog.models import Model, ModelState
from portal.catalog.names import ModelName
from portal.catalog.papers import details, gguf
from portal.catalog.storage import folders, readings
from portal.catalog.storage.manifest import BadManifest
from portal.catalog.storage.store import NoSuchManifest, Store, Stored, WrongBytes

logger = logging.getLogger(__name__)

# What reading a model's files can say against them.
UNUSABLE = (WrongBytes, BadManifest, gguf.NotAGguf, NoSuchManifest, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """The names of models that were found, of those that can no longer be used, and of files among
    the manifests that say nothing; folders of them that cannot be read. `is_busy`: somebody else is
    looking already."""

    adopted: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    is_busy: bool = False


def sync_with_store(person: Person | None) -> Synced:
    """Adopt what lies in the store and has no row; mark broken what has a row and no whole files.

    Every byte of a newly found model is hashed first, unless it has not changed since it was: the
    folder may be filled by programs that give a file its name before they check it (threat E9).
    Known models cost a look at sizes only, and those that an earlier edition of us filled are read
    anew without being hashed.
    """
    access.may_manage_models(person)
    settings.PORTAL.home.mkdir(parents=True, exist_ok=True)
    with folders.locked(settings.PORTAL.home / "sync.lock", waits=False) as is_alone:
        return _sync(person, queries.open_store()) if is_alone else Synced(is_busy=True)


def _sync(person: Person | None, store: Store) -> Synced:
    _rename_old_blobs(store)
    known = {model.name.lower(): model for model in Model.objects.all()}
    adopted, broken = [], []
    for stored in store.all():
        model = known.pop(stored.name.short.lower(), None)
        try:
            if _adopt(person, store=store, stored=stored, model=model):
                adopted.append(stored.name.short)
        except UNUSABLE as error:
            logger.warning("%s cannot be used: %s", stored.name, type(error).__name__)
            broken.append(stored.name.short)
            if model is not None:
                rows.mark_broken(person, model=model, why=type(error).__name__)
    for model in known.values():
        if _is_gone(store, model):
            broken.append(model.name)
            rows.mark_broken(person, model=model, why="NoSuchManifest")
    return Synced(
        adopted=tuple(adopted),
        broken=tuple(broken),
        unreadable=tuple(name.short for name in store.unreadable()),
        closed=tuple(store.closed_folders()),
    )


def _adopt(person: Person | None, *, store: Store, stored: Stored, model: Model | None) -> bool:
    """False when it was known, and is as it was."""
    if model is not None and _is_unchanged(store, stored=stored, model=model):
        if model.edition != details.edition():
            rows.renew(model, store=store, stored=stored)
        return False
    _read_whole(store, stored)
    found = details.of(store, stored)
    if not _is_still_there(store, stored):
        return False
    rows.remember(person, stored=stored, found=found, act="model.adopted")
    return True


def _is_gone(store: Store, model: Model) -> bool:
    """Not merely behind a door that is shut, or on a disk that does not answer at this moment."""
    try:
        store.manifest(ModelName.parse(model.name))
    except OSError:
        return False
    except (NoSuchManifest, BadManifest):
        return True
    return False


def _is_still_there(store: Store, stored: Stored) -> bool:
    """Somebody may have removed or replaced it while its gigabytes were read."""
    try:
        return store.manifest(stored.name).digest == stored.digest
    except (NoSuchManifest, BadManifest):
        return False


def _read_whole(store: Store, stored: Stored) -> None:
    """Every file of the model is there, and every byte what its name says.

    What many models share is read for the first of them, and not again while it does not change.
    """
    store.refuse_missing(stored.manifest)
    sizes = {layer.digest: layer.size_bytes for layer in stored.manifest.all_layers}
    for digest, size_bytes in sorted(sizes.items()):
        if readings.is_known(store, digest, size_bytes=size_bytes):
            continue
        store.check_blob(digest)
        readings.note(digest, size_bytes=size_bytes)


def _is_unchanged(store: Store, *, stored: Stored, model: Model) -> bool:
    if model.state == ModelState.BROKEN or model.digest != stored.digest.hex:
        return False
    return all(
        store.has_blob(layer.digest, size_bytes=layer.size_bytes)
        for layer in stored.manifest.all_layers
    )


def _rename_old_blobs(store: Store) -> None:
    try:
        store.rename_old_blobs()
    except OSError as error:  # A folder that we may only read is adopted as far as it can be.
        logger.warning("old files of the store keep their names: %s", error.strerror)
