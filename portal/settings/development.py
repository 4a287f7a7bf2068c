"""The trial on this machine: what `make run` uses."""

from portal.configuration import BadConfiguration
from portal.secret_key import kept_secret_key
from portal.settings.base import *  # noqa: F403 - settings are made to be extended this way
from portal.settings.base import PORTAL

if not PORTAL.is_loopback and not PORTAL.hosts:
    raise BadConfiguration(
        f"PORTAL_BIND is {PORTAL.bind_host}, which other machines can reach: set PORTAL_HOSTS to "
        "the names or addresses they use for this one, separated by commas"
    )

SECRET_KEY = PORTAL.secret_key or kept_secret_key(PORTAL.home)
_names = ("localhost", "127.0.0.1", "[::1]", *PORTAL.hosts)
ALLOWED_HOSTS = [*_names]
OWN_ORIGINS = frozenset(PORTAL.origins or PORTAL.origins_on(_names))
CSRF_TRUSTED_ORIGINS = [*OWN_ORIGINS]

# A browser keeps no secure cookie from a plain address: so only when every origin is https.
_is_https = all(origin.startswith("https://") for origin in OWN_ORIGINS)
SESSION_COOKIE_SECURE = _is_https
CSRF_COOKIE_SECURE = _is_https
LANGUAGE_COOKIE_SECURE = _is_https
