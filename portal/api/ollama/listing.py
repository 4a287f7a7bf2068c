"""Which models there are, and what runs: /api/tags and /api/ps. Not for one model: showing.py."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from channels.db import database_sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from inference import protocol
from portal import clock
from portal.accounts.models import Person
from portal.api.ollama.framing import as_json, go_time
from portal.catalog import queries
from portal.catalog.models import Model
from portal.streams import requests

# What their clock shows for "for ever": the largest duration of Go, from now.
_FOREVER = timedelta(microseconds=(2**63 - 1) // 1000)


async def tags(request: HttpRequest, person: Person) -> HttpResponseBase:
    models = await database_sync_to_async(_listed)(person)
    return as_json({"models": [tag(model) for model in newest_first(models)]})


async def ps(request: HttpRequest, person: Person) -> HttpResponseBase:
    return as_json({"models": await database_sync_to_async(_loaded_models)(person)})


def newest_first(models: Sequence[Model]) -> list[Model]:
    return sorted(models, key=lambda model: (-int(model.modified_at.timestamp()), model.name))


def tag(model: Model) -> dict[str, Any]:
    """One line of the list. What the row does not know yet is said as of a plain GGUF."""
    listing = model.listing
    able = listing.get("capabilities", model.capabilities)
    remote = {name: listing.get(name) for name in ("remote_model", "remote_host")}
    lengths = {
        "context_length": model.context_length,
        "embedding_length": model.embedding_length,
    }
    return {
        "name": model.name,
        "model": model.name,
        **_filled(remote),
        "modified_at": go_time(timezone.localtime(model.modified_at)),
        "size": model.size_bytes,
        "digest": model.digest,
        "details": {
            **details(model, parent=listing.get("parent", "")),
            "quantization_level": listing.get("quantization", model.quantization),
            **_filled(lengths),
        },
        **_filled({"capabilities": able}),
    }


def details(model: Model, *, parent: str = "") -> dict[str, Any]:
    return {
        "parent_model": parent,
        "format": model.listing.get("format", "gguf"),
        "family": model.family,
        "families": model.listing.get("families", [model.family] if model.family else None),
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization,
    }


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _listed(person: Person) -> list[Model]:
    """Whoever looks after models sees those, too, that nobody can choose: she fetched them."""
    return [*queries.listed_for(person), *queries.unready_for(person)]


def _loaded_models(person: Person) -> list[dict[str, Any]]:
    """What runs at this moment, of what this person may use (threat B16)."""
    by_queue: dict[str, list[Model]] = {}
    for model in queries.models_for(person):
        for spec in queries.specs_of(model):
            by_queue.setdefault(spec.queue, []).append(model)
    forever = clock.now() + _FOREVER
    loaded = []
    for host in requests.host_states():
        for runner in host.runners:
            names = {model.name: model for model in by_queue.get(runner.queue, ())}
            if names:
                model = names.get(runner.model_name) or next(iter(names.values()))
                loaded.append((_expiry(runner, forever=forever), model, runner))
    loaded.sort(key=lambda row: (row[0], row[1].name), reverse=True)
    return [_loaded(model, runner, expires_at=expiry) for expiry, model, runner in loaded]


def _expiry(runner: protocol.RunnerState, *, forever: datetime) -> datetime:
    if runner.expires_at is None:
        return forever
    return datetime.fromtimestamp(runner.expires_at, tz=timezone.get_default_timezone())


def _loaded(model: Model, runner: protocol.RunnerState, *, expires_at: datetime) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.name,
        "size": runner.size_bytes,
        "digest": model.digest,
        "details": details(model),
        "expires_at": go_time(timezone.localtime(expires_at)),
        "size_vram": runner.vram_bytes,
        "context_length": runner.context_length,
    }
