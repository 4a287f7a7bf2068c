"""The dialect of Ollama: their fields in, our commands out, and back. Not for rights or framing."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from inference import protocol
from portal import clock
from portal.accounts.models import Person
from portal.api import asking, calling, formats, gojson, images, logprobs, streaming
from portal.api.door import body_of
from portal.api.durations import keep_alive_seconds
from portal.api.errors import Refused, native_body
from portal.api.goreading import Fields, NoBody
from portal.api.road import started
from portal.catalog import queries
from portal.catalog.models import Model
from portal.chat.prompts import Wishes
from portal.streams import requests

# The dialect we speak, for clients that look at it; our own version is on the health page.
VERSION = "0.13.0"
Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")
THINK_LEVELS: tuple[protocol.ThinkLevel, ...] = ("high", "medium", "low", "max")
_LEVELS = '"high", "medium", "low", "max", true, or false'
# What their clock shows for "for ever": the largest duration of Go, from now.
_FOREVER = timedelta(microseconds=(2**63 - 1) // 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A body of /api/chat, read and checked."""

    question: asking.Question
    is_streaming: bool
    keep_alive_seconds: float | None


async def running(request: HttpRequest, person: Person) -> HttpResponseBase:
    """What clients look for at the bare address."""
    return HttpResponse("Ollama is running", content_type="text/plain; charset=utf-8")


async def version(request: HttpRequest, person: Person) -> HttpResponseBase:
    return _json({"version": VERSION})


async def tags(request: HttpRequest, person: Person) -> HttpResponseBase:
    models = await database_sync_to_async(queries.models_for)(person)
    return _json({"models": [_tag(model) for model in newest_first(models)]})


async def ps(request: HttpRequest, person: Person) -> HttpResponseBase:
    return _json({"models": await database_sync_to_async(_loaded_models)(person)})


async def chat(request: HttpRequest, person: Person) -> HttpResponseBase:
    asked = read_chat(_body(request))
    if not asked.question.messages:
        return await _load_or_unload(person, asked)
    began = time.monotonic_ns()
    answer = await started(person, asked.question)
    lines = Lines(
        model_name=asked.question.model_name,
        began_ns=began,
        shows_thinking=bool(asked.question.wishes.think),
    )
    if asked.is_streaming:
        return await streaming.open_stream(answer, lines)
    said, end = await streaming.whole(answer)
    return _json(lines.whole(said, end))


def read_chat(value: object) -> ChatRequest:
    fields = Fields(value, struct="ChatRequest", go_type="api.ChatRequest")
    model_name = fields.text("model")
    stream = fields.flag("stream")
    messages = _messages(fields.items("messages", go_type="[]api.Message"))
    _refuse_what_is_not_there_yet(fields)
    wishes = Wishes(
        format=formats.native(fields.anything("format")),
        logprobs=logprobs.wanted(fields),
        tools=calling.tools_of(fields, go_type="api.Tools"),
        think=_thinking(fields.anything("think")),
    )
    question = asking.Question(
        model_name=model_name,
        messages=messages,
        options=fields.mapping("options"),
        wishes=wishes,
    )
    return ChatRequest(
        question=question,
        is_streaming=stream is not False,
        keep_alive_seconds=keep_alive_seconds(fields.anything("keep_alive")),
    )


class Lines:
    """One JSON object a line. Every line but the last carries text: old readers fail otherwise."""

    content_type = "application/x-ndjson"

    def __init__(self, *, model_name: str, began_ns: int, shows_thinking: bool) -> None:
        self._model_name = model_name
        self._began_ns = began_ns
        self._shows_thinking = shows_thinking
        self._call_count = 0

    def heartbeat(self) -> str:
        return ""  # An empty line would end the answer of most clients.

    def said(self, said: streaming.Said) -> str:
        message = self._message(said)
        if len(message) == 2 and not (said.text or said.logprobs):
            return ""
        told = logprobs.native(said.logprobs)
        return _line({**self._head(), "message": message, "done": False, **told})

    def finished(self, end: protocol.End) -> str:
        return _line(self.whole(streaming.Said(), end))

    def refused(self, refused: Refused) -> str:
        return _line(native_body(refused))

    def whole(self, said: streaming.Said, end: protocol.End) -> dict[str, Any]:
        """The last line, and with all that was said the only one."""
        return {
            **self._head(),
            "message": self._message(said),
            "done": True,
            "done_reason": "length" if end.why == "length" else "stop",
            **logprobs.native(said.logprobs),
            **_counters(end.stats or protocol.Stats(), time.monotonic_ns() - self._began_ns),
        }

    def _head(self) -> dict[str, Any]:
        return {"model": self._model_name, "created_at": go_time(clock.now())}

    def _message(self, said: streaming.Said) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text}
        if self._shows_thinking and said.thinking:
            message["thinking"] = said.thinking
        if said.calls:
            message["tool_calls"] = calling.native_calls(said.calls, first=self._call_count)
            self._call_count += len(said.calls)
        return message


def newest_first(models: Sequence[Model]) -> list[Model]:
    return sorted(models, key=lambda model: (-int(model.modified_at.timestamp()), model.name))


def go_time(moment: datetime) -> str:
    """RFC 3339 as Go writes it: no trailing zeros, `Z` for no offset."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if moment.microsecond:
        text += f".{moment.microsecond:06d}".rstrip("0")
    offset = moment.strftime("%z")
    return text + ("Z" if offset in ("", "+0000") else f"{offset[:3]}:{offset[3:5]}")


def _body(request: HttpRequest) -> object:
    try:
        return body_of(request)
    except NoBody:
        raise Refused(status=400, message="missing request body") from None


def _json(value: dict[str, Any]) -> HttpResponse:
    return HttpResponse(gojson.dumps(value), content_type="application/json; charset=utf-8")


def _line(value: dict[str, Any]) -> str:
    return gojson.dumps_ascii(value) + "\n"


def _counters(stats: protocol.Stats, total_ns: int) -> dict[str, int]:
    counters = {
        "total_duration": total_ns,
        "load_duration": stats.load_ns,
        "prompt_eval_count": stats.prompt_tokens,
        "prompt_eval_duration": stats.prompt_ns,
        "eval_count": stats.answer_tokens,
        "eval_duration": stats.answer_ns,
    }
    return {name: count for name, count in counters.items() if count}


def _messages(items: Sequence[Any]) -> tuple[protocol.Message, ...]:
    messages = []
    for item in items:
        fields = Fields(item, struct="Message", go_type="api.Message")
        written = fields.items("images", go_type="[]api.ImageData")
        messages.append(
            protocol.Message(
                role=known_role(fields.text("role")),
                content=fields.text("content"),
                thinking=fields.text("thinking"),
                images=tuple(images.native(image) for image in written),
                tool_calls=calling.native_calls_of(fields),
                tool_name=calling.short_text(fields, "tool_name"),
                tool_call_id=calling.short_text(fields, "tool_call_id"),
            )
        )
    return tuple(messages)


def known_role(written: str) -> Role:
    for role in ROLES:
        if written.lower() == role:
            return role
    raise Refused(status=400, message=f'invalid role: "{written}"')


def _thinking(value: object) -> bool | protocol.ThinkLevel | None:
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, str):
        message = f"think must be a boolean or string ({_LEVELS})"
        raise Refused(status=400, message=message)
    for level in THINK_LEVELS:
        if value == level:
            return level
    raise Refused(status=400, message=f'invalid think value: "{value}" (must be {_LEVELS})')


def _refuse_what_is_not_there_yet(fields: Fields) -> None:
    """Said plainly, since an answer that ignored these would look like one that followed them."""
    if fields.flag("_debug_render_only"):
        raise Refused(status=400, message="rendered prompts are not shown by this portal")


async def _load_or_unload(person: Person, asked: ChatRequest) -> HttpResponse:
    """The reply clients wait for. Only our own schedule loads and unloads (threat F22)."""
    name = asked.question.model_name
    await database_sync_to_async(asking.model_for)(person, name)
    reason = "unload" if asked.keep_alive_seconds == 0 else "load"
    message = {"role": "assistant", "content": ""}
    return _json(
        {
            "model": name,
            "created_at": go_time(clock.now()),
            "message": message,
            "done": True,
            "done_reason": reason,
        }
    )


def _tag(model: Model) -> dict[str, Any]:
    lengths = {
        "context_length": model.context_length,
        "embedding_length": model.embedding_length,
    }
    tag = {
        "name": model.name,
        "model": model.name,
        "modified_at": go_time(timezone.localtime(model.modified_at)),
        "size": model.size_bytes,
        "digest": model.digest,
        "details": {
            **_details(model),
            **{name: length for name, length in lengths.items() if length},
        },
    }
    return {**tag, "capabilities": model.capabilities} if model.capabilities else tag


def _details(model: Model) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family] if model.family else None,
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization,
    }


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
        "details": _details(model),
        "expires_at": go_time(timezone.localtime(expires_at)),
        "size_vram": runner.vram_bytes,
        "context_length": runner.context_length,
    }
