"""Bytes that change by themselves are noticed: every file of the store is read again, by turns.

A file that is no longer what its name says is taken out of its place and every model with it out
of use (threat E16); fetching the model again repairs both. Not for files that come in: those are
hashed on their way.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BufferedReader
from typing import Literal
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access, queries, rows
from portal.catalog.coming.adopting import UNUSABLE
from portal.catalog.memory import kept as memory
from portal.catalog.models import Blob, Model, ModelState
from portal.catalog.names import Digest, ModelName
from portal.catalog.storage import files, folders, readings
from portal.catalog.storage.manifests import Stored
from portal.catalog.storage.store import Store, WrongBytes
from portal.catalog.trying import trials
from portal.chat.errors import ChatError

logger = logging.getLogger(__name__)

TURN_SECONDS = 600.0
# So much is read in a turn, and no faster: a disk that people wait for has other things to do.
TURN_BYTES = 2 * 1024**3
READ_BYTES_A_SECOND = 100 * 1024**2
_CHUNK_BYTES = 4 * 1024**2

Sleep = Callable[[float], None]
Verdict = Literal["whole", "wrong", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How many files were read, how many bytes, and the models that were taken out."""

    count: int = 0
    size_bytes: int = 0
    broken: tuple[str, ...] = ()


def check_in_turn(*, turn_bytes: int = TURN_BYTES, sleep: Sleep = time.sleep) -> Turn:
    """Read those files again whose last reading is longest ago, as far as this turn goes.

    A file larger than a turn is read whole, and the turns after it are left out until it is paid
    for.
    """
    settings.PORTAL.home.mkdir(parents=True, exist_ok=True)
    with folders.locked(settings.PORTAL.home / "rot.lock", waits=False) as is_alone:
        if not is_alone or _is_unpaid(turn_bytes):
            return Turn()
        return _read_on(queries.open_store(), turn_bytes=turn_bytes, sleep=sleep)


def check_bytes(person: Person | None, *, model_id: UUID) -> bool:
    """Read every file of the model again, now; on a mismatch take it out of use."""
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
    store = queries.open_store()
    try:
        _check_model(person, store, store.manifest(ModelName.parse(model.name)))
    except UNUSABLE as error:
        rows.mark_broken(person, model=model, why=type(error).__name__)
        return False
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
        if model.state == ModelState.BROKEN:
            model.state = ModelState.ADDED
            model.save(update_fields=["state"])
            trials.ask_after_commit(model)
        record(person, "model.checked", model, name=model.name)
    return True


def _check_model(person: Person | None, store: Store, stored: Stored) -> None:
    sizes = {layer.digest: layer.size_bytes for layer in stored.manifest.all_layers}
    store.refuse_missing(stored.manifest)
    for digest, size_bytes in sizes.items():
        verdict = _read_twice(store, digest, sleep=_no_sleep)
        readings.note(digest, size_bytes=size_bytes, is_rotten=verdict != "whole")
        if verdict != "whole":
            _take_out(person, store, digest, verdict=verdict)
            raise WrongBytes(digest.hex)


def _read_on(store: Store, *, turn_bytes: int, sleep: Sleep) -> Turn:
    count, read_bytes, broken = 0, 0, []
    for digest, size_bytes in _oldest_first(store):
        if count and read_bytes + size_bytes > turn_bytes:
            break
        count, read_bytes = count + 1, read_bytes + size_bytes
        verdict = _read_twice(store, digest, sleep=sleep)
        readings.note(digest, size_bytes=size_bytes, is_rotten=verdict != "whole")
        if verdict != "whole":
            broken += _take_out(None, store, digest, verdict=verdict)
    return Turn(count=count, size_bytes=read_bytes, broken=tuple(broken))


def _oldest_first(store: Store) -> Iterator[tuple[Digest, int]]:
    """Every file that a manifest names and that is there, those never read before all others."""
    sizes = {
        layer.digest: layer.size_bytes
        for stored in store.all()
        for layer in stored.manifest.all_layers
        if store.has_blob(layer.digest, size_bytes=layer.size_bytes)
    }
    read = dict(Blob.objects.values_list("digest", "checked_at"))
    moments = {digest: read.get(digest.hex) for digest in sizes}
    for digest in sorted(
        sizes, key=lambda each: (moment.timestamp() if (moment := moments[each]) else 0.0, each)
    ):
        yield digest, sizes[digest]


def _is_unpaid(turn_bytes: int) -> bool:
    """Whether the last file was so large that this turn belongs to it too."""
    last = Blob.objects.exclude(checked_at=None).order_by("-checked_at").first()
    if last is None or last.checked_at is None or last.size_bytes <= turn_bytes:
        return False
    turns = last.size_bytes / turn_bytes
    return clock.now() < last.checked_at + timedelta(seconds=turns * TURN_SECONDS)


def _read_twice(store: Store, digest: Digest, *, sleep: Sleep) -> Verdict:
    """Before a file is condemned: the second time from the disk and not from memory."""
    verdict: Verdict = "wrong"
    for _ in range(2):
        try:
            with store.open_blob(digest) as file:
                if files.sha256(file, pace=_Pace(file, sleep=sleep).after) == digest.hex:
                    return "whole"
                verdict = "wrong"
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            logger.warning("a file of the store cannot be read: %s", type(error).__name__)
            verdict = "unreadable"
    return verdict


class _Pace:
    """Holds a reader back, and lets the memory go that its reading took."""

    def __init__(self, file: BufferedReader, *, sleep: Sleep) -> None:
        self._file = file
        self._sleep = sleep
        self._began = time.monotonic()

    def after(self, read_bytes: int) -> None:
        os.posix_fadvise(self._file.fileno(), 0, read_bytes, os.POSIX_FADV_DONTNEED)
        ahead = read_bytes / READ_BYTES_A_SECOND - (time.monotonic() - self._began)
        if ahead > 0:
            self._sleep(ahead)


def _no_sleep(_seconds: float) -> None:
    """For an administrator who waits for the answer."""


def _take_out(
    person: Person | None, store: Store, digest: Digest, *, verdict: Verdict
) -> list[str]:
    """No model with this file can be chosen, and none finds it when its bytes are wrong. What
    cannot be read stays where it is: the disk may answer again."""
    if verdict == "wrong":
        try:
            store.set_aside(digest)
        except OSError as error:
            logger.error("a rotten file of the store stays in its place: %s", error.strerror)
    named = [
        stored.name.short
        for stored in store.all()
        if digest in {layer.digest for layer in stored.manifest.all_layers}
    ]
    taken = []
    for name in named:
        model = Model.objects.filter(name__iexact=name).first()
        if model is not None and rows.mark_broken(
            person, model=model, why="WrongBytes", file=digest.hex[:12]
        ):
            taken.append(model.name)
            _unload(model)
    return taken


def _unload(model: Model) -> None:
    """What is in memory may be what was on the disk."""
    try:
        memory.unload(None, model_id=model.id)
    except ChatError as error:
        logger.warning("a broken model stays loaded for a while: %s", type(error).__name__)
