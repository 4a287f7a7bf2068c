"""The first administrator: from the environment, or by a link that works once (threat A13)."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from portal.accounts import actions
from portal.accounts.models import FirstLink, Person
from portal.accounts.queries import is_there_an_administrator
from portal.accounts.tokens import fingerprint, new_secret
from portal.audit.record import record

LINK_LIFE = timedelta(hours=24)


class LinkRefused(Exception):
    """Unknown, used, expired, or there is an administrator by now: all alike."""


@transaction.atomic
def make_link() -> str:
    """The secret of a new link; the links before it no longer work."""
    FirstLink.objects.filter(used_at=None).delete()
    secret = new_secret()
    FirstLink.objects.create(
        secret_sha256=fingerprint(secret), expires_at=timezone.now() + LINK_LIFE
    )
    return secret


def is_link_good(secret: str) -> bool:
    """Whether `become_administrator` would take it now."""
    is_open = FirstLink.objects.filter(
        secret_sha256=fingerprint(secret), used_at=None, expires_at__gt=timezone.now()
    ).exists()
    return is_open and not is_there_an_administrator()


@transaction.atomic
def become_administrator(secret: str, *, email: str, name: str, password: str) -> Person:
    """Use the link up and make the first administrator.

    An account with this address is taken over.
    """
    now = timezone.now()
    link = FirstLink.objects.filter(
        secret_sha256=fingerprint(secret), used_at=None, expires_at__gt=now
    )
    # One conditional update: of two presses at once the database lets one through.
    if is_there_an_administrator() or not link.update(used_at=now):
        raise LinkRefused
    return make_administrator(email=email, name=name, password=password)


@transaction.atomic
def make_administrator(*, email: str, name: str, password: str) -> Person:
    """An active administrator with this address, new or made of the account that has it."""
    person = Person.objects.filter(email__iexact=email).first()
    if person is None:
        return actions.add_person(None, email=email, password=password, name=name, is_admin=True)
    person.is_active = person.is_staff = person.is_superuser = True
    person.name = name or person.name
    person.save()
    record(None, "person.changed", person, fields=["is_active", "is_staff", "is_superuser"])
    actions.set_password(None, person, password=password)
    return person
