"""POST /api/show: what one model says of itself, in Ollama's fields. Not for lists: listing.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from portal.accounts.models import Person
from portal.api.asking import local_name
from portal.api.errors import Refused
from portal.api.go import gojson
from portal.api.go.goreading import Fields
from portal.api.ollama.framing import go_time, native_body_of
from portal.api.ollama.listing import details
from portal.catalog.making.printing import parameters_text
from portal.catalog.names import ModelName, NotAName
from portal.catalog.papers import showing
from portal.catalog.papers.showing import Shown
from portal.chat.errors import NotFound

CLOUD_OFF = "ollama cloud is disabled: remote model details are unavailable"
# It takes the name it asked for from there.
_COPILOT = "GitHubCopilotChat/"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    name: str
    system: str
    options: Mapping[str, Any]
    is_verbose: bool
    base_name: str


async def show(request: HttpRequest, person: Person) -> HttpResponseBase:
    fields = Fields(native_body_of(request), struct="ShowRequest", go_type="api.ShowRequest")
    written = fields.text("model") or fields.text("name")
    asked = _Asked(
        name=local_name(written, cloud_off=CLOUD_OFF),
        system=fields.text("system"),
        options=fields.mapping("options"),
        is_verbose=bool(fields.flag("verbose")),
        base_name=written if _is_copilot(request) else "",
    )
    text = await database_sync_to_async(_answer)(person, asked)
    return HttpResponse(text, content_type="application/json; charset=utf-8")


def _answer(person: Person, asked: _Asked) -> str:
    """Written in the same thread: with every token of a vocabulary, it is megabytes."""
    if not asked.name:
        raise Refused(status=400, message="model is required")
    try:
        name = ModelName.parse(asked.name)
    except NotAName:
        raise Refused(status=400, message="invalid model name") from None
    try:
        found = showing.shown(
            person,
            name.short,
            system=asked.system,
            options=asked.options,
            with_arrays=asked.is_verbose,
        )
    except NotFound:
        raise Refused(status=404, message=f"model '{name.short}' not found") from None
    return gojson.dumps(answer(found, system=asked.system, base_name=asked.base_name))


def answer(found: Shown, *, system: str = "", base_name: str = "") -> dict[str, Any]:
    """Field by field in their order; what is empty is absent, but for a few."""
    papers, config, model = found.papers, found.config, found.model
    lengths = {
        "context_length": config.context_length,
        "embedding_length": config.embedding_length,
    }
    info = {**found.info, "general.basename": base_name} if base_name else found.info
    fields: dict[str, Any] = {
        "license": "\n".join(papers.licenses),
        "modelfile": found.modelfile,
        "parameters": parameters_text(papers.parameters),
        "template": found.template,
        "system": system or papers.system,
        "details": {
            **details(model, parent=model.listing.get("parent", "")),
            **{name: length for name, length in lengths.items() if length},
        },
        "messages": [_message(each) for each in papers.messages],
        "remote_model": config.others.get("remote_model", ""),
        "remote_host": config.others.get("remote_host", ""),
        "model_info": dict(sorted(info.items())),
        "projector_info": dict(found.projector_info),
        "tensors": [
            {"name": each.name, "type": each.type_name, "shape": list(each.shape)}
            for each in found.tensors
        ],
        "capabilities": list(model.capabilities),
        "modified_at": go_time(timezone.localtime(model.modified_at)),
        "requires": papers.requires,
    }
    always = ("details", "model_info", "modified_at")
    return {name: value for name, value in fields.items() if value or name in always}


def _message(fields: Mapping[str, Any]) -> dict[str, str]:
    return {"role": str(fields.get("role", "")), "content": str(fields.get("content", ""))}


def _is_copilot(request: HttpRequest) -> bool:
    return request.headers.get("User-Agent", "").startswith(_COPILOT)
