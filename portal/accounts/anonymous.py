"""Programs without a key: from listed networks, as one person who is nobody (off by default).

That person is a row like others, so that rights, limits and the audit need no second rule. Not for
how many requests she has: quotas.py.
"""

import ipaddress

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from portal.accounts.models import Person
from portal.audit.record import record

# `.invalid` is reserved: no mail can ever reach it.
EMAIL = "anonymous@portal.invalid"
NAME = "Without a key"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(*, peer: str, forwarded: str, trusted_proxies: int | None) -> Address | None:
    """Where a request comes from; None when that is not known for certain (threat A1).

    Each trusted proxy has added one entry at the right of `forwarded`; what stands left of those
    anybody may have written. Without trusted proxies nobody should have written anything: then a
    proxy stands there that we were not told of, and its address says nothing about the visitor.
    """
    entries = [each.strip() for each in forwarded.split(",") if each.strip()]
    if not trusted_proxies:
        return None if entries else _parsed(peer)
    return _parsed(entries[-trusted_proxies]) if len(entries) >= trusted_proxies else None


def is_let_in(address: Address | None) -> bool:
    """Whether programs there may ask without a key."""
    if address is None:
        return False
    networks = settings.PORTAL.anonymous_networks
    return any(address.version == each.version and address in each for each in networks)


def nobody() -> Person | None:
    """The person such programs act as, made when first needed. None once she was disabled."""
    person = Person.objects.filter(is_system=True).first() or _made()
    return person if person is not None and person.is_active else None


def _made() -> Person | None:
    try:
        with transaction.atomic():
            person = Person.objects.create(
                email=EMAIL, name=NAME, is_system=True, password=make_password(None)
            )
            record(None, "person.added", person, is_admin=False)
            return person
    except IntegrityError:  # another process was first, or a person has taken the address
        return Person.objects.filter(is_system=True).first()


def _parsed(text: str) -> Address | None:
    """An address, with or without a port, as proxies and servers write it."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
