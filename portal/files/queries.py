"""Which files go with a question, and how much of everything there is. Whose was decided before."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import (
    Count,
    Exists,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Sum,
    prefetch_related_objects,
)
from django.db.models.functions import Left

from portal.accounts.models import Person
from portal.chat.models import Message, NextQuestion
from portal.files.models import Attachment, DocumentText, File, Kind, State

# For lists of questions: all their files in one query more.
ATTACHED = Prefetch(
    "attachments", queryset=Attachment.objects.select_related("file").order_by("place", "id")
)


def files_of(question: Message | NextQuestion) -> list[File]:
    """In the order in which she added them. No query where they were read with the question."""
    prefetch_related_objects([question], ATTACHED)
    return [attachment.file for attachment in question.attachments.all()]


def ids_of(question: Message | NextQuestion) -> list[UUID]:
    return [file.id for file in files_of(question)]


def has_any(conversation_id: UUID) -> bool:
    return File.objects.filter(conversation_id=conversation_id).exists()


def text_of(file: File, *, most_chars: int) -> str:
    """Its beginning, as far as that; no more of it is read from the database."""
    words = DocumentText.objects.filter(file=file)
    found = words.values_list(Left("text", max(most_chars, 1)), flat=True).first()
    return (found or "")[:most_chars]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What goes with a question: letters of documents, and whether there are pictures."""

    chars: int = 0
    has_pictures: bool = False


def weights_in(conversation_id: UUID) -> dict[UUID, Weight]:
    """Of each question with files. One query."""
    rows = Attachment.objects.filter(message__conversation_id=conversation_id)
    counted = rows.values("message_id").annotate(
        chars=Sum("file__chars"), pictures=Count("pk", filter=Q(file__kind=Kind.IMAGE))
    )
    return {
        row["message_id"]: Weight(chars=row["chars"], has_pictures=bool(row["pictures"]))
        for row in counted.order_by()
    }


def stored_bytes(person: Person) -> int:
    """What her files take; of what was refused nothing is kept."""
    kept = File.objects.filter(owner=person).exclude(state=State.REFUSED)
    return kept.aggregate(total=Sum("size_bytes"))["total"] or 0


def unsent_of(person: Person) -> QuerySet[File]:
    return unsent().filter(owner=person)


def unsent() -> QuerySet[File]:
    """Those that go with no question, of everyone: never added to one, or taken back."""
    return File.objects.filter(~Exists(Attachment.objects.filter(file=OuterRef("pk"))))


def waiting_since(moment: datetime.datetime) -> list[UUID]:
    """Files that nobody opens although they came before that, of everyone."""
    waiting = File.objects.filter(state=State.READING, created_at__lt=moment)
    return list(waiting.values_list("id", flat=True))


def ids_in(conversation_ids: Iterable[UUID]) -> list[UUID]:
    found = File.objects.filter(conversation_id__in=conversation_ids)
    return list(found.values_list("id", flat=True))


def known_among(file_ids: Sequence[UUID]) -> set[UUID]:
    return set(File.objects.filter(id__in=file_ids).values_list("id", flat=True))
