"""POST /v1/completions: a prompt to go on with, in OpenAI's older dialect. Not for chats.

It goes the road of /api/generate. Thinking and chances of tokens have no place in its answers.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from inference import protocol
from portal import clock
from portal.accounts.models import Person
from portal.api import asking, logprobs, streaming, suggesting
from portal.api.door import body_of
from portal.api.errors import Refused, openai_body
from portal.api.go.goreading import Fields, go_type_of
from portal.api.ollama import loading
from portal.api.openai.chat import FINGERPRINT, as_event, as_json, usage_of
from portal.chat.prompts import Wishes

DONE = "data: [DONE]\n\n"
_NOTHING = protocol.End(why="done", stats=protocol.Stats())


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """A body of /v1/completions, read and checked."""

    question: asking.Question
    prompt: str
    is_streaming: bool
    wants_usage: bool


async def completions(request: HttpRequest, person: Person) -> HttpResponseBase:
    asked = read_completion(body_of(request))
    if not asked.prompt:
        return await _loaded(person, asked)
    answer = await suggesting.begun(person, asked.question)
    chunks = chunks_of(asked, answer.generation_id)
    if asked.is_streaming:
        return await streaming.open_stream(answer, chunks)
    said, end = await streaming.whole(answer)
    return as_json(chunks.whole(said, end))


def read_completion(value: object) -> CompletionRequest:
    fields = Fields(value, struct="CompletionRequest", go_type="openai.CompletionRequest")
    prompt = fields.text("prompt")
    completion = protocol.Completion(suffix=fields.text("suffix"))
    extra = Fields(fields.mapping("stream_options"), struct="StreamOptions")
    logprobs.must_be_in_range(fields.whole("logprobs") or 0)
    return CompletionRequest(
        question=asking.Question(
            model_name=fields.text("model"),
            messages=(protocol.Message(role="user", content=prompt),),
            options=_options(fields),
            wishes=Wishes(completion=completion),
            task="generate",
        ),
        prompt=prompt,
        is_streaming=bool(fields.flag("stream")),
        wants_usage=bool(extra.flag("include_usage")),
    )


class Chunks:
    """Server-sent events, one JSON object each; the last text carries why it ended."""

    content_type = "text/event-stream"

    def __init__(
        self, *, completion_id: UUID, model_name: str, created: int, wants_usage: bool
    ) -> None:
        self._id = f"cmpl-{completion_id.hex}"
        self._model_name = model_name
        self._created = created
        self._wants_usage = wants_usage

    def heartbeat(self) -> str:
        return ": working\n\n"

    def said(self, said: streaming.Said) -> str:
        return self._event([_choice(said.text, finish_reason=None)]) if said.text else ""

    def finished(self, end: protocol.End, *, reason: str | None = None) -> str:
        last = self._event([_choice("", finish_reason=reason or _reason(end))])
        if self._wants_usage:
            last += as_event({**self._chunk([]), "usage": usage_of(end)})
        return last + DONE

    def refused(self, refused: Refused) -> str:
        return as_event(openai_body(refused))

    def whole(
        self, said: streaming.Said, end: protocol.End, *, reason: str | None = None
    ) -> dict[str, Any]:
        choice = _choice(said.text, finish_reason=reason or _reason(end))
        return {**self._chunk([choice]), "usage": usage_of(end)}

    def _event(self, choices: list[dict[str, Any]]) -> str:
        """Whoever wants the usage gets a place for it in every event, and the count in the last."""
        usage = {"usage": usage_of(_NOTHING)} if self._wants_usage else {}
        return as_event({**self._chunk(choices), **usage})

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "text_completion",
            "created": self._created,
            "model": self._model_name,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        }


def chunks_of(asked: CompletionRequest, completion_id: UUID) -> Chunks:
    return Chunks(
        completion_id=completion_id,
        model_name=asked.question.model_name,
        created=int(clock.now().timestamp()),
        wants_usage=asked.wants_usage,
    )


async def _loaded(person: Person, asked: CompletionRequest) -> HttpResponseBase:
    """Nothing to go on with: the model is brought into memory, and that is the answer."""
    model = await database_sync_to_async(asking.check)(person, asked.question)
    await loading.loaded(person, model, {})
    chunks = chunks_of(asked, uuid4())
    if not asked.is_streaming:
        return as_json(chunks.whole(streaming.Said(), _NOTHING, reason="load"))
    events = chunks.finished(_NOTHING, reason="load")
    return HttpResponse(events, content_type=chunks.content_type)


def _choice(text: str, *, finish_reason: str | None) -> dict[str, Any]:
    return {"text": text, "index": 0, "finish_reason": finish_reason}


def _reason(end: protocol.End) -> str:
    return "length" if end.why == "length" else "stop"


def _options(fields: Fields) -> dict[str, Any]:
    """In this dialect nothing is left to the model but the number of tokens, seed and stops."""
    temperature = fields.real("temperature")
    return {
        "num_predict": fields.whole("max_tokens"),
        "temperature": 1.0 if temperature is None else temperature,
        "top_p": fields.real("top_p") or 1.0,
        "seed": fields.whole("seed"),
        "frequency_penalty": fields.real("frequency_penalty") or 0.0,
        "presence_penalty": fields.real("presence_penalty") or 0.0,
        "stop": _stop(fields.anything("stop")),
    }


def _stop(value: object) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return None
    for each in value:
        if not isinstance(each, str):
            kind = go_type_of(each)
            raise Refused(status=400, message=f"invalid type for 'stop' field: {kind}")
    return value
