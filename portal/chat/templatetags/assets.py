"""Puts what Vite built into a template, by its hashed name. Builds nothing and serves nothing."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

MANIFEST = Path("static") / "dist" / "manifest.json"


@register.simple_tag
def entry_styles(name: str) -> SafeString:
    """The style sheets of this entry. Nothing when the page has not been built."""
    entries = _entries()
    return format_html_join(
        "\n",
        '<link rel="stylesheet" href="{}">',
        ((_address(file),) for file in _styles(entries, _key(entries, name=name))),
    )


@register.simple_tag
def entry_script(name: str) -> SafeString:
    """The script of this entry and the modules it needs at once."""
    entries = _entries()
    key = _key(entries, name=name)
    if key is None:
        return SafeString("")
    preloads = format_html_join(
        "\n",
        '<link rel="modulepreload" href="{}">',
        ((_address(entries[needed]["file"]),) for needed in entries[key].get("imports", ())),
    )
    script = format_html('<script type="module" src="{}"></script>', _address(entries[key]["file"]))
    return preloads + script


def _address(file: str) -> str:
    # Vite's names carry their hash already, so the storage's own hashing is not asked.
    return f"{settings.STATIC_URL}{file}"


def _key(entries: dict[str, Any], *, name: str) -> str | None:
    for key, entry in entries.items():
        if entry.get("isEntry") and entry.get("name") == name:
            return key
    return None


def _styles(entries: dict[str, Any], key: str | None) -> list[str]:
    if key is None:
        return []
    own = list(entries[key].get("css", ()))
    if entries[key]["file"].endswith(".css"):
        own.append(entries[key]["file"])
    for needed in entries[key].get("imports", ()):
        own = [*(file for file in _styles(entries, needed) if file not in own), *own]
    return own


def _entries() -> dict[str, Any]:
    path = Path(settings.BASE_DIR) / MANIFEST
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        return {}
    return _read(path, changed)


@lru_cache(maxsize=2)
def _read(path: Path, _changed: int) -> dict[str, Any]:
    entries: dict[str, Any] = json.loads(path.read_text())
    return entries
