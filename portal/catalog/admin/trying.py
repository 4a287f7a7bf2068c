"""The box that tries a model, the button that measures it: lines of JSON as they come. A door."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase, HttpResponseNotAllowed
from django.urls import URLPattern
from django.utils import translation

from portal.accounts.models import Person
from portal.catalog.admin import frame
from portal.catalog.forms import PromptForm
from portal.catalog.models import Model
from portal.catalog.trying import measuring, probing
from portal.chat.errors import BadCommand, ChatError
from portal.console import administrator

DEFAULT_TOKENS = 256


def urls(models: Any) -> list[URLPattern]:
    return [
        frame.route(models, "<uuid:model_id>/try/", prompt, name="try"),
        frame.route(models, "<uuid:model_id>/measure/", measure, name="measure"),
    ]


def prompt(models: Any, request: HttpRequest, model_id: UUID) -> HttpResponseBase:
    """One prompt, and its answer while it is written."""
    model = frame.model_for_changing(models, request, model_id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = PromptForm(request.POST)
    try:
        if not form.is_valid():
            raise BadCommand(form.errors.as_text())
        generation = probing.begin(
            administrator(request),
            model_id=model.id,
            prompt=form.cleaned_data["prompt"],
            max_tokens=form.cleaned_data["max_tokens"] or DEFAULT_TOKENS,
        )
    except ChatError as error:
        return _lines(_only(probing.refusal(error)))
    return _lines(probing.told(administrator(request), generation))


def measure(models: Any, request: HttpRequest, model_id: UUID) -> HttpResponseBase:
    """Each stage as it is measured. Leaving the page ends it, and nothing is kept."""
    found = frame.model_for_changing(models, request, model_id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        model = measuring.model_for_measuring(administrator(request), found.id)
    except ChatError as error:
        return _lines(_only(probing.refusal(error)))
    return _lines(_measured(administrator(request), model))


async def _measured(person: Person, model: Model) -> AsyncIterator[bytes]:
    language = partial(translation.override, translation.get_language() or "en")
    try:
        async for stage in measuring.measure(person, model):
            yield probing.line({"is": "stage", "row": measuring.row_of(stage)})
    except ChatError as error:
        with language():
            yield probing.refusal(error)
    else:
        yield probing.line({"is": "done"})


async def _only(line: bytes) -> AsyncIterator[bytes]:
    yield line


def _lines(lines: AsyncIterator[bytes]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type="application/x-ndjson")
    response["X-Accel-Buffering"] = "no"
    return response
