"""Everything that reads lists. Whose they are was decided before: by the person given, or in
access.py."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from portal import statements
from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat.models import OPEN, Conversation, Door, Generation, Message, State
from portal.statements import Statement

CONVERSATIONS_A_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`more` says that older ones exist."""

    conversations: Sequence[Conversation]
    more: bool


def conversations_of(person: Person, *, before: datetime.datetime | None = None) -> Page:
    """Those that stand on no shelf of their own, a page at a time; the pinned ones before the first
    page. Two queries at most; portal/order/queries.py has the other shelves."""
    hers = Conversation.objects.filter(owner=person, deleted_at=None, is_temporary=False)
    page = page_of(hers.filter(archived_at=None, pinned_at=None, folder=None), before=before)
    if before is not None:
        return page
    pinned = _with_running(hers.exclude(pinned_at=None)).order_by("-pinned_at")
    return Page(conversations=[*pinned, *page.conversations], more=page.more)


def page_of(conversations: QuerySet[Conversation], *, before: datetime.datetime | None) -> Page:
    """Newest change first. One query."""
    found = _with_running(conversations)
    if before is not None:
        found = found.filter(changed_at__lt=before)
    rows = list(found.order_by("-changed_at")[: CONVERSATIONS_A_PAGE + 1])
    return Page(conversations=rows[:CONVERSATIONS_A_PAGE], more=len(rows) > CONVERSATIONS_A_PAGE)


def is_running(conversation: Conversation) -> bool:
    """Whether an answer is being written or waited for; known already when it came from a list."""
    known = getattr(conversation, "running", None)
    return open_generations(conversation).exists() if known is None else bool(known)


def open_generations(conversation: Conversation) -> QuerySet[Generation]:
    return Generation.objects.filter(message__conversation=conversation, state__in=OPEN)


def first_answer(message: Message) -> Generation:
    """The one that was queued together with the message."""
    return message.generations.order_by("created_at", "id")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`hers`: open answers of one person through one door. `waiting`: for one model, of anybody."""

    hers: int
    waiting: int


# Written out, since every question asks it: to put it together out of Django's parts costs more
# than to run it.
_LOAD = """
SELECT COUNT(CASE WHEN owner_id = %s AND door = %s THEN 1 END),
    COUNT(CASE WHEN model_id = %s AND state = %s THEN 1 END)
FROM {table} WHERE state IN ({open})
""".format(table=Generation._meta.db_table, open=", ".join(["%s"] * len(OPEN)))


def load_of(person: Person, *, door: Door, model: Model) -> Load:
    """Both, as they are at this moment. One query."""
    hers, its = (each._meta.pk.get_db_prep_value(each.pk, connection) for each in (person, model))
    with connection.cursor() as cursor:
        cursor.execute(_LOAD, [hers, str(door), its, str(State.QUEUED), *map(str, OPEN)])
        found = cursor.fetchone()
    return Load(hers=found[0], waiting=found[1])


def attempts_waiting_for(model: Model) -> dict[UUID, int]:
    """Which attempt each answer waits with, as far as the rows know."""
    waiting = Generation.objects.filter(model=model, state=State.QUEUED)
    return dict(waiting.values_list("pk", "attempt"))


def all_open() -> QuerySet[Generation]:
    """Every generation that is not over, of everyone: for recorder and reaper, never for a
    person."""
    return Generation.objects.filter(state__in=OPEN).select_related("message")


def open_one(generation_id: UUID) -> Generation | None:
    """This one of `all_open`."""
    return _OPEN_ONE.first(generation_id)


def open_at_a_glance() -> list[Generation]:
    """As `all_open`, with no more than says what state each is in."""
    return _AT_A_GLANCE.all()


_OPEN_ONE = Statement(
    Generation,
    lambda pk: Generation.objects.filter(state__in=OPEN, pk=pk),
    statements.ID,
)
_AT_A_GLANCE = Statement(
    Generation,
    lambda: Generation.objects.filter(state__in=OPEN).only(
        "id", "attempt", "state", "door", "created_at", "message_id"
    ),
)


def _with_running(conversations: QuerySet[Conversation]) -> QuerySet[Conversation]:
    still_open = Generation.objects.filter(message__conversation=OuterRef("pk"), state__in=OPEN)
    return conversations.annotate(running=Exists(still_open))
