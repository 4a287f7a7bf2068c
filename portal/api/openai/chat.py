"""The dialect of OpenAI: their fields in, our commands out, and back. Not for rights or framing."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from inference import protocol
from portal import clock
from portal.accounts.models import Person
from portal.api import asking, calling, formats, images, logprobs, streaming, suggesting
from portal.api.door import body_of
from portal.api.errors import Refused, openai_body
from portal.api.go import gojson
from portal.api.go.goreading import Fields, go_type_of
from portal.api.ollama.chat import known_role
from portal.api.ollama.listing import newest_first
from portal.catalog import queries
from portal.catalog.models import Model
from portal.catalog.names import ModelName
from portal.chat.prompts import Wishes

# Theirs, where Ollama's own dialect has 0.8 and 0.9.
DEFAULTS = {"temperature": 1.0, "top_p": 1.0}
EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "ultra", "max", "none")
THINK_BY_EFFORT: dict[str, bool | protocol.ThinkLevel | None] = {
    "": None,
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "ultra": "max",
    "max": "max",
}
FINGERPRINT = "fp_ollama"
# Where a text goes into an event that is written but for it; no name holds such a character.
_TEXT = "\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A body of /v1/chat/completions, read and checked."""

    question: asking.Question
    is_streaming: bool
    wants_usage_apart: bool
    shows_thinking: bool


async def models(request: HttpRequest, person: Person) -> HttpResponseBase:
    usable = await database_sync_to_async(queries.listed_for)(person)
    listed = [_listed(model, name=model.name) for model in newest_first(usable)]
    return as_json({"object": "list", "data": listed})


async def model(request: HttpRequest, person: Person, name: str) -> HttpResponseBase:
    found = await database_sync_to_async(partial(asking.found_model, task="chat"))(person, name)
    return as_json(_listed(found, name=name))


async def chat_completions(request: HttpRequest, person: Person) -> HttpResponseBase:
    asked = read_chat(body_of(request))
    answer = await suggesting.begun(person, asked.question)
    chunks = Chunks(
        generation_id=answer.generation_id,
        model_name=asked.question.model_name,
        created=int(clock.now().timestamp()),
        shows_thinking=asked.shows_thinking,
        wants_usage_apart=asked.wants_usage_apart,
    )
    if asked.is_streaming:
        return await streaming.open_stream(answer, chunks)
    said, end = await streaming.whole(answer)
    return as_json(chunks.whole(said, end))


def read_chat(value: object) -> ChatRequest:
    fields = Fields(value, struct="ChatCompletionRequest", go_type="openai.ChatCompletionRequest")
    model_name = fields.text("model")
    if not fields.items("messages", go_type="[]openai.Message"):
        raise Refused(status=400, message="[] is too short - 'messages'")
    messages, has_sound = _messages(fields)
    wanted = fields.mapping("response_format", go_type="openai.ResponseFormat")
    effort = effort_of(fields)
    extra = Fields(fields.mapping("stream_options"), struct="StreamOptions")
    return ChatRequest(
        question=asking.Question(
            model_name=model_name,
            messages=messages,
            options=_options(fields),
            defaults=DEFAULTS,
            wishes=Wishes(
                format=formats.openai(wanted),
                logprobs=logprobs.wanted(fields),
                tools=calling.tools_of(fields, go_type="[]api.Tool"),
                think=THINK_BY_EFFORT[effort],
            ),
            has_sound=has_sound,
        ),
        is_streaming=bool(fields.flag("stream")),
        wants_usage_apart=bool(extra.flag("include_usage")),
        shows_thinking=effort != "none",
    )


class Chunks:
    """Server-sent events, one JSON object each. Every one has `choices`: readers insist."""

    content_type = "text/event-stream"

    def __init__(
        self,
        *,
        generation_id: UUID,
        model_name: str,
        created: int,
        shows_thinking: bool,
        wants_usage_apart: bool,
    ) -> None:
        self._id = f"chatcmpl-{generation_id.hex}"
        self._model_name = model_name
        self._created = created
        self._shows_thinking = shows_thinking
        self._wants_usage_apart = wants_usage_apart
        self._has_begun = False
        self._call_count = 0
        # Most events differ in their text alone: what stands around it is written once.
        written = self._delta({"content": _TEXT})
        self._before, _, self._behind = written.rpartition(gojson.dumps_ascii(_TEXT))

    def heartbeat(self) -> str:
        return ": working\n\n"

    def said(self, said: streaming.Said) -> str:
        events = ""
        if said.thinking and self._shows_thinking:
            # Under both names: clients read one or the other.
            thinking = {"reasoning_content": said.thinking, "reasoning": said.thinking}
            events += self._delta(thinking)
        if said.logprobs:
            events += self._delta({"content": said.text}, **logprobs.openai(said.logprobs))
        elif said.text:
            events += f"{self._before}{gojson.dumps_ascii(said.text)}{self._behind}"
        if said.calls:
            events += self._delta({"tool_calls": self._calls(said)})
        return self._opening() + events if events else ""

    def finished(self, end: protocol.End) -> str:
        usage = {"usage": usage_of(end)}
        finish = self._chunk([_choice({}, finish_reason=self._reason(end))])
        if self._wants_usage_apart:
            last = as_event(finish) + as_event({**self._chunk([]), **usage})
        else:
            last = as_event({**finish, **usage})
        return f"{self._opening()}{last}data: [DONE]\n\n"

    def refused(self, refused: Refused) -> str:
        return as_event(openai_body(refused))

    def whole(self, said: streaming.Said, end: protocol.End) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text}
        if said.thinking and self._shows_thinking:
            message |= {"reasoning_content": said.thinking, "reasoning": said.thinking}
        if said.calls:
            message["tool_calls"] = self._calls(said)
        choice: dict[str, Any] = {
            "index": 0,
            "message": message,
            "finish_reason": self._reason(end),
            **logprobs.openai(said.logprobs),
        }
        completion = {**self._chunk([choice]), "object": "chat.completion"}
        return {**completion, "usage": usage_of(end)}

    def _opening(self) -> str:
        if self._has_begun:
            return ""
        self._has_begun = True
        return self._delta({"role": "assistant", "content": ""})

    def _calls(self, said: streaming.Said) -> list[dict[str, Any]]:
        first = self._call_count
        self._call_count += len(said.calls)
        return calling.openai_calls(said.calls, first=first)

    def _reason(self, end: protocol.End) -> str:
        if end.why == "length":
            return "length"
        return "tool_calls" if self._call_count else "stop"

    def _delta(self, delta: dict[str, Any], **more: Any) -> str:
        return as_event(self._chunk([_choice(delta, finish_reason=None) | more]))

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model_name,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        }


def as_json(value: dict[str, Any]) -> HttpResponse:
    return HttpResponse(gojson.dumps(value) + "\n", content_type="application/json")


def as_event(value: dict[str, Any]) -> str:
    return f"data: {gojson.dumps_ascii(value)}\n\n"


def _choice(delta: dict[str, Any], *, finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def usage_of(end: protocol.End) -> dict[str, int]:
    stats = end.stats or protocol.Stats()
    return {
        "prompt_tokens": stats.prompt_tokens,
        "completion_tokens": stats.answer_tokens,
        "total_tokens": stats.prompt_tokens + stats.answer_tokens,
    }


def _listed(model: Model, *, name: str) -> dict[str, Any]:
    modalities = ["text", "image"] if "vision" in model.capabilities else ["text"]
    return {
        "id": name,
        "object": "model",
        "created": int(model.modified_at.timestamp()),
        "owned_by": ModelName.parse(model.name).namespace,
        "name": model.name,
        "context_length": queries.context_length_of(model),
        "architecture": {"input_modalities": modalities},
    }


def _messages(request: Fields) -> tuple[tuple[protocol.Message, ...], bool]:
    messages, has_sound = [], False
    for item in request.items("messages", go_type="[]openai.Message"):
        fields = request.inner("messages", item, go_type="openai.Message")
        written = fields.text("role")
        role = known_role("system" if written.lower() == "developer" else written)
        content = _content(fields)
        has_sound = has_sound or content.has_sound
        thinking = fields.text("reasoning")
        messages.append(
            protocol.Message(
                role=role,
                content=content.text,
                thinking=thinking,
                images=content.images,
                tool_calls=calling.openai_calls_of(fields),
                tool_name=calling.short_text(fields, "name") if role == "tool" else "",
                tool_call_id=calling.short_text(fields, "tool_call_id"),
            )
        )
    return tuple(calling.with_names(messages)), has_sound


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    text: str = ""
    images: tuple[bytes, ...] = ()
    has_sound: bool = False


def _content(fields: Fields) -> _Content:
    """What a message is made of: its text part below part, with a place for each picture."""
    content = fields.anything("content")
    if isinstance(content, str):
        return _Content(text=content)
    if isinstance(content, list):
        parts = [_part(part) for part in content]
        texts = [images.PLACE if isinstance(part, bytes) else part for part in parts]
        return _Content(
            text="\n\n".join(text for text in texts if text is not None),
            images=tuple(part for part in parts if isinstance(part, bytes)),
            has_sound=None in parts,
        )
    if content is None and fields.items("tool_calls", go_type="[]openai.ToolCall"):
        return _Content()
    raise Refused(status=400, message=f"invalid message content type: {go_type_of(content)}")


def _part(part: object) -> str | bytes | None:
    """The text of one part, or a picture; None for a sound."""
    if not isinstance(part, dict):
        raise Refused(status=400, message="invalid message format")
    kind, text = part.get("type"), part.get("text")
    if kind == "text" and isinstance(text, str):
        return text
    if kind == "image_url":
        return images.openai(part.get("image_url"))
    if kind == "input_audio":
        return None
    raise Refused(status=400, message="invalid message format")


def _options(fields: Fields) -> dict[str, Any]:
    return {
        "num_predict": fields.whole("max_tokens"),
        "temperature": fields.real("temperature"),
        "top_p": fields.real("top_p"),
        "seed": fields.whole("seed"),
        "frequency_penalty": fields.real("frequency_penalty"),
        "presence_penalty": fields.real("presence_penalty"),
        "stop": _stop(fields.anything("stop")),
    }


def _stop(value: object) -> list[Any] | None:
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else None


def effort_of(fields: Fields) -> str:
    nested = Fields(fields.mapping("reasoning", go_type="openai.Reasoning"), struct="Reasoning")
    effort = nested.text("effort") or fields.text("reasoning_effort")
    if effort and effort not in EFFORTS:
        *others, last = (f'"{each}"' for each in EFFORTS)
        choices = f"must be {', '.join(others)}, or {last}"
        raise Refused(status=400, message=f'invalid reasoning value: "{effort}" ({choices})')
    return effort
