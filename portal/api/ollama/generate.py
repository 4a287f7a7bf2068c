"""POST /api/generate: a prompt to go on with, on the road of /api/chat. Not for rights or framing.

A template of the client's own is a program: only who manages models may bring one (threat E18), and
it is only ever one of the limited language.
"""

import time
from dataclasses import dataclass
from typing import Any

import msgspec
from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from msgspec.structs import replace

import gotext
from inference import protocol
from portal import clock
from portal.accounts.errors import KeyIsForLess, NoKey
from portal.accounts.models import KeyScope, Person
from portal.api import asking, images, keys, logprobs, streaming
from portal.api.errors import Refused, native_body
from portal.api.go.goreading import Fields
from portal.api.ollama import chat as ollama
from portal.api.ollama import loading
from portal.api.ollama.durations import keep_alive_seconds
from portal.api.ollama.framing import as_json, go_time, native_body_of
from portal.api.road import started
from portal.catalog.models import Model
from portal.chat.prompts import Wishes

_IMAGES = "GenerateRequest.images"
_RAW_CONFLICT = "raw mode does not support template, system, or context"
_NOT_YOUR_TEMPLATE = (
    "a template in the request needs a key for managing models;"
    " leave it out, and the model's own is used"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """A body of /api/generate, read and checked. `is_in_conflict`: raw, and yet more than that."""

    question: asking.Question
    prompt: str
    is_in_conflict: bool
    is_streaming: bool
    keep_alive_seconds: float | None


async def generate(request: HttpRequest, person: Person) -> HttpResponseBase:
    asked = read_generate(native_body_of(request))
    question = asked.question
    model = await database_sync_to_async(_checked)(person, asked)
    if question.wishes.template is not None:
        await database_sync_to_async(_must_manage)(request)
        _parsed(question.wishes.template)
    if not asked.prompt:
        return await _loaded_or_unloaded(request, person, asked, model=model)
    began = time.monotonic_ns()
    answer = await started(person, question)
    if question.wishes.is_shown:
        return await ollama.rendered(answer, question, {"response": ""})
    lines = Lines(
        model_name=question.model_name,
        began_ns=began,
        shows_thinking=bool(question.wishes.think),
    )
    if asked.is_streaming:
        return await streaming.open_stream(answer, lines)
    said, end = await streaming.whole(answer)
    return as_json(lines.whole(said, end))


def read_generate(value: object) -> GenerateRequest:
    fields = Fields(value, struct="GenerateRequest", go_type="api.GenerateRequest")
    prompt, suffix = fields.text("prompt"), fields.text("suffix")
    system, template = fields.text("system"), fields.text("template")
    is_raw = fields.flag("raw") is True
    context = _context(fields)
    completion = protocol.Completion(
        is_raw=is_raw, suffix=suffix, context=context, wants_context=not is_raw
    )
    seen = fields.items("images", go_type="[]api.ImageData")
    message = protocol.Message(
        role="user",
        content=prompt,
        images=tuple(images.native(each, field=_IMAGES) for each in seen),
    )
    common, refusal = ollama.wishes_of(fields)
    wishes: Wishes = replace(common, completion=completion, template=template or None)
    return GenerateRequest(
        question=asking.Question(
            model_name=fields.text("model"),
            messages=(message,),
            options=fields.mapping("options"),
            wishes=wishes,
            task="generate",
            system=system,
            refusal=refusal,
        ),
        prompt=prompt,
        is_in_conflict=is_raw and bool(template or system or context),
        is_streaming=fields.flag("stream") is not False,
        keep_alive_seconds=keep_alive_seconds(fields.anything("keep_alive")),
    )


class Lines:
    """One JSON object a line; `response` is always there. As whole, all of it in one."""

    content_type = "application/x-ndjson"

    def __init__(self, *, model_name: str, began_ns: int, shows_thinking: bool) -> None:
        self._model_name = model_name
        self._began_ns = began_ns
        self._shows_thinking = shows_thinking

    def heartbeat(self) -> str:
        return ""  # An empty line would end the answer of most clients.

    def said(self, said: streaming.Said) -> str:
        written = self._response(said)
        if not (said.text or said.logprobs or "thinking" in written):
            return ""
        told = logprobs.native(said.logprobs)
        return ollama.as_line({**self._head(), **written, "done": False, **told})

    def finished(self, end: protocol.End) -> str:
        return ollama.as_line(self.whole(streaming.Said(), end))

    def refused(self, refused: Refused) -> str:
        return ollama.as_line(native_body(refused))

    def whole(self, said: streaming.Said, end: protocol.End) -> dict[str, Any]:
        context = {"context": list(end.context)} if end.context else {}
        elapsed_ns = time.monotonic_ns() - self._began_ns
        return {
            **self._head(),
            **self._response(said),
            "done": True,
            "done_reason": "length" if end.why == "length" else "stop",
            **context,
            **ollama.counters(end.stats or protocol.Stats(), elapsed_ns),
            **logprobs.native(said.logprobs),
        }

    def _head(self) -> dict[str, Any]:
        return {"model": self._model_name, "created_at": go_time(clock.now())}

    def _response(self, said: streaming.Said) -> dict[str, Any]:
        written = {"response": said.text}
        if self._shows_thinking and said.thinking:
            written["thinking"] = said.thinking
        return written


def _checked(person: Person, asked: GenerateRequest) -> Model:
    """In the order of the contract: the name, then unloading, then what cannot go together."""
    question = asked.question
    model = asking.found_model(person, question.model_name, task="generate")
    if not asked.prompt and asked.keep_alive_seconds == 0:
        return model
    if asked.is_in_conflict:
        raise Refused(status=400, message=_RAW_CONFLICT)
    if not asked.prompt:
        return asking.check_to_load(person, question)
    return asking.check(person, question)


def _must_manage(request: HttpRequest) -> None:
    try:
        keys.holder(request, scope=KeyScope.MANAGE)
    except (KeyIsForLess, NoKey):
        raise Refused(status=403, message=_NOT_YOUR_TEMPLATE) from None


def _parsed(template: str) -> None:
    try:
        gotext.parse(template)
    except gotext.TemplateError as error:
        raise Refused(status=500, message=str(error)) from None


def _context(fields: Fields) -> tuple[int, ...]:
    written = fields.items("context", go_type="[]int")
    for each in written:
        if isinstance(each, bool) or not isinstance(each, int):
            fields.refuse("context", "int")
    try:
        return msgspec.convert(written, protocol.Tokens)
    except msgspec.ValidationError:
        raise Refused(status=400, message="context holds no tokens of this model") from None


async def _loaded_or_unloaded(
    request: HttpRequest, person: Person, asked: GenerateRequest, *, model: Model
) -> HttpResponse:
    body: dict[str, object] = {
        "model": asked.question.model_name,
        "created_at": go_time(clock.now()),
        "response": "",
    }
    if asked.keep_alive_seconds == 0:
        return await loading.unloaded(request, model, body)
    return await loading.loaded(person, model, body)
