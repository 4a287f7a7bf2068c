"""Who is asking, read anew each time. Not for what they may do: that is in each access.py."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Max
from django.utils.crypto import constant_time_compare

from portal import clock, statements
from portal.accounts.errors import SignedOut
from portal.accounts.models import Person
from portal.statements import Statement


async def current_person(scope: Mapping[str, Any]) -> Person:
    """The person behind this socket's session at this moment, or `SignedOut`.

    Session and person are read from the database at every call: who somebody was when the socket
    opened grants nothing (threat A7).
    """
    person = await database_sync_to_async(person_of_session)(scope["session"].session_key)
    return cast(Person, person)


def person_of_session(session_key: str | None) -> Person:
    """The active person whose session this is. An ended, emptied or unknown one is `SignedOut`.

    Read as Django reads it, but for what Django would change: who only looks renews no session.
    """
    held = _LIVING_SESSION.first(session_key, clock.now()) if session_key else None
    proven = {} if held is None else held.get_decoded()
    if proven.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        raise SignedOut
    person = active_person(UUID(proven[SESSION_KEY]))
    if person is None or person.is_system or not _is_proof(proven.get(HASH_SESSION_KEY), person):
        raise SignedOut
    return person


def active_person(person_id: UUID) -> Person | None:
    return _ACTIVE_PERSON.first(person_id)


def _is_proof(proof: str | None, person: Person) -> bool:
    """Whether the session was begun with the password of now, and not ended since."""
    hashes = (person.get_session_auth_hash(), *person.get_session_auth_fallback_hash())
    return proof is not None and any(constant_time_compare(proof, each) for each in hashes)


# One or both are asked at every frame and request, and for every open tab twice a minute.
_LIVING_SESSION = Statement(
    Session,
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now),
    *(statements.TEXT, statements.MOMENT),
)
_ACTIVE_PERSON = Statement(
    Person, lambda pk: Person.objects.filter(pk=pk, is_active=True), statements.ID
)


def weight_of(person_id: UUID) -> int:
    """How much this person counts where many wait: her own weight, else her groups' largest."""
    people = Person.objects.filter(pk=person_id)
    found = people.values_list("weight", Max("groups__weighing__weight")).first()
    own, of_groups = found or (None, None)
    return own or of_groups or 1


# Written out, since every question asks it: to put it together out of Django's parts costs more
# than to run it.
_HELD_WEIGHT = """
SELECT person.weight, (
    SELECT MAX(weighing.weight) FROM accounts_groupweight weighing
    JOIN accounts_person_groups membership ON membership.group_id = weighing.group_id
    WHERE membership.person_id = person.id
) FROM accounts_person person WHERE person.id = %s
"""


def held_weight_of(person_id: UUID) -> int:
    """As `weight_of`; her row stays held until the transaction ends."""
    held = " FOR UPDATE OF person" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        key = Person._meta.pk.get_db_prep_value(person_id, connection)
        cursor.execute(_HELD_WEIGHT + held, [key])
        found = cursor.fetchone()
    if found is None:
        raise Person.DoesNotExist
    return found[0] or found[1] or 1


def is_there_an_administrator() -> bool:
    """Whether somebody can sign in and manage the portal."""
    return Person.objects.filter(is_active=True, is_superuser=True).exists()


def active_person_with_email(email: str) -> Person | None:
    """The person who signs in with this address, in whatever case it is written."""
    return Person.objects.filter(email__iexact=email, is_active=True, is_system=False).first()
