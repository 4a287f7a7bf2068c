"""What ChatBox reads when somebody adds a provider by a link or from the clipboard. Pure.

Its reader refuses the whole for one word that it does not know; so only what it knows is written,
and tests hold every model to its rules. Not for keys or rights.
"""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

LINK = "chatbox://provider/import?config="
# Windows hands a program no longer address than 2,048 characters; a little is left to browsers.
MAX_LINK_CHARS = 2_000
# Ours → what ChatBox calls it. What is not here it would refuse.
_ABILITIES = {"vision": "vision", "thinking": "reasoning", "tools": "tool_use"}
_NOT_IN_AN_ID = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A model as the list of ChatBox shows it. `abilities` are ours: those it has no word for are
    left out."""

    name: str
    abilities: Sequence[str]
    context_length: int


def provider(models: Sequence[Offered], *, address: str, name: str, secret: str) -> dict[str, Any]:
    """The whole: where the portal is, the key, and the models in their order.

    Without a path of its own, chat and the list of models both lie below `/v1`.
    """
    return {
        "isCustom": True,
        "id": provider_id(address),
        "name": name,
        "type": "openai",
        "urls": {"website": f"{address}/"},
        "settings": {
            "apiHost": f"{address}/v1",
            "apiKey": secret,
            "models": [_model(each) for each in models],
        },
    }


def provider_id(address: str) -> str:
    """One a portal, always the same: importing again replaces the key and the list of models.

    Never one of the names that ChatBox has for its own providers.
    """
    parts = urlsplit(address)
    place = _NOT_IN_AN_ID.sub("-", f"{parts.hostname} {parts.port or ''}".lower()).strip("-")
    return f"portal-at-{place}"


def link(whole: dict[str, Any]) -> tuple[str, int]:
    """The address that a browser hands to ChatBox, and how many of the models it carries.

    From the first on, as many as it may be long; the others are fetched there with one press.
    """
    models = whole["settings"]["models"]
    kept = len(models)
    while True:
        settings = {**whole["settings"], "models": models[:kept]}
        written = _link({**whole, "settings": settings})
        if len(written) <= MAX_LINK_CHARS or kept == 0:
            return written, kept
        kept -= 1


def as_text(whole: dict[str, Any]) -> str:
    """For the clipboard: to be read by people as well."""
    return json.dumps(whole, ensure_ascii=False, indent=2)


def _link(whole: dict[str, Any]) -> str:
    written = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return LINK + quote(base64.b64encode(written.encode()).decode("ascii"), safe="")


def _model(offered: Offered) -> dict[str, Any]:
    model: dict[str, Any] = {"modelId": offered.name, "type": _type(offered)}
    if model["type"] == "chat":
        known = [_ABILITIES[each] for each in offered.abilities if each in _ABILITIES]
        model |= {"capabilities": known, "contextWindow": offered.context_length}
    return model


def _type(offered: Offered) -> str:
    if "completion" in (offered.abilities or ["completion"]):
        return "chat"
    return "rerank" if "rerank" in offered.abilities else "embedding"
