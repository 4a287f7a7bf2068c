"""Who is asking, read anew each time. Not for what they may do: that is in each access.py."""

from collections.abc import Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.db import connection
from django.db.models import Max
from django.http import HttpRequest

from portal.accounts.errors import SignedOut
from portal.accounts.models import Person


async def current_person(scope: Mapping[str, Any]) -> Person:
    """The person behind this socket's session at this moment, or `SignedOut`.

    Session and person are read from the database at every call: who somebody was when the socket
    opened grants nothing (threat A7).
    """
    person = await database_sync_to_async(person_of_session)(scope["session"].session_key)
    return cast(Person, person)


def person_of_session(session_key: str | None) -> Person:
    """The active person whose session this is. An ended, emptied or unknown one is `SignedOut`."""
    if not session_key:
        raise SignedOut
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    # Django's own reading: it compares the session's proof with the password of now, and refuses
    # whoever is not active. It wants no more of a request than its session.
    person = get_user(cast(HttpRequest, SimpleNamespace(session=session)))
    if not isinstance(person, Person) or person.is_system:
        raise SignedOut
    return person


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
