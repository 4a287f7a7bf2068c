"""For a company. Whatever protects people must be given; nothing is guessed (portal/checks.py)."""

from portal.settings.base import *  # noqa: F403 - settings are made to be extended this way
from portal.settings.base import PORTAL

DEBUG = False
MUST_BE_SAFE = True
SECRET_KEY = PORTAL.secret_key
ALLOWED_HOSTS = [*PORTAL.hosts]
OWN_ORIGINS = frozenset(PORTAL.origins or (f"https://{host}" for host in PORTAL.hosts))
CSRF_TRUSTED_ORIGINS = [*OWN_ORIGINS]
IS_ADMIN_SECOND_FACTOR_REQUIRED = PORTAL.is_admin_second_factor_required is not False

# `__Host-`: no other host, no sub-domain and no plain page can set or replace them.
SESSION_COOKIE_NAME = "__Host-sessionid"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrftoken"
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_NAME = "__Host-language"
LANGUAGE_COOKIE_SECURE = True

SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 365 * 86_400
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
# Browsers' built-in lists are for names of the open internet, not for a portal inside a company.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
