"""For the suite: a database and a Valkey of its own, started by tests/conftest.py."""

import os
import tempfile
from pathlib import Path

_MARK = "portal-test-"
# One directory a process: runs side by side do not meet.
_home = Path(tempfile.gettempdir()) / f"{_MARK}{os.getpid()}"


def _given(name: str, *, otherwise: str) -> str:
    """What the run was started with, unless the process that started this one made it up.

    A server that a test starts beside itself (`PORTAL_TEST_BESIDE`) works on that test's own.
    """
    given = os.environ.get(name, "")
    is_made_up = _MARK in given and "PORTAL_TEST_BESIDE" not in os.environ
    return otherwise if not given or is_made_up else given


def _queue() -> str:
    """One of `PORTAL_TEST_QUEUES` for each process side by side: gw0, gw1 …"""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    queues = os.environ.get("PORTAL_TEST_QUEUES", "").split()
    if queues:
        return queues[number]
    return _given("REDIS_URL", otherwise=f"unix://{_home / 'valkey.sock'}")


# Set before base reads the environment.
os.environ["PORTAL_HOME"] = str(_home)
os.environ.pop("OLLAMA_MODELS", None)
os.environ["REDIS_URL"] = _queue()
os.environ["DATABASE_URL"] = _given(
    "DATABASE_URL", otherwise=f"sqlite:///{_home / 'portal.sqlite3'}"
)

from portal.settings.base import *  # noqa: E402, F403 - the environment had to be set first
from portal.settings.base import DATABASES, PORTAL  # noqa: E402 - likewise

SECRET_KEY = "only-for-tests-" + "x" * 50
DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
OWN_ORIGINS = frozenset({"http://testserver", "http://localhost", "http://127.0.0.1"})
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# A file, not memory: the recorder, threads and child processes of a test must see the same rows.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # What a power cut would leave is nobody's question here; kills lose nothing either way.
    DATABASES["default"]["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"
    DATABASES["default"]["TEST"] = {"NAME": str(PORTAL.home / "test.sqlite3")}
