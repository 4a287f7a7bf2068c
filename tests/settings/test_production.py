"""Unsafe settings do not start (threats J1, J4), and every one of them is named."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from portal import checks

SAFE = {
    "PORTAL_SECRET_KEY": "k3y-of-fifty-characters-and-more-" + "abcdefghijklmnopqrstuvwxyz",
    "PORTAL_HOSTS": "portal.example.com",
    "PORTAL_TRUSTED_PROXIES": "1",
    "REDIS_URL": "redis://portal:password@redis.example.com:6379/0",
    "DATABASE_URL": "postgresql://portal:password@db.example.com/portal",
    "DJANGO_SETTINGS_MODULE": "portal.settings.production",
}


def manage(*arguments: str, without: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Django's command line in a process of its own, with nothing of this one's environment."""
    environment = {"PATH": os.environ["PATH"], **SAFE, **more}
    environment.pop(without, None)
    return subprocess.run(  # noqa: S603 - our own program, fixed arguments
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_production_with_everything_given_is_clean() -> None:
    done = manage("manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stderr


def test_the_web_starts_with_everything_given() -> None:
    done = manage("-c", "import portal.asgi")

    assert done.returncode == 0, done.stderr


@pytest.mark.threat("J4")
def test_production_without_a_secret_does_not_start() -> None:
    done = manage("-c", "import portal.asgi", without="PORTAL_SECRET_KEY")

    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr


@pytest.mark.threat("A1")
@pytest.mark.threat("J1")
def test_the_web_refuses_to_start_with_an_unsafe_setting() -> None:
    done = manage("-c", "import portal.asgi", without="PORTAL_TRUSTED_PROXIES")

    assert done.returncode != 0
    assert "PORTAL_TRUSTED_PROXIES is not set" in done.stderr


@pytest.mark.threat("A9")
def test_cookies_of_production_belong_to_this_host_alone() -> None:
    shown = manage(
        "-c",
        "from django.conf import settings as s; import json;"
        "print(json.dumps([[getattr(s, f'{name}_COOKIE_{what}') for what in"
        " ('NAME', 'SECURE', 'HTTPONLY', 'SAMESITE', 'PATH', 'DOMAIN')]"
        " for name in ('SESSION', 'CSRF', 'LANGUAGE')]))",
    )

    assert shown.stdout.strip() == (
        '[["__Host-sessionid", true, true, "Lax", "/", null], '
        '["__Host-csrftoken", true, true, "Lax", "/", null], '
        '["__Host-language", true, true, "Lax", "/", null]]'
    )


@pytest.fixture
def safe(settings: Settings) -> Settings:
    """The settings of this process, with whatever protects people as production has it."""
    settings.SECRET_KEY = SAFE["PORTAL_SECRET_KEY"]
    settings.ALLOWED_HOSTS = ["portal.example.com"]
    settings.OWN_ORIGINS = frozenset({"https://portal.example.com"})
    for name in ("SESSION", "CSRF", "LANGUAGE"):
        setattr(settings, f"{name}_COOKIE_NAME", f"__Host-{name.lower()}")
        setattr(settings, f"{name}_COOKIE_SECURE", True)
    settings.PORTAL = replace(configured.PORTAL, trusted_proxies=1, redis_url=SAFE["REDIS_URL"])
    return settings


def found() -> list[str | None]:
    return [each.id for each in checks.unsafe_settings(None)]


def test_safe_settings_are_let_through(safe: Settings) -> None:
    assert found() == []


UNSAFE = [
    ("DEBUG", True, "portal.E001"),
    ("SECRET_KEY", "short-one", "portal.E002"),
    ("SECRET_KEY", "a" * 80, "portal.E002"),
    ("SECRET_KEY", "django-insecure-" + "abcdefghijklmnop" * 5, "portal.E002"),
    ("ALLOWED_HOSTS", [], "portal.E003"),
    ("ALLOWED_HOSTS", ["*"], "portal.E003"),
    ("ALLOWED_HOSTS", [".example.com"], "portal.E003"),
    ("OWN_ORIGINS", frozenset({"http://portal.example.com"}), "portal.E004"),
    ("SESSION_COOKIE_SECURE", False, "portal.E005"),
    ("CSRF_COOKIE_HTTPONLY", False, "portal.E005"),
    ("SESSION_COOKIE_SAMESITE", "None", "portal.E005"),
    ("LANGUAGE_COOKIE_NAME", "language", "portal.E005"),
    (
        "CACHES",
        {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        "portal.E007",
    ),
    (
        "CACHES",
        {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
        "portal.E007",
    ),
    (
        "CHANNEL_LAYERS",
        {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
        "portal.E008",
    ),
]


@pytest.mark.threat("A2")
@pytest.mark.threat("J1")
@pytest.mark.filterwarnings("ignore:Overriding setting CACHES:UserWarning")
@pytest.mark.parametrize(("name", "value", "error"), UNSAFE, ids=lambda each: str(each)[:30])
def test_each_unsafe_setting_is_refused(
    safe: Settings, name: str, value: object, error: str
) -> None:
    setattr(safe, name, value)

    assert found() == [error]


@pytest.mark.threat("A1")
@pytest.mark.threat("J1")
def test_nobody_having_counted_the_proxies_is_refused(safe: Settings) -> None:
    safe.PORTAL = replace(safe.PORTAL, trusted_proxies=None)

    assert found() == ["portal.E006"]


@pytest.mark.threat("G1")
@pytest.mark.threat("J1")
@pytest.mark.parametrize("url", ["redis://redis.example.com:6379/0", "rediss://user@redis/0"])
def test_redis_without_a_password_is_refused(safe: Settings, url: str) -> None:
    safe.PORTAL = replace(safe.PORTAL, redis_url=url)

    assert found() == ["portal.E009"]


@pytest.mark.threat("J1")
def test_a_library_with_a_known_hole_is_refused(
    safe: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        checks, "version", {**dict.fromkeys(checks.FLOORS, "999"), "daphne": "4.2.1"}.get
    )

    assert found() == ["portal.E010"]
