"""Vectors and scores for programs: /api/embed, /api/embeddings, /v1/embeddings and /v1/rerank.

Their fields in, our command out, and back. Not for the numbers themselves: those are in vectors.py.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from inference import protocol
from portal.accounts.models import Person
from portal.api import asking, options, vectors
from portal.api.door import body_of
from portal.api.errors import Refused
from portal.api.go import gojson
from portal.api.go.goreading import Fields, NoBody
from portal.api.ollama.durations import keep_alive_seconds
from portal.api.ollama.framing import waited_ns
from portal.api.outcomes import refusal_of_end
from portal.api.road import queued
from portal.api.streaming import LOST, Answer, Step
from portal.catalog import access
from portal.catalog.models import Model
from portal.catalog.names import ModelName, NotAName
from portal.chat import actions, prompts
from portal.chat.errors import NotFound
from portal.chat.models import Generation
from portal.streams.deltas import Delta

MAX_INPUTS = protocol.MAX_INPUTS
_LONG_SECONDS = 60.0
_BAD_INPUT = "invalid input type"
_CODINGS = ("float", "base64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a client wants measured, and by which model, as she wrote its name."""

    model_name: str
    texts: Sequence[str]
    task: protocol.Task = "embed"
    query: str = ""
    truncate: bool = True
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`values` has a vector for each text; `scores` a number instead, when it was to be ranked."""

    values: Sequence[bytes]
    scores: Sequence[float]
    stats: protocol.Stats


# ── The doors ───────────────────────────────────────────────────────────────────────────────────


async def embed(request: HttpRequest, person: Person) -> HttpResponseBase:
    began = time.monotonic_ns()
    fields = Fields(_body(request), struct="EmbedRequest", go_type="api.EmbedRequest")
    wish = Wish(
        model_name=fields.text("model"),
        texts=_texts(fields.anything("input")),
        truncate=fields.flag("truncate") is not False,
        options=dict(fields.mapping("options")),
    )
    dimensions = fields.whole("dimensions") or 0
    keep_alive_seconds(fields.anything("keep_alive"))
    if not wish.model_name.strip():
        raise Refused(status=404, message="model '' not found")
    await _check(person, wish)
    head = f'{{"model":{gojson.dumps(wish.model_name)}'
    if not wish.texts:  # it is only to be loaded, which our own schedule does (threat F22)
        return _native(f'{head},"embeddings":[]}}')
    measured = await measure(person, wish)
    written = await _in_thread(_lists, measured.values, dimensions)
    return _native(f'{head},"embeddings":[{written}]{_counters(measured.stats, began)}}}')


async def embeddings(request: HttpRequest, person: Person) -> HttpResponseBase:
    """The older form: one text, and the vector as the model made it."""
    fields = Fields(_body(request), struct="EmbeddingRequest", go_type="api.EmbeddingRequest")
    prompt = fields.text("prompt")
    wish = Wish(
        model_name=fields.text("model"),
        texts=[prompt] if prompt else [],
        options=dict(fields.mapping("options")),
    )
    keep_alive_seconds(fields.anything("keep_alive"))
    if not wish.model_name.strip():
        raise Refused(status=400, message="model is required")
    await _check(person, wish)
    if not wish.texts:
        return _native('{"embedding":[]}')
    try:
        measured = await measure(person, wish)
    except Refused as refused:
        if refused.status == 400:
            raise Refused(status=500, message=refused.message) from None
        raise
    values = vectors.read(measured.values[0])
    return _native(f'{{"embedding":{vectors.as_json_of_doubles(values)}}}')


async def openai_embeddings(request: HttpRequest, person: Person) -> HttpResponseBase:
    fields = Fields(body_of(request), struct="EmbedRequest", go_type="openai.EmbedRequest")
    model_name, dimensions = fields.text("model"), fields.whole("dimensions") or 0
    coding = fields.text("encoding_format")
    if coding.lower() not in ("", *_CODINGS):
        message = (
            f"Invalid value for 'encoding_format' = {coding}."
            " Supported values: ['float', 'base64']."
        )
        raise Refused(status=400, message=message)
    given = fields.anything("input")
    texts = [""] if given == "" else _texts(given)
    if not texts:
        raise Refused(status=400, message="invalid input")
    wish = Wish(model_name=model_name, texts=texts)
    if not wish.model_name.strip():
        raise Refused(status=404, message="model '' not found")
    await _check(person, wish)
    measured = await measure(person, wish)
    written = await _in_thread(_items, measured.values, dimensions, coding.lower() == "base64")
    name, usage = gojson.dumps(wish.model_name), gojson.dumps(_usage(measured.stats))
    return _openai(f'{{"object":"list","data":[{written}],"model":{name},"usage":{usage}}}')


async def rerank(request: HttpRequest, person: Person) -> HttpResponseBase:
    """As llama-server and Jina speak it: Ollama has no such door."""
    fields = Fields(body_of(request), struct="RerankRequest", go_type="openai.RerankRequest")
    wish = Wish(
        model_name=fields.text("model"),
        task="rerank",
        query=fields.text("query"),
        texts=[_document(each) for each in fields.items("documents", go_type="[]string")],
    )
    if not wish.model_name.strip():
        raise Refused(status=400, message="model is required")
    if not wish.query or not wish.texts:
        raise Refused(status=400, message="a query and documents are required")
    most = fields.whole("top_n")
    await _check(person, wish)
    measured = await measure(person, wish)
    ranked = sorted(enumerate(measured.scores), key=lambda each: -each[1])
    results = [{"index": index, "relevance_score": score} for index, score in ranked]
    return _openai(
        gojson.dumps(
            {
                "model": wish.model_name,
                "object": "list",
                "usage": _usage(measured.stats),
                "results": results if most is None else results[: max(0, most)],
            }
        )
    )


# ── The road ────────────────────────────────────────────────────────────────────────────────────


async def measure(person: Person, wish: Wish) -> Measured:
    """Everything that was wished for, or `Refused`. A client that leaves stops it."""
    generation = await queued(person, partial(_begin, person, wish))
    collected = Collected(expected=len(wish.texts), task=wish.task)
    answer = Answer(person, generation, joined=collected)
    try:
        while (step := await answer.step(within_seconds=_LONG_SECONDS)) is None:
            pass
    finally:
        await answer.close()
    if not isinstance(step, protocol.End):
        raise TypeError("a vector is not an answer")
    if refused := _refusal(step):
        raise refused
    return Measured(
        values=collected.values, scores=collected.scores, stats=step.stats or protocol.Stats()
    )


class Collected:
    """The results of one generation, each once, whatever attempts it took."""

    def __init__(self, *, expected: int, task: protocol.Task) -> None:
        self.values: list[bytes] = []
        self.scores: tuple[float, ...] = ()
        self._expected = expected
        self._task = task
        self._attempt = 0
        self._last = 0

    def add(self, delta: Delta) -> list[Step]:
        """Nothing, until the end. An end that came without all results is none."""
        if delta.attempt < self._attempt:
            return []
        if delta.attempt > self._attempt:
            self._attempt, self._last = delta.attempt, 0
            self.values.clear()
            self.scores = ()
        if delta.first > self._last + 1:
            return [LOST]
        self._last = max(self._last, delta.last)
        for result in delta.results:
            if isinstance(result, protocol.Scores):
                self.scores = result.scores
            elif result.first == len(self.values):
                self.values += result.vectors
        if delta.end is None:
            return []
        return [delta.end if delta.end.why != "done" or self._is_whole else LOST]

    @property
    def _is_whole(self) -> bool:
        found = self.scores if self._task == "rerank" else self.values
        return len(found) == self._expected


def _begin(person: Person, wish: Wish) -> Generation:
    model = _model_for(person, wish)
    asked = wish.options.get("num_ctx")
    inputs = prompts.Inputs(
        texts=tuple(wish.texts),
        query=wish.query,
        truncate=wish.truncate,
        max_tokens=None if asked is None else min(max(int(asked), 0), 2**31),
    )
    return actions.measure_texts(
        person, model_name=model.name, task=wish.task, inputs=inputs, client_key=uuid4()
    )


async def _check(person: Person, wish: Wish) -> None:
    """Everything that can be refused before anybody works."""
    if len(wish.texts) > MAX_INPUTS:
        message = f"too many inputs: {len(wish.texts)}, at most {MAX_INPUTS} in one request"
        raise Refused(status=400, message=message)
    await database_sync_to_async(_model_for)(person, wish)
    options.chosen(wish.options, parameters={}, defaults={})


def _model_for(person: Person, wish: Wish) -> Model:
    """The model meant, if this person may use it for this; else the refusal clients know."""
    written = wish.model_name
    try:
        name = ModelName.parse(asking.local_name(written))
    except NotAName:
        raise Refused(status=400, message="invalid model name") from None
    try:
        model = access.model_for_use(person, name.short)
    except NotFound:
        message = f'model "{written}" not found, try pulling it first'
        raise Refused(status=404, message=message) from None
    if ("rerank" in model.capabilities) != (wish.task == "rerank"):
        what = "reranking" if wish.task == "rerank" else "embeddings"
        raise Refused(status=400, message=f'"{written}" does not support {what}')
    return model


def _refusal(end: protocol.End) -> Refused | None:
    if end.why == "failed" and end.detail == "too-long":
        return Refused(status=400, message="the input length exceeds the context length")
    if end.why == "failed" and end.detail == "embedding":
        message = "input after truncation exceeds maximum context length"
        return Refused(status=400, message=message)
    return refusal_of_end(end)


# ── Reading and writing ─────────────────────────────────────────────────────────────────────────


def _body(request: HttpRequest) -> object:
    try:
        return body_of(request)
    except NoBody:
        raise Refused(status=400, message="missing request body") from None


def _texts(value: object) -> list[str]:
    """One text, or a list. A single empty text is none; one in a list is one."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Refused(status=400, message=_BAD_INPUT)
    return value


def _document(value: object) -> str:
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise Refused(status=400, message=_BAD_INPUT)
    return text


async def _in_thread(write: Any, *what: Any) -> str:
    """Thousands of numbers become digits without holding up everybody's streams."""
    written: str = await asyncio.to_thread(write, *what)
    return written


def _lists(values: Sequence[bytes], dimensions: int) -> str:
    return ",".join(
        vectors.as_json(vectors.normalised(vectors.read(raw), dimensions=dimensions))
        for raw in values
    )


def _items(values: Sequence[bytes], dimensions: int, is_base64: bool) -> str:
    written = []
    for index, raw in enumerate(values):
        vector = vectors.normalised(vectors.read(raw), dimensions=dimensions)
        body = f'"{vectors.as_base64(vector)}"' if is_base64 else vectors.as_json(vector)
        written.append(f'{{"object":"embedding","embedding":{body},"index":{index}}}')
    return ",".join(written)


def _counters(stats: protocol.Stats, began_ns: int) -> str:
    total_ns = time.monotonic_ns() - began_ns
    counters = {
        "total_duration": total_ns,
        "load_duration": waited_ns(stats, total_ns),
        "prompt_eval_count": stats.prompt_tokens,
    }
    return "".join(f',"{name}":{count}' for name, count in counters.items() if count)


def _usage(stats: protocol.Stats) -> dict[str, int]:
    return {"prompt_tokens": stats.prompt_tokens, "total_tokens": stats.prompt_tokens}


def _native(text: str) -> HttpResponse:
    return HttpResponse(text, content_type="application/json; charset=utf-8")


def _openai(text: str) -> HttpResponse:
    return HttpResponse(text + "\n", content_type="application/json")
