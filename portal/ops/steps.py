"""What must be done once before the parts may start: tables, starter model, first administrator.

A start where nothing changed must cost milliseconds, so each step first asks whether it is needed
without loading Django.
"""

import asyncio
import sqlite3
import sys
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from portal.configuration import Configuration
from portal.ops.child import how_it_ended, launch
from portal.ops.journal import Journal
from portal.ops.parts import ROOT

STARTER_IMPORTED = "imported"


class StepFailed(RuntimeError):
    """A step ended with an error. Its own lines, already shown, say which."""


async def prepare(
    settings: Configuration, *, environment: Mapping[str, str], journal: Journal
) -> list[str]:
    """Do what is still to be done. Returns what the first administrator must be told."""

    def line(text: str) -> None:
        journal.line("setup", text)

    url, mark = settings.database_url, migrations_mark()
    if not is_migrated(url, mark=mark):
        journal.say("Preparing the database")
        await run_command("migrate", "--noinput", environment=environment, say=line)
        set_migrated(url, mark=mark)
    if wheel := starter_wheel(settings.home):
        journal.say("Importing the starter model")
        await run_command("starter", str(wheel), environment=environment, say=line)
        set_starter_imported(settings.home)
    told: list[str] = []
    if not has_administrator(url):
        await run_command("firstadmin", environment=environment, say=told.append)
    return told


async def run_command(
    *arguments: str,
    environment: Mapping[str, str],
    say: Callable[[str], None],
    timeout_seconds: float = 600.0,
) -> None:
    """Run one `manage.py` command to its end; raise `StepFailed` if it did not succeed."""
    command = (sys.executable, "manage.py", *arguments)
    child = await launch(command, environment=environment, say=say)
    try:
        async with asyncio.timeout(timeout_seconds):
            return_code = await child.wait()
    except TimeoutError:
        raise StepFailed(f"manage.py {arguments[0]} took too long") from None
    finally:
        child.kill()
    if return_code:
        raise StepFailed(f"manage.py {arguments[0]} failed ({how_it_ended(return_code)})")


def sqlite_path(database_url: str) -> Path | None:
    """The file of a SQLite address; None for a server."""
    parts = urlsplit(database_url)
    if parts.scheme not in ("sqlite", "sqlite3"):
        return None
    return Path(unquote(parts.path.removeprefix("/")))


def migrations_mark(root: Path = ROOT) -> int:
    """A number that changes with any migration, ours or a dependency's. Never 0."""
    mark = zlib.crc32((root / "requirements" / "run.txt").read_bytes())
    for file in sorted(root.glob("portal/*/migrations/*.py")):
        mark = zlib.crc32(str(file.relative_to(root)).encode() + file.read_bytes(), mark)
    return (mark & 0x7FFF_FFFF) or 1


def is_migrated(database_url: str, *, mark: int) -> bool:
    """True when the database itself says so, in SQLite's `user_version`.

    The mark lies in the database and not beside it: an older backup put back in place is migrated
    again. A server says nothing, and Django is asked.
    """
    path = sqlite_path(database_url)
    if path is None or not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=20)) as database:
        try:
            return bool(database.execute("PRAGMA user_version").fetchone()[0] == mark)
        except sqlite3.DatabaseError:
            return False  # Django will say it better


def set_migrated(database_url: str, *, mark: int) -> None:
    path = sqlite_path(database_url)
    if path is None:
        return
    with closing(sqlite3.connect(path, timeout=20)) as database:
        database.execute(f"PRAGMA user_version = {mark:d}")


def has_administrator(database_url: str) -> bool:
    """Whether somebody can administer already. False when we cannot tell without Django."""
    path = sqlite_path(database_url)
    if path is None or not path.exists():
        return False
    question = "SELECT EXISTS (SELECT 1 FROM accounts_person WHERE is_superuser AND is_active)"
    with closing(sqlite3.connect(path, timeout=20)) as database:
        try:
            return bool(database.execute(question).fetchone()[0])
        except sqlite3.DatabaseError:
            return False


def starter_wheel(home: Path) -> Path | None:
    """The starter model waiting to be imported. None when there is none, or it was already."""
    folder = home / "starter"
    if (folder / STARTER_IMPORTED).exists():
        return None
    return next(iter(sorted(folder.glob("*.whl"))), None)


def set_starter_imported(home: Path) -> None:
    """Remember it, so that an administrator's deletion is respected at the next start."""
    (home / "starter" / STARTER_IMPORTED).touch()
