"""Who is asking: one place, one person, one scope, whatever carried the key (threats A10, A16)."""

from django.http import HttpRequest

from portal.accounts import keys
from portal.accounts.errors import KeyRefused
from portal.accounts.models import ApiKey, Person
from portal.api.addresses import KEY_IN_SCOPE

# What clients without a field for a key send, whatever server they talk to.
NO_KEY = frozenset({"", "ollama", "lm-studio", "none"})


def holder(request: HttpRequest, *, scope: str) -> tuple[Person, ApiKey]:
    """Whose request this is. Cookies are never looked at.

    The key of the header wins. One in the path beside it must be good too, and the same person's.
    """
    in_header, in_path = key_in_header(request), key_in_path(request)
    if in_header is None and in_path is None:
        raise KeyRefused
    if in_header is None:
        return keys.holder_of(in_path or "", scope=scope, in_path=True)
    person, key = keys.holder_of(in_header, scope=scope)
    if in_path is not None:
        other, _ = keys.holder_of(in_path, scope=scope, in_path=True)
        if other.pk != person.pk:
            raise KeyRefused
    return person, key


def key_in_header(request: HttpRequest) -> str | None:
    """None when there is none, or only what such clients always send."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or secret.lower() in NO_KEY:
        return None
    return secret


def key_in_path(request: HttpRequest) -> str | None:
    """The empty text for an address that had a place for a key and nothing in it."""
    scope = getattr(request, "scope", {})
    key = scope.get(KEY_IN_SCOPE)
    return key if isinstance(key, str) else None
