"""The document and the doors cannot part: what is read, what is answered, what is refused."""

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    status_code_conformance,
)

from portal.accounts.models import KeyScope
from portal.api.document import writing
from portal.api.document.about import IGNORED
from portal.api.document.operations import MANAGE, OPERATIONS, Operation
from portal.api.go.goreading import Fields
from portal.catalog import actions
from portal.catalog.models import Model, ModelState
from tests.api.conftest import (
    Caller,
    Worker,
    hold_ready,
    in_thread,
    make_model,
    make_person,
    make_secret,
)
from tests.catalog.gguf_files import chat_gguf
from tests.catalog.ollama_folder import OllamaFolder

MODEL = "smollm2:135m"
RANKER = "ranker:latest"
MAX_EXAMPLES = 4
KINDS = {
    "text": {"string"},
    "flag": {"boolean"},
    "whole": {"integer"},
    "real": {"number"},
    "items": {"array"},
    "mapping": {"object"},
}
PROMISED = [status_code_conformance, content_type_conformance, response_headers_conformance]
SHAPE = "x-shape"
# Texts that a door looks into while it reads.
SAMPLES = {
    "arguments": "{}",
    "image_url": "data:image/png;base64,aGk=",
    "model": MODEL,
    "role": "user",
    "url": "data:image/png;base64,aGk=",
}
# Kinds of parts that are refused as soon as they are met.
REFUSED_KINDS = {"web_search", "input_audio"}
# Read without `Fields`: parts of a message, which have no struct of Go's.
READ_BY_HAND = {
    "Options",
    "SystemBlock",
    "Part",
    "ImageAddress",
    "ResponseFormat",
    "Schema",
    "TextFormat",
    "DocumentText",
}
# Handed to the model as they came.
PASSED_ON = {
    ("Tool", "type"),
    ("Function", "description"),
    ("Function", "parameters"),
    ("OpenAITool", "type"),
    ("OpenAICall", "type"),
    ("OpenAIFunction", "description"),
    ("OpenAIFunction", "parameters"),
}
# Asked with the rights of somebody who may not manage models: nothing is fetched or removed.
ANSWERED = [each for each in OPERATIONS if each.tag != MANAGE]
# What a model says of itself stands in its files, which the models here have not.
OF_FILES = "/api/show"


def document() -> dict[str, Any]:
    return writing.document(address="http://testserver", language="en")


def shapes() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = document()["components"]["schemas"]
    return found


@dataclass
class Chief:
    """Somebody with every scope, but no right to manage models."""

    caller: Caller

    async def call(self, operation: Operation, body: Any) -> httpx.Response:
        path = operation.path
        for name in ("digest", "name"):
            path = path.replace(f"{{{name}}}", str(operation.example.get(name, "")))
        headers = dict(self.caller.headers)
        if operation.takes_file:
            return await self.caller.http.post(path, content=b"", headers=headers)
        return await self.caller.http.request(
            operation.method,
            path,
            headers=headers,
            **({} if operation.request is None else {"json": body}),
        )


@pytest.fixture
async def chief(http: httpx.AsyncClient, worker: Worker) -> Chief:
    def make() -> tuple[Any, str, Model]:
        answering = make_model(MODEL, capabilities=["completion", "tools", "thinking", "insert"])
        make_model(RANKER, capabilities=["rerank"], weights="b" * 64, digest="e" * 64)
        person = make_person("chief@example.com", is_staff=True)
        return person, make_secret(person, scopes=list(KeyScope)), answering

    person, key, answering = await in_thread(make)()
    # Questions without words only ask for the model to be in memory.
    await hold_ready(answering)
    return Chief(Caller(person, key, http))


# ── What the doors read ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """Listens to `Fields`: shape, field → how it was read. What it gives is unchanged.

    Which shape an object has stands in the object itself, where no door looks.
    """
    heard: dict[tuple[str, str], str] = {}
    for kind in ("anything", *KINDS):
        real = getattr(Fields, kind)

        def listening(
            self: Any, name: str, *rest: Any, real: Any = real, kind: str = kind, **more: Any
        ) -> Any:
            if (shape := self._values.get(SHAPE)) is not None:
                # A name that is read in two ways is held to the stricter one.
                heard[shape, name] = heard.get((shape, name), kind) if kind == "anything" else kind
            return real(self, name, *rest, **more)

        monkeypatch.setattr(Fields, kind, listening)
    return heard


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.request], ids=lambda each: each.path
)
async def test_a_door_reads_the_fields_that_the_document_names_and_no_others(
    operation: Operation, chief: Chief, read: dict[tuple[str, str], str]
) -> None:
    assert operation.request is not None
    root = operation.request.__name__

    # Some fields are looked at only where others are absent, or have a certain value.
    for body in (_full({"$ref": root}), _empty(_full({"$ref": root})), operation.example):
        await chief.call(operation, {SHAPE: root, **body})

    named = {
        (shape, name): schema
        for shape in _shapes_below(root) - READ_BY_HAND
        for name, schema in shapes()[shape].get("properties", {}).items()
    }
    ignored = {each for each, schema in named.items() if schema.get(IGNORED)}
    assert set(read) - set(named) == set()
    assert set(named) - set(read) - ignored == {each for each in PASSED_ON if each in named}
    assert set(read) & ignored == set()
    for each, kind in read.items():
        assert kind == "anything" or _kinds(named[each]) & KINDS[kind], (each, kind)


def _shapes_below(root: str) -> set[str]:
    waiting, seen = [root], set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += re.findall(r"#/components/schemas/(\w+)", json.dumps(shapes()[name]))
    return seen


def _full(schema: dict[str, Any], *, name: str = "") -> Any:
    """A value with every field there is, so that a door has something to read everywhere."""
    if "$ref" in schema:
        shape = schema["$ref"].rpartition("/")[2]
        fields = shapes()[shape].get("properties", {})
        return {SHAPE: shape, **{each: _full(one, name=each) for each, one in fields.items()}}
    if "anyOf" in schema:
        return _full(max(schema["anyOf"], key=_richness), name=name)
    if schema.get("type") == "array":
        one = _full(schema.get("items", {}), name=name)
        return _of_every_kind(schema.get("items", {}), one) or [one]
    if "enum" in schema:
        return SAMPLES.get(name, schema["enum"][0])
    samples = {"object": {}, "boolean": False, "integer": 1, "number": 0.5}
    return samples.get(schema.get("type", ""), SAMPLES.get(name, "aGk="))


def _empty(value: Any) -> Any:
    """The same, with nothing in its fields but `true`."""
    if isinstance(value, dict):
        return {name: each if name == SHAPE else _empty(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_empty(each) if isinstance(each, dict) else each for each in value]
    return "" if isinstance(value, str) else value is False or value


def _richness(schema: dict[str, Any]) -> tuple[bool, bool]:
    """A choice with more to read in it is better: a list of objects, an object, anything else."""
    return "$ref" in json.dumps(schema), schema.get("type") == "array"


def _of_every_kind(items: dict[str, Any], one: Any) -> list[Any]:
    """Where the fields of an item depend on its type or role, one of each."""
    shape = items.get("$ref", "").rpartition("/")[2]
    fields = shapes().get(shape, {}).get("properties", {})
    return [
        {**one, name: kind}
        for name in ("type", "role")
        for kind in fields.get(name, {}).get("enum", ())
        if kind not in REFUSED_KINDS
    ]


def _kinds(schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        return {"object"}
    if "anyOf" in schema:
        return {kind for each in schema["anyOf"] for kind in _kinds(each)}
    if "enum" in schema:
        return {"string"}
    return {schema.get("type", "any")}


# ── What the doors answer ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "operation", [each for each in ANSWERED if each.path != OF_FILES], ids=lambda each: each.path
)
async def test_the_example_of_the_document_is_answered_as_the_document_says(
    operation: Operation, chief: Chief
) -> None:
    example = {**operation.example, "model": RANKER} if "rerank" in operation.path else None

    answer = await chief.call(operation, example or operation.example)

    assert answer.status_code == 200, answer.text
    for value in _values(answer):
        _validator(operation, answer).validate(value)


@pytest.mark.parametrize(
    "operation", [each for each in ANSWERED if each.streamed], ids=lambda each: each.path
)
async def test_every_line_and_event_of_a_stream_is_what_the_document_says(
    operation: Operation, chief: Chief
) -> None:
    answer = await chief.call(operation, {**operation.example, "stream": True})

    assert answer.headers["Content-Type"].startswith(operation.media)
    values = _values(answer)
    assert len(values) > 1
    for value in values:
        _validator(operation, answer).validate(value)


async def test_a_model_with_files_is_shown_as_the_document_says(
    chief: Chief, tmp_path: Path, settings: Any
) -> None:
    operation = next(each for each in OPERATIONS if each.path == OF_FILES)
    settings.PORTAL = dataclasses.replace(settings.PORTAL, models=tmp_path)
    layers = {"model": chat_gguf(), "system": b"Be brief.", "params": b'{"stop":["a"]}\n'}
    OllamaFolder(tmp_path).put("small/latest", list(layers.items()))
    await in_thread(actions.sync_with_store)(None)
    await in_thread(_publish)("small:latest")

    answer = await chief.call(operation, {"model": "small", "verbose": True})

    assert answer.status_code == 200, answer.text
    _validator(operation, answer).validate(answer.json())


def _publish(name: str) -> None:
    Model.objects.update(state=ModelState.READY)
    actions.publish_model(None, model_id=Model.objects.get(name=name).id)


def _values(answer: httpx.Response) -> list[Any]:
    if answer.headers["Content-Type"].startswith("text/event-stream"):
        data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
        return [json.loads(each) for each in data if each != "[DONE]"]
    if answer.headers["Content-Type"] == "application/x-ndjson":
        return [json.loads(line) for line in answer.text.splitlines()]
    return [answer.json()]


def _validator(operation: Operation, answer: httpx.Response) -> Any:
    """Of a good answer, or of the refusal that this status has."""
    found = document()
    told = found["paths"][operation.path][operation.method.lower()]["responses"]
    response = told[str(answer.status_code)]
    if "$ref" in response:
        response = found["components"]["responses"][response["$ref"].rpartition("/")[2]]
    media = answer.headers["Content-Type"].partition(";")[0]
    schema = {**response["content"][media]["schema"], "components": found["components"]}
    return jsonschema_rs.validator_for(schema)


# ── What nobody would think of ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
async def test_whatever_a_client_sends_it_is_answered_or_refused_as_the_document_says(
    mode: GenerationMode, chief: Chief
) -> None:
    """Right and wrong requests of every operation, the same ones at each run."""
    described = schemathesis.openapi.from_dict(document())
    # Where there is no body, there is hardly anything to do wrong.
    operations = [each for each in OPERATIONS if each.request or mode == GenerationMode.POSITIVE]

    for operation in operations:
        entry = described[operation.path][operation.method]
        for at, case in enumerate(await in_thread(_cases)(entry, mode)):
            answer = await _sent(case, chief, has_model=at % 3 > 0)
            what = f"{operation.method} {operation.path} {case.body!r} → {answer.text[:300]}"
            assert "internal error" not in answer.text, what
            assert answer.status_code != 503, what
            case.validate_response(answer, checks=PROMISED)
            if answer.headers["Content-Type"] == operation.media and operation.streamed:
                for value in _values(answer):
                    assert _is_line(operation, value), what


def _cases(entry: Any, mode: GenerationMode) -> list[Any]:
    found: list[Any] = []

    @settings(
        max_examples=MAX_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=entry.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


async def _sent(case: Any, chief: Chief, *, has_model: bool) -> httpx.Response:
    """As it is, or with a model that is there, so that it gets further."""
    body = case.body
    if has_model and isinstance(body, dict) and "model" in body:
        body = {**body, "model": RANKER if "rerank" in case.path else MODEL}
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    return await chief.caller.http.request(
        case.method,
        case.formatted_path,
        headers=chief.caller.headers,
        **({} if body is schemathesis.core.NOT_SET else content),
    )


def _is_line(operation: Operation, value: Any) -> bool:
    """A part of the answer, or the refusal that a stream may end with."""
    found = document()
    refusals = [name for name in shapes() if name.endswith("Error")]
    names = [operation.streamed.__name__ if operation.streamed else "", *refusals]
    schema = {
        "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in names],
        "components": found["components"],
    }
    return bool(jsonschema_rs.validator_for(schema).is_valid(value))
