"""Lists of shared snapshots: what one shares of a conversation, and what others share with her."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet

from portal.accounts.models import Person
from portal.chat.models import Conversation
from portal.sharing.models import Share

MAX_RECEIVED = 200
# So many are told that something was shared with them, or no longer; the others find out later.
MAX_WOKEN = 200


def shares_of(conversation: Conversation) -> Sequence[Share]:
    """Those that can be read now, newest first, with their readers. Three queries."""
    live = conversation.shares.filter(revoked_at=None).defer("turns")
    return list(live.prefetch_related("people", "groups").order_by("-created_at", "id"))


def shares_in(conversation_ids: Iterable[UUID]) -> Sequence[Share]:
    """Those of any of these conversations that can be read now. One query."""
    live = Share.objects.filter(conversation_id__in=list(conversation_ids), revoked_at=None)
    return list(live.defer("turns"))


def living_shares(person: Person) -> int:
    """How many snapshots of hers are kept for others to read."""
    live = Share.objects.filter(owner=person, revoked_at=None)
    return live.filter(conversation__deleted_at=None).count()


def received_by(person: Person) -> Sequence[Share]:
    """What others let her read now, newest first. One query."""
    return list(
        Share.objects.filter(revoked_at=None, conversation__deleted_at=None)
        .filter(Q(people=person) | Q(groups__user=person))
        .exclude(owner=person)
        .defer("turns")
        .select_related("owner")
        .distinct()
        .order_by("-created_at", "id")[:MAX_RECEIVED]
    )


def groups_of(person: Person) -> Sequence[Group]:
    """Those she is in herself: she shares with no others."""
    return list(person.groups.order_by("name"))


def readers_of(share: Share) -> list[UUID]:
    """Everybody who may read it now, as far as they are told at once."""
    people: QuerySet[Person] = Person.objects.filter(
        Q(shares_received=share) | Q(groups__shares_received=share), is_active=True
    )
    return list(people.distinct().values_list("id", flat=True)[:MAX_WOKEN])


def people_with(emails: Iterable[str]) -> dict[str, Person]:
    """Active people by the addresses they sign in with, in lower case. One query."""
    wanted = {email.lower() for email in emails}
    found = Person.objects.filter(email__in=wanted, is_active=True)
    return {person.email.lower(): person for person in found}
