"""Refuses to start when a setting is unsafe (threat J1); `manage.py check --deploy` asks it too.

Not for what Django and allauth check themselves.
"""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

# Below these, somebody else's hole is ours too ("Fixed in" of the threats page).
FLOORS = {
    "daphne": (4, 2, 2),
    "llama-cpp-python": (0, 3, 0),
    "jinja2": (3, 1, 6),
    "celery": (5, 2, 2),
    "django-allauth": (65, 14, 2),
}
MIN_SECRET_KEY_CHARS = 50
PRIVATE_CACHES = ("locmem", "dummy", "filebased")


@register(Tags.security, deploy=True)
def unsafe_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Every reason at once, so that an operator sees them in one go."""
    return [
        *_debug(),
        *_secret_key(),
        *_hosts(),
        *_cookies(),
        *_proxies(),
        *_cache(),
        *_channel_layer(),
        *_redis(),
        *_library_floors(),
    ]


def refuse_unsafe_start() -> None:
    """Called where the web starts. In production an unsafe setting ends the process (threat J1)."""
    if not settings.MUST_BE_SAFE:
        return
    if found := unsafe_settings(None):
        raise ImproperlyConfigured("; ".join(str(each.msg) for each in found))


def _debug() -> Iterator[Error]:
    if settings.DEBUG:
        yield Error("DEBUG is on: error pages would show code and settings", id="portal.E001")


def _secret_key() -> Iterator[Error]:
    key = settings.SECRET_KEY
    is_weak = (
        len(key) < MIN_SECRET_KEY_CHARS or len(set(key)) < 5 or key.startswith("django-insecure-")
    )
    if is_weak:
        yield Error(
            "PORTAL_SECRET_KEY is missing or weak",
            hint=f"give it at least {MIN_SECRET_KEY_CHARS} random characters, always the same ones",
            id="portal.E002",
        )


def _hosts() -> Iterator[Error]:
    hosts = settings.ALLOWED_HOSTS
    if not hosts or any(host == "*" or host.startswith(".") for host in hosts):
        yield Error(
            "PORTAL_HOSTS must name the hosts people use, each in full, and no *",
            id="portal.E003",
        )
    plain = [origin for origin in settings.OWN_ORIGINS if urlsplit(origin).scheme != "https"]
    if plain:
        yield Error("PORTAL_ORIGINS must be https addresses only", id="portal.E004")


def _cookies() -> Iterator[Error]:
    for name in ("SESSION", "CSRF", "LANGUAGE"):
        is_safe = (
            getattr(settings, f"{name}_COOKIE_SECURE")
            and getattr(settings, f"{name}_COOKIE_HTTPONLY")
            and getattr(settings, f"{name}_COOKIE_SAMESITE") in ("Lax", "Strict")
            and getattr(settings, f"{name}_COOKIE_NAME").startswith("__Host-")
        )
        if not is_safe:
            yield Error(
                f"the {name.lower()} cookie must be Secure, HttpOnly, SameSite and named __Host-…",
                id="portal.E005",
            )


def _proxies() -> Iterator[Error]:
    if settings.PORTAL.trusted_proxies is None:
        yield Error(
            "PORTAL_TRUSTED_PROXIES is not set",
            hint="how many proxies stand before the portal? 1 for the one in deploy/; 0 for none",
            id="portal.E006",
        )


def _cache() -> Iterator[Error]:
    backend = str(settings.CACHES["default"]["BACKEND"]).lower()
    if any(private in backend for private in PRIVATE_CACHES):
        yield Error(
            "the cache is private to one process, so sign-in limits would not add up",
            id="portal.E007",
        )


def _channel_layer() -> Iterator[Error]:
    if "inmemory" in str(settings.CHANNEL_LAYERS["default"]["BACKEND"]).lower():
        yield Error("the channel layer is private to one process", id="portal.E008")


def _redis() -> Iterator[Error]:
    url = urlsplit(settings.PORTAL.redis_url)
    # A socket file is protected by its directory; an address on the network by a user and password.
    if url.scheme != "unix" and not url.password:
        yield Error(
            "REDIS_URL has no password",
            hint="give Redis an ACL user for the portal: redis://user:password@host:6379/0",
            id="portal.E009",
        )


def _library_floors() -> Iterator[Error]:
    for name, floor in FLOORS.items():
        if _parsed(version(name)) < floor:
            wanted = ".".join(map(str, floor))
            yield Error(f"{name} {version(name)} is older than {wanted}", id="portal.E010")


def _parsed(text: str) -> tuple[int, ...]:
    numbers = []
    for part in text.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
