"""A file that came is opened, once, and its row says what was in it. For background work.

Safe to call again at any time: the row is taken under a lease, and only its newest taker may write
(as threat G10 wants of every task). A file that three children died of is refused.
"""

import datetime
import logging
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from portal import clock
from portal.audit.record import record
from portal.files import limits, opening, places, queue
from portal.files.models import DocumentText, File, State
from portal.files.telling import tell
from unpacking.said import Picture, Refused, Said, Text

log = logging.getLogger(__name__)

MAX_TRIES = 3
# Of one person.
MAX_AT_ONCE = 2
# Longer than a child may live.
LEASE = datetime.timedelta(seconds=2 * limits.WALL_SECONDS)


def read(file_id: UUID) -> None:
    """Nothing happens when somebody else does it, or it is done or gone."""
    file = _taken(file_id)
    if file is None:
        return
    _read(file)
    _wake_next(file)


def _read(file: File) -> None:
    if file.tries > MAX_TRIES:
        _refuse(file, "limits")
        return
    try:
        said = opening.opened(places.path_of(file.id))
    except FileNotFoundError:
        _refuse(file, "gone")
        return
    _write_down(file, said)


def _taken(file_id: UUID) -> File | None:
    now = clock.now()
    is_free = Q(taken_at=None) | Q(taken_at__lt=now - LEASE)
    waiting = File.objects.filter(is_free, id=file_id, state=State.READING)
    file = waiting.first()
    if file is None or _has_many_open(file, now=now):
        return None
    if not waiting.update(taken_at=now, tries=F("tries") + 1):
        return None
    file.refresh_from_db()
    return file


def _has_many_open(file: File, *, now: datetime.datetime) -> bool:
    """Her others are being read: nobody's files make those of all others wait (threat F11)."""
    hers = File.objects.filter(owner=file.owner_id, state=State.READING)
    return hers.filter(taken_at__gte=now - LEASE).count() >= MAX_AT_ONCE


def _wake_next(file: File) -> None:
    """The next one of hers that stood behind this one."""
    waiting = File.objects.filter(owner=file.owner_id, state=State.READING, taken_at=None)
    following = waiting.order_by("created_at", "id").first()
    if following is not None:
        queue.send(following.id)


def _write_down(file: File, said: Said) -> None:
    match said:
        case Text():
            _keep_text(file, said)
        case Picture():
            _keep_picture(file, said)
        case Refused():
            _refuse(file, said.problem)


@transaction.atomic
def _keep_text(file: File, said: Text) -> None:
    fields = {
        "media_type": _media_type(file, said),
        "chars": len(said.text),
        "tokens": limits.tokens_of(said.text),
    }
    if _settle(file, state=State.READY, **fields):
        DocumentText.objects.update_or_create(file=file, defaults={"text": said.text})


def _keep_picture(file: File, said: Picture) -> None:
    """The picture as it was drawn anew takes the place of the file that came."""
    places.store(file.id, [said.data])
    is_kept = _settle(
        file,
        state=State.READY,
        media_type=said.media_type,
        size_bytes=len(said.data),
        width=said.width,
        height=said.height,
    )
    if not is_kept and not File.objects.filter(pk=file.pk).exists():
        places.remove([file.id])


def _refuse(file: File, problem: str) -> None:
    with transaction.atomic():
        if not _settle(file, state=State.REFUSED, problem=problem):
            return
        record(None, "file.refused", file, problem=problem)
    places.remove([file.id])


def _settle(file: File, **fields: object) -> bool:
    """False when it was dropped, or taken by another, in the meantime: then nothing is changed."""
    with transaction.atomic():
        mine = File.objects.filter(pk=file.pk, state=State.READING, tries=file.tries)
        is_settled = bool(mine.update(**fields))
        if is_settled:
            transaction.on_commit(partial(tell, file.owner_id, file.id))
    return is_settled


def _media_type(file: File, said: Text) -> str:
    """Of plain text, the name says more than the bytes can."""
    if said.media_type != "text/plain":
        return said.media_type
    ending = file.name.rpartition(".")[2].lower()
    return {"csv": "text/csv", "md": "text/markdown", "json": "application/json"}.get(
        ending, said.media_type
    )
