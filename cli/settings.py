"""Where the server is and who asks: environment first, then what `portal login` kept.

Not for asking the server. A key goes to the address it was kept for, and nowhere else.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

DEFAULT_ADDRESS = "http://127.0.0.1:8000"
HISTORY_LINES = 100
_KEY_INSIDE = re.compile(r"(/u/)[^/]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`address` without a slash at its end. An empty key means that none is sent."""

    address: str
    key: str = ""


def current() -> Settings:
    kept = _kept()
    address = normal(os.environ.get("PORTAL_HOST", "")) or kept.address
    own = os.environ.get("PORTAL_KEY", "").strip()
    return Settings(address=address, key=own or (kept.key if address == kept.address else ""))


def normal(address: str) -> str:
    """With a scheme, and without blanks, quotes or a slash at its end."""
    bare = address.strip().strip("\"'").rstrip("/")
    if not bare or "://" in bare:
        return bare
    return f"http://{bare}"


def shown(address: str) -> str:
    """For people, who show it to others: without the key that may stand in it."""
    return _KEY_INSIDE.sub(r"\1…", address)


def keep(settings: Settings) -> Path:
    """For later commands, readable by nobody else."""
    path = _login_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_privately(path, json.dumps({"address": settings.address, "key": settings.key}) + "\n")
    return path


def forget() -> bool:
    """False when nothing was kept."""
    path = _login_file()
    if not path.exists():
        return False
    path.unlink()
    return True


def history_lines() -> list[str]:
    """What was typed at the prompt before, oldest first."""
    try:
        return _history_file().read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def keep_history(lines: list[str]) -> None:
    """The last hundred lines. A disk that takes none costs the history, not the conversation."""
    path = _history_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_privately(path, "".join(f"{line}\n" for line in lines[-HISTORY_LINES:]))
    except OSError:
        return


def wants_history() -> bool:
    return not os.environ.get("OLLAMA_NOHISTORY", "")


def _kept() -> Settings:
    try:
        fields = json.loads(_login_file().read_text(encoding="utf-8"))
        return Settings(address=normal(str(fields["address"])), key=str(fields["key"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Settings(address=DEFAULT_ADDRESS)


def _login_file() -> Path:
    return _folder("XDG_CONFIG_HOME", ".config") / "login.json"


def _history_file() -> Path:
    return _folder("XDG_STATE_HOME", ".local/state") / "history"


def _folder(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default) / "portal"


def _write_privately(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
