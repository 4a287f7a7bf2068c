"""Everything a person does to her files: add one, take it back, send it with a question.

Bytes first under an id that nobody knows, then the row, then the wake-up. Whoever dies in between
leaves bytes without a row, which the sweep removes, or a row that it sees to (sweeping.py).
"""

from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from portal.accounts import quotas
from portal.accounts.models import Person
from portal.accounts.queries import held_weight_of
from portal.audit.record import record
from portal.catalog.models import Model
from portal.chat.models import Conversation, Message, NextQuestion
from portal.files import access, limits, names, places, queries, queue
from portal.files.errors import (
    AlreadySent,
    NoRoom,
    NothingIn,
    QuotaFull,
    SeesNothing,
    TooLarge,
    TooManyUnsent,
)
from portal.files.models import Attachment, File, Kind, State
from unpacking import kinds


def take_in(person: Person, *, name: str, size_bytes: int, pieces: Iterable[bytes]) -> File:
    """A file of hers, which background work opens next. Its name proves nothing (threat D10)."""
    if size_bytes < 1:
        raise NothingIn
    if size_bytes > settings.PORTAL.max_file_bytes:
        raise TooLarge
    quotas.count_attachment(person)
    if places.free_bytes() < size_bytes + limits.FREE_BYTES:
        raise NoRoom
    file_id = uuid4()
    heads: list[bytes] = []
    try:
        places.store(file_id, _noting_the_head(pieces, heads))
        return _write_down(
            person, file_id, name=names.shown(name), size_bytes=size_bytes, head=heads[0]
        )
    except OSError:
        places.remove([file_id])
        raise NoRoom from None
    except BaseException:
        places.remove([file_id])
        raise


@transaction.atomic
def _write_down(person: Person, file_id: UUID, *, name: str, size_bytes: int, head: bytes) -> File:
    # One after the other, so that what is counted here stays true (threat I1).
    held_weight_of(person.id)
    if queries.unsent_of(person).count() >= limits.MAX_UNSENT:
        raise TooManyUnsent
    quota_bytes = settings.PORTAL.file_quota_bytes
    if quota_bytes and queries.stored_bytes(person) + size_bytes > quota_bytes:
        raise QuotaFull
    is_picture = kinds.kind_of(head) == "picture"
    file = File.objects.create(
        id=file_id,
        owner=person,
        name=name,
        kind=Kind.IMAGE if is_picture else Kind.DOCUMENT,
        media_type=kinds.media_type_of(head),
        size_bytes=size_bytes,
    )
    record(person, "file.added", file)
    transaction.on_commit(partial(queue.send, file.id))
    return file


def drop(person: Person, file_id: UUID) -> None:
    """One that was not sent is gone, bytes and all."""
    with transaction.atomic():
        file = access.file_for_dropping(person, file_id)
        if not access.is_held_unsent(file):
            raise AlreadySent
        record(person, "file.dropped", file)
        file.delete()
    places.remove([file_id])


def attach(
    files: Sequence[File],
    *,
    conversation: Conversation,
    message: Message | None = None,
    next_question: NextQuestion | None = None,
) -> None:
    """They go with this question, and from now on with that conversation. In a transaction."""
    if not files:
        return
    Attachment.objects.bulk_create(
        Attachment(file=file, message=message, next_question=next_question, place=place)
        for place, file in enumerate(files)
    )
    fresh = [file.id for file in files if file.conversation_id is None]
    File.objects.filter(pk__in=fresh).update(conversation=conversation)


def must_be_seen(files: Sequence[File], *, model: Model) -> None:
    """A model that sees no pictures is asked about none (its person would take its word for it)."""
    has_pictures = any(file.kind == Kind.IMAGE and file.state == State.READY for file in files)
    if has_pictures and "vision" not in model.capabilities:
        raise SeesNothing


def _noting_the_head(pieces: Iterable[bytes], heads: list[bytes]) -> Iterable[bytes]:
    for piece in pieces:
        if not heads:
            heads.append(piece[: kinds.HEAD_BYTES])
        yield piece
