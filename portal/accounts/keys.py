"""API keys: made, checked, taken back. The one place where a secret becomes a person (A10).

Not for what they may be used for how often: quotas.py.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal import statements
from portal.accounts import notices, queries
from portal.accounts.errors import KeyIsForLess, KeyRefused
from portal.accounts.models import ApiKey, KeyScope, Person
from portal.accounts.tokens import fingerprint, new_secret
from portal.audit.record import record
from portal.statements import Statement

PREFIX = "pk_"
ORDINARY_SCOPES = (KeyScope.CHAT, KeyScope.EMBEDDINGS)
PATH_SCOPES = ORDINARY_SCOPES
MAX_KEYS = 50
USE_IS_WRITTEN_EVERY = timedelta(minutes=1)

_SECRET = re.compile(r"pk_[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one key, beside its owner's. None: none."""

    requests_a_minute: int | None = None
    tokens_a_day: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A request worth a note: which program, for what, and how it was answered."""

    client: str
    act: str
    status: int


class NotAllowed(ValueError):
    """The owner may not have a key with these scopes, or has too many keys."""


def in_days(days: int | None) -> datetime | None:
    """When a key of so many days expires; None for one that does not."""
    return None if days is None else timezone.now() + timedelta(days=days)


def scopes_for(owner: Person) -> tuple[KeyScope, ...]:
    """What a key of this person may be used for at most."""
    return tuple(KeyScope) if owner.is_staff else ORDINARY_SCOPES


@transaction.atomic
def make_key(
    owner: Person,
    *,
    name: str,
    scopes: Collection[str] | None = None,
    for_path: bool = False,
    expires_at: datetime | None = None,
    limits: Limits = NO_LIMITS,
    key_id: UUID | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which nobody can read again. Without `scopes`: all it may have.

    `key_id` names the press of the button; the same one again raises IntegrityError.
    """
    if owner.is_system:
        raise NotAllowed("nobody holds keys of this account")
    allowed = PATH_SCOPES if for_path else scopes_for(owner)
    wanted = allowed if scopes is None else tuple(scopes)
    if not wanted or not set(wanted) <= set(allowed):
        raise NotAllowed(", ".join(sorted(set(wanted) - set(allowed))) or "no scope")
    if living_keys(owner).count() >= MAX_KEYS:
        raise NotAllowed(f"more than {MAX_KEYS} keys")
    secret = PREFIX + new_secret()
    key = ApiKey(
        owner=owner,
        name=name,
        secret_sha256=fingerprint(secret),
        hint=secret[:7],
        scopes=[str(scope) for scope in KeyScope if scope in wanted],
        for_path=for_path,
        expires_at=expires_at,
        requests_a_minute=limits.requests_a_minute,
        tokens_a_day=limits.tokens_a_day,
    )
    if key_id is not None:
        key.id = key_id
    key.save(force_insert=True)
    record(
        owner,
        "key.made",
        key,
        scopes=key.scopes,
        for_path=for_path,
        expires_at=expires_at.isoformat() if expires_at else None,
    )
    return key, secret


def holder_of(secret: str, *, scope: str, in_path: bool = False) -> tuple[Person, ApiKey]:
    """Whose key this is, if it may be used for `scope` at this moment.

    Raises `KeyRefused` for whatever is no living key, `KeyIsForLess` for one without the scope.
    Through the path no key opens more than chat and embeddings, whatever its scopes.
    """
    key = _living_key(secret)
    if key is None:
        raise KeyRefused
    if key.for_path and not in_path:
        raise KeyRefused
    if in_path and scope not in PATH_SCOPES:
        raise KeyIsForLess(scope)
    if scope not in key.scopes:
        raise KeyIsForLess(scope)
    if scope not in scopes_for(key.owner):
        raise KeyIsForLess(scope)
    _note_use(key)
    key.owner.asking_with = key
    return key.owner, key


def is_still_let_in(person: Person) -> bool:
    """Whether who asked a while ago might ask now: with the same key, or as who needed none."""
    if person.asking_with is None:
        return Person.objects.filter(pk=person.pk, is_active=True).exists()
    return _living().filter(pk=person.asking_with.pk, owner__is_active=True).exists()


@transaction.atomic
def note_use(key: ApiKey, use: Use) -> None:
    """What a key was used for just now; the page that waits for it is woken."""
    ApiKey.objects.filter(id=key.id).update(
        last_used_at=timezone.now(),
        last_client=use.client,
        last_act=use.act,
        last_status=use.status,
    )
    transaction.on_commit(partial(notices.key_used, key.owner_id))


@transaction.atomic
def set_limits(by: Person, key: ApiKey, limits: Limits) -> None:
    """An administrator's word on one key. It holds from the next request on."""
    ApiKey.objects.filter(id=key.id).update(
        requests_a_minute=limits.requests_a_minute, tokens_a_day=limits.tokens_a_day
    )
    record(
        by,
        "key.limited",
        key,
        requests_a_minute=limits.requests_a_minute,
        tokens_a_day=limits.tokens_a_day,
    )


@transaction.atomic
def revoke(owner: Person, *, key_id: UUID, by: Person | None = None) -> bool:
    """Take back one of the owner's keys. False when there is none such, or it was done before.

    `by` is the administrator who does it for her.
    """
    is_new = bool(living_keys(owner).filter(id=key_id).update(revoked_at=timezone.now()))
    if is_new:
        record(by or owner, "key.revoked", ApiKey(id=key_id))
        notices.rights_changed(owner.pk)
    return is_new


def living_keys(owner: Person) -> QuerySet[ApiKey]:
    """Those that are neither revoked nor expired, newest first."""
    return _living().filter(owner=owner)


def _living(now: datetime | None = None) -> QuerySet[ApiKey]:
    is_current = Q(expires_at=None) | Q(expires_at__gt=now or timezone.now())
    return ApiKey.objects.filter(is_current, revoked_at=None)


def _living_key(secret: str) -> ApiKey | None:
    # The shape first, so that rubbish costs no query. The lookup is by the hash under a unique
    # index: what its timing could tell is about the hash, never about the secret.
    if not _SECRET.fullmatch(secret):
        return None
    key = _LIVING_KEY.first(fingerprint(secret), timezone.now())
    owner = queries.active_person(key.owner_id) if key is not None else None
    if key is None or owner is None:
        return None
    key.owner = owner
    return key


# Asked at every request.
_LIVING_KEY = Statement(
    ApiKey,
    lambda sha256, now: _living(now).filter(secret_sha256=sha256),
    *(statements.TEXT, statements.MOMENT),
)


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is not None and now - key.last_used_at < USE_IS_WRITTEN_EVERY:
        return
    ApiKey.objects.filter(id=key.id).update(last_used_at=now)
