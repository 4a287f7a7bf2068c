"""What Vite built, by the names it gave: one reading for templates and for the service worker.

Builds nothing and serves nothing.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

FOLDER = Path("static") / "dist"
MANIFEST = FOLDER / "manifest.json"

Entries = dict[str, Any]


def entries() -> Entries:
    """Vite's own list. Empty when the page has not been built."""
    path = Path(settings.BASE_DIR) / MANIFEST
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        return {}
    return _read(path, changed)


def key_of(all_entries: Entries, *, name: str) -> str | None:
    for key, entry in all_entries.items():
        if entry.get("isEntry") and entry.get("name") == name:
            return key
    return None


def styles_of(all_entries: Entries, key: str | None) -> list[str]:
    """The style sheets of an entry and of what it needs at once, in their order."""
    if key is None:
        return []
    entry = all_entries[key]
    own = list(entry.get("css", ()))
    if entry["file"].endswith(".css"):
        own.append(entry["file"])
    for needed in entry.get("imports", ()):
        own = [*(file for file in styles_of(all_entries, needed) if file not in own), *own]
    return own


def scripts_of(all_entries: Entries, key: str | None) -> list[str]:
    """The modules that an entry needs at once, and what those need; its own last."""
    if key is None:
        return []
    entry = all_entries[key]
    needed = [file for each in entry.get("imports", ()) for file in scripts_of(all_entries, each)]
    return [*dict.fromkeys(needed), entry["file"]]


def files(all_entries: Entries) -> list[str]:
    """Every file there is. Each carries the hash of its content in its name."""
    found: set[str] = set()
    for entry in all_entries.values():
        found |= {entry["file"], *entry.get("css", ()), *entry.get("assets", ())}
    return sorted(found)


def address_of(file: str) -> str:
    # Vite's names carry their hash already, so the storage's own hashing is not asked.
    return f"{settings.STATIC_URL}{file}"


@lru_cache(maxsize=2)
def _read(path: Path, _changed: int) -> Entries:
    all_entries: Entries = json.loads(path.read_text())
    return all_entries
