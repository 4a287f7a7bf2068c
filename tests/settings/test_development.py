"""The trial's settings."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from portal.configuration import BadConfiguration
from portal.secret_key import kept_secret_key


def load(home: Path, show: str = "''", **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PORTAL_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "portal.settings.development",
        **more,
    }
    return subprocess.run(  # noqa: S603 - our own program, fixed arguments
        [sys.executable, "-c", f"from django.conf import settings as s; s.DEBUG; print({show})"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.threat("J4")
def test_the_secret_key_is_made_once_and_is_for_its_owner_only(tmp_path: Path) -> None:
    first = kept_secret_key(tmp_path / "home")

    assert kept_secret_key(tmp_path / "home") == first
    assert len(first) > 50
    file = tmp_path / "home" / "secret-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["secret-key"]


@pytest.mark.threat("J4")
def test_a_secret_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    kept_secret_key(tmp_path)
    (tmp_path / "secret-key").chmod(0o644)

    with pytest.raises(BadConfiguration, match="secret-key"):
        kept_secret_key(tmp_path)


@pytest.mark.threat("J1")
@pytest.mark.parametrize("bind", ["0.0.0.0:8000", "192.168.1.5:8000", "[::]:8000"])
def test_open_to_the_network_without_names_does_not_start(tmp_path: Path, bind: str) -> None:
    done = load(tmp_path, PORTAL_BIND=bind)

    assert done.returncode != 0
    assert "set PORTAL_HOSTS" in done.stderr


def test_open_to_the_network_with_names_answers_to_these(tmp_path: Path) -> None:
    done = load(
        tmp_path,
        "s.ALLOWED_HOSTS, sorted(s.OWN_ORIGINS), s.SESSION_COOKIE_SECURE",
        PORTAL_BIND="0.0.0.0:9000",
        PORTAL_HOSTS="portal.lan",
    )

    assert done.stdout.strip() == (
        "['localhost', '127.0.0.1', '[::1]', 'portal.lan'] ['http://127.0.0.1:9000', "
        "'http://[::1]:9000', 'http://localhost:9000', 'http://portal.lan:9000'] False"
    )


def test_behind_https_cookies_are_secure(tmp_path: Path) -> None:
    done = load(
        tmp_path,
        "sorted(s.OWN_ORIGINS), s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE",
        PORTAL_HOSTS="portal.lan",
        PORTAL_ORIGINS="https://portal.lan/",
    )

    assert done.stdout.strip() == "['https://portal.lan'] True True"
