"""Everything that the page of one model shows, read once. Writes nothing and decides no rights."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.catalog import aliases, queries
from portal.catalog.memory import estimates, residents
from portal.catalog.models import Model, ModelState
from portal.catalog.papers import facts
from portal.catalog.trying import measuring, trials

_KINDS: dict[str, Promise] = {
    "weights": _("weights"),
    "projector": _("projector (for pictures)"),
    "adapter": _("adapter"),
    "system": _("system prompt"),
    "parameters": _("parameters"),
    "messages": _("messages"),
    "license": _("licence"),
    "configuration": _("configuration"),
    "template": _("template"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Something to read that may be long; `title` names it."""

    title: Promise
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`residents` is None while nothing is known about the hosts; `verdict` is the trial's."""

    verdict: str
    is_good: bool
    is_waiting: bool
    audience: str
    can_answer: bool
    used_context_length: int
    abilities: tuple[str, ...]
    names: tuple[str, ...]
    residents: list[tuple[str, residents.Resident]] | None
    texts: tuple[Text, ...]
    files: tuple[tuple[Promise | str, facts.File], ...]
    measured_at: datetime | None
    stages: tuple[list[str], ...]
    successors: list[Model]
    estimate: estimates.Estimate | None


def page_of(model: Model, *, context_length: int | None = None, at_once: int | None = None) -> Page:
    found = facts.facts_of(model)
    measured = measuring.measured_of(model)
    return Page(
        verdict=trials.sentence_about(model),
        is_good=model.state == ModelState.READY,
        is_waiting=model.state == ModelState.ADDED,
        audience=queries.audience_of(model),
        can_answer=queries.task_of(model) == "answer"
        and model.state == ModelState.READY
        and model.retired_at is None,
        used_context_length=queries.context_length_of(model),
        abilities=tuple(model.capabilities),
        names=tuple(alias.shown for alias in model.aliases.all()),
        residents=residents.residents_of(model),
        texts=_texts(model, found),
        files=tuple((_KINDS.get(file.kind, file.kind), file) for file in found.files),
        measured_at=measured[0] if measured else None,
        stages=tuple(measuring.row_of(stage) for stage in measured[1]) if measured else (),
        successors=[each for each in aliases.targets() if each.id != model.id],
        estimate=_estimate(model, context_length=context_length, at_once=at_once),
    )


def _estimate(
    model: Model, *, context_length: int | None, at_once: int | None
) -> estimates.Estimate | None:
    """None when its files cannot be read. Whoever opened this page was asked for her rights."""
    if not model.weights:
        return None
    try:
        return estimates.estimate(None, model=model, context_length=context_length, at_once=at_once)
    except estimates.UNREADABLE:
        return None


def _texts(model: Model, found: facts.Facts) -> tuple[Text, ...]:
    parameters = json.dumps(model.parameters, ensure_ascii=False, indent=2)
    texts = (
        Text(title=_("Licence"), text=found.license_text),
        Text(title=_("Template"), text=found.template),
        Text(title=_("System prompt"), text=found.system or model.system),
        Text(title=_("Parameters"), text=parameters if model.parameters else ""),
        Text(title=_("Modelfile"), text=found.modelfile),
    )
    return tuple(each for each in texts if each.text)
