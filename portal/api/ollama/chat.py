"""The dialect of Ollama: their fields in, our commands out, and back. Not for rights or framing."""

import re
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from msgspec.structs import replace

from inference import protocol
from portal import clock
from portal.accounts.models import Person
from portal.api import asking, calling, formats, images, logprobs, streaming
from portal.api.errors import Refused, native_body
from portal.api.go import gojson
from portal.api.go.goreading import Fields
from portal.api.ollama import loading
from portal.api.ollama.durations import keep_alive_seconds
from portal.api.ollama.framing import as_json, go_time, native_body_of, waited_ns
from portal.api.road import started
from portal.chat.prompts import Wishes

# The dialect we speak, for clients that look at it; our own version is on the health page.
VERSION = "0.13.0"
# Some templates know more than the usual ones, such as Granite's "control".
_ROLE = re.compile(protocol.ROLE_PATTERN)
THINK_LEVELS: tuple[protocol.ThinkLevel, ...] = ("high", "medium", "low", "max")
_LEVELS = '"high", "medium", "low", "max", true, or false'


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
    return as_json({"version": VERSION})


async def chat(request: HttpRequest, person: Person) -> HttpResponseBase:
    asked = read_chat(native_body_of(request))
    if not asked.question.messages:
        return await _loaded_or_unloaded(request, person, asked)
    began = time.monotonic_ns()
    answer = await started(person, asked.question)
    if asked.question.wishes.is_shown:
        return await rendered(answer, asked.question, {"message": {"role": "", "content": ""}})
    lines = Lines(
        model_name=asked.question.model_name,
        began_ns=began,
        shows_thinking=bool(asked.question.wishes.think),
    )
    if asked.is_streaming:
        return await streaming.open_stream(answer, lines)
    said, end = await streaming.whole(answer)
    return as_json(lines.whole(said, end))


def read_chat(value: object) -> ChatRequest:
    fields = Fields(value, struct="ChatRequest", go_type="api.ChatRequest")
    model_name = fields.text("model")
    stream = fields.flag("stream")
    messages = _messages(fields)
    wishes, refusal = wishes_of(fields)
    question = asking.Question(
        model_name=model_name,
        messages=messages,
        options=fields.mapping("options"),
        wishes=replace(wishes, tools=calling.tools_of(fields, go_type="api.Tools")),
        refusal=refusal,
    )
    return ChatRequest(
        question=question,
        is_streaming=stream is not False,
        keep_alive_seconds=keep_alive_seconds(fields.anything("keep_alive")),
    )


def wishes_of(fields: Fields) -> tuple[Wishes, Refused | None]:
    """What chat and generate have in common, beside the question itself; and what speaks against
    it, once there is a model that could do all the rest."""
    is_cut_to_fit = fields.flag("truncate") is not False
    wanted: protocol.Format | None = None
    refusal: Refused | None = None
    try:
        wanted = formats.native(fields.anything("format"))
    except Refused as refused:
        refusal = refused
    wishes = Wishes(
        format=wanted,
        logprobs=logprobs.wanted(fields),
        think=thinking(fields.anything("think")),
        truncate=is_cut_to_fit,
        shift=is_cut_to_fit and fields.flag("shift") is not False,
        is_shown=bool(fields.flag("_debug_render_only")),
    )
    return wishes, refusal


async def rendered(
    answer: streaming.Answer, question: asking.Question, said: dict[str, Any]
) -> HttpResponse:
    """The prompt itself, where only that was asked for."""
    shown, _ = await streaming.whole(answer)
    images = sum(len(message.images) for message in question.messages)
    return as_json(
        {
            "model": question.model_name,
            "created_at": go_time(clock.now()),
            **said,
            "done": False,
            "_debug_info": {
                "rendered_template": shown.text,
                **({"image_count": images} if images else {}),
            },
        }
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
        return as_line({**self._head(), "message": message, "done": False, **told})

    def finished(self, end: protocol.End) -> str:
        return as_line(self.whole(streaming.Said(), end))

    def refused(self, refused: Refused) -> str:
        return as_line(native_body(refused))

    def whole(self, said: streaming.Said, end: protocol.End) -> dict[str, Any]:
        """The last line, and with all that was said the only one."""
        return {
            **self._head(),
            "message": self._message(said),
            "done": True,
            "done_reason": "length" if end.why == "length" else "stop",
            **logprobs.native(said.logprobs),
            **counters(end.stats or protocol.Stats(), time.monotonic_ns() - self._began_ns),
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


def as_line(value: dict[str, Any]) -> str:
    return gojson.dumps_ascii(value) + "\n"


def counters(stats: protocol.Stats, total_ns: int) -> dict[str, int]:
    counters = {
        "total_duration": total_ns,
        "load_duration": waited_ns(stats, total_ns),
        "prompt_eval_count": stats.prompt_tokens,
        "prompt_eval_duration": stats.prompt_ns,
        "eval_count": stats.answer_tokens,
        "eval_duration": stats.answer_ns,
    }
    return {name: count for name, count in counters.items() if count}


def _messages(request: Fields) -> tuple[protocol.Message, ...]:
    messages = []
    for item in request.items("messages", go_type="[]api.Message"):
        fields = request.inner("messages", item, go_type="api.Message")
        written = fields.items("images", go_type="[]api.ImageData")
        place = "ChatRequest.messages.images"
        messages.append(
            protocol.Message(
                content=fields.text("content"),
                thinking=fields.text("thinking"),
                images=tuple(images.native(image, field=place) for image in written),
                tool_calls=calling.native_calls_of(fields),
                tool_name=calling.short_text(fields, "tool_name"),
                tool_call_id=calling.short_text(fields, "tool_call_id"),
                role=known_role(fields.text("role")),
            )
        )
    return tuple(messages)


def known_role(written: str) -> str:
    """Roles in any case; what they mean is up to the template."""
    if _ROLE.fullmatch(written.lower()) is None:
        raise Refused(status=400, message=f'invalid role: "{written}"')
    return written.lower()


def thinking(value: object) -> bool | protocol.ThinkLevel | None:
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, str):
        message = f"think must be a boolean or string ({_LEVELS})"
        raise Refused(status=400, message=message)
    for level in THINK_LEVELS:
        if value == level:
            return level
    raise Refused(status=400, message=f'invalid think value: "{value}" (must be {_LEVELS})')


async def _loaded_or_unloaded(
    request: HttpRequest, person: Person, asked: ChatRequest
) -> HttpResponse:
    question = asked.question
    body: dict[str, object] = {
        "model": question.model_name,
        "created_at": go_time(clock.now()),
        "message": {"role": "assistant", "content": ""},
    }
    if asked.keep_alive_seconds == 0:
        find = partial(asking.found_model, task="chat")
        model = await database_sync_to_async(find)(person, question.model_name)
        return await loading.unloaded(request, model, body)
    model = await database_sync_to_async(asking.check_to_load)(person, question)
    return await loading.loaded(person, model, body)
