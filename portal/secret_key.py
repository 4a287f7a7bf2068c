"""The trial's own secret key: made once, kept beside its data. Production is given one instead."""

import os
import secrets
import stat
from pathlib import Path

from portal.configuration import BadConfiguration


def kept_secret_key(home: Path) -> str:
    """The same key at every start. Processes that start at once agree on one."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "secret-key"
    if not path.exists():
        _make(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise BadConfiguration(f"{path} can be read by others: chmod 600 it, or delete it")
    return path.read_text("ascii").strip()


def _make(path: Path) -> None:
    draft = path.with_name(f".secret-key-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(64))
    try:
        # A link takes a name only when it is free; so the first process wins and the key is whole.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
