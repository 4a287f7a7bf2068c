"""Who is asking: one place, one person, one scope, whatever carried the key (threats A10, A16)."""

from django.conf import settings
from django.http import HttpRequest

from portal.accounts import anonymous, keys, quotas
from portal.accounts.errors import KeyRefused, NoKey
from portal.accounts.models import ApiKey, Person
from portal.api import cors
from portal.api.addresses import KEY_IN_SCOPE

# What clients without a field for a key send, whatever server they talk to.
NO_KEY = frozenset({"", "ollama", "lm-studio", "none"})


def admitted(request: HttpRequest, *, scope: str, own_header: str | None = None) -> Person:
    """As `holder`, and counted: who asks too often is told when to come again."""
    address = address_of(request)
    try:
        person, _ = holder(request, scope=scope, own_header=own_header)
    except NoKey:
        raise
    except KeyRefused:
        quotas.count_wrong_key(str(address))
        raise
    quotas.count_request(person, address=str(address))
    return person


def holder(
    request: HttpRequest, *, scope: str, own_header: str | None = None
) -> tuple[Person, ApiKey | None]:
    """Whose request this is; without a key it is nobody's, where such requests are let in.

    Cookies are never looked at.

    The key of the header wins. One in the path beside it must be good too, and the same person's.
    `own_header` is one more place for the same key, where clients of this route have their own.
    """
    in_header, in_path = key_in_header(request, own_header=own_header), key_in_path(request)
    if in_header is None and in_path is None:
        return _nobody(request, scope=scope), None
    if in_header is None:
        return keys.holder_of(in_path or "", scope=scope, in_path=True)
    person, key = keys.holder_of(in_header, scope=scope)
    if in_path is not None:
        other, _ = keys.holder_of(in_path, scope=scope, in_path=True)
        if other.pk != person.pk:
            raise KeyRefused
    return person, key


def key_in_header(request: HttpRequest, *, own_header: str | None = None) -> str | None:
    """None when there is none, or only what such clients always send. Two keys are refused."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    given = [bearer.strip()] if scheme.lower() == "bearer" else []
    if own_header is not None:
        given.append(request.headers.get(own_header, "").strip())
    found = {secret for secret in given if secret.lower() not in NO_KEY}
    if len(found) > 1:
        raise KeyRefused
    return next(iter(found), None)


def address_of(request: HttpRequest) -> anonymous.Address | None:
    """Where the request comes from, as far as that is certain."""
    return anonymous.address_of(
        peer=request.META.get("REMOTE_ADDR") or "",
        forwarded=request.META.get("HTTP_X_FORWARDED_FOR", ""),
        trusted_proxies=settings.PORTAL.trusted_proxies,
    )


def _nobody(request: HttpRequest, *, scope: str) -> Person:
    """Who asks without a key, from a listed network, for no more than chat and embeddings.

    With a key there is nothing to forge. Without one the network is the proof, and a browser lends
    it to every page that it shows: so foreign pages are turned away here, as Ollama does.
    """
    if scope not in keys.ORDINARY_SCOPES or not anonymous.is_let_in(address_of(request)):
        raise NoKey
    if cors.is_foreign_page(request, origins=settings.PORTAL.api_origins):
        raise NoKey
    person = anonymous.nobody()
    if person is None:
        raise NoKey
    return person


def key_in_path(request: HttpRequest) -> str | None:
    """The empty text for an address that had a place for a key and nothing in it."""
    scope = getattr(request, "scope", {})
    key = scope.get(KEY_IN_SCOPE)
    return key if isinstance(key, str) else None
