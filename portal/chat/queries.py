"""Everything that reads lists. Whose they are was decided before: by the person given, or in
access.py."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat.models import OPEN, Conversation, Generation, Message, State

CONVERSATIONS_A_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`more` says that older ones exist."""

    conversations: Sequence[Conversation]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A message and its answers, oldest first."""

    message: Message
    answers: Sequence[Generation]


def conversations_of(person: Person, *, before: datetime.datetime | None = None) -> Page:
    """Newest change first, a page at a time. One query."""
    found = _with_running(Conversation.objects.filter(owner=person, deleted_at=None))
    if before is not None:
        found = found.filter(changed_at__lt=before)
    rows = list(found.order_by("-changed_at")[: CONVERSATIONS_A_PAGE + 1])
    return Page(conversations=rows[:CONVERSATIONS_A_PAGE], more=len(rows) > CONVERSATIONS_A_PAGE)


def is_running(conversation: Conversation) -> bool:
    """Whether an answer is being written or waited for; known already when it came from a list."""
    known = getattr(conversation, "running", None)
    return open_generations(conversation).exists() if known is None else bool(known)


def turns_of(conversation: Conversation) -> list[Turn]:
    """The whole conversation, oldest first. Two queries, whatever its length (threat H12)."""
    messages = list(conversation.messages.order_by("created_at", "id"))
    answers: dict[object, list[Generation]] = {message.id: [] for message in messages}
    for answer in Generation.objects.filter(message__conversation=conversation).order_by(
        "created_at", "id"
    ):
        answers[answer.message_id].append(answer)
    return [Turn(message=message, answers=answers[message.id]) for message in messages]


def turn_of(message: Message) -> Turn:
    return Turn(message=message, answers=list(message.generations.order_by("created_at", "id")))


def open_generations(conversation: Conversation) -> QuerySet[Generation]:
    return Generation.objects.filter(message__conversation=conversation, state__in=OPEN)


def newest_answer(conversation: Conversation) -> Generation | None:
    """The newest try at the last message: what the next message follows."""
    last = conversation.messages.order_by("created_at", "id").last()
    return last.generations.order_by("created_at", "id").last() if last else None


def first_answer(message: Message) -> Generation:
    """The one that was queued together with the message."""
    return message.generations.order_by("created_at", "id")[0]


def waiting_for(model: Model) -> int:
    """How many answers are waiting for this model, of whomever."""
    return Generation.objects.filter(model=model, state=State.QUEUED).count()


def all_open() -> QuerySet[Generation]:
    """Every generation that is not over, of everyone: for recorder and reaper, never for a
    person."""
    return Generation.objects.filter(state__in=OPEN).select_related("message")


def _with_running(conversations: QuerySet[Conversation]) -> QuerySet[Conversation]:
    still_open = Generation.objects.filter(message__conversation=OuterRef("pk"), state__in=OPEN)
    return conversations.annotate(running=Exists(still_open))
