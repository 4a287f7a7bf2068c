"""/api/generate as Ollama's clients know it, answered by the engine with a scripted model."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from msgspec.structs import replace

from inference import protocol
from inference.engine import updates
from inference.engine.engine import Engine, EngineLimits
from inference.engine.scripted import ScriptedBackend, ScriptedVocabulary, read_script
from portal.accounts.models import KeyScope
from portal.api.streaming import ended
from portal.catalog.models import Model
from portal.streams import connection
from tests.api.conftest import (
    DONE,
    Caller,
    Worker,
    hold_ready,
    in_thread,
    make_model,
    make_secret,
    said,
    thought,
)
from tests.api.ollama.test_ollama import lines
from tests.inference.engine.go_families import CODER, LEGACY_CHATML

PATH = "/api/generate"
ASK = {"model": "smollm2:135m", "prompt": "Hello"}
BODY_KEYS = ("model", "created_at", "response", "done")
# The blob of a template that an `Engined` worker has.
LAYER = "e" * 64
PICTURE = "iVBORw0KGgo="


class Engined(Worker):
    """Answers as a runner does: the layer of `layers` is read, and the real engine works."""

    def __init__(self, *, template: str | None = None, layer: str = "", says: str = "Hi.") -> None:
        super().__init__()
        self._template = template
        self._layers = {LAYER: layer}
        self._says = says

    async def _play(self, generation_id: UUID) -> None:
        data = await connection.async_client().get(protocol.request_key(generation_id))
        self.will(*await in_thread(self._answered)(protocol.decode_request(data)))
        await super()._play(generation_id)

    def _answered(self, request: protocol.Request) -> list[protocol.Event]:
        engine = Engine(
            ScriptedBackend(
                read_script(json.dumps([{"says": self._says}])),
                context_length=512,
                slots=1,
                vocabulary=ScriptedVocabulary(
                    markers=CODER.markers, ends=(CODER.end,), template=self._template
                ),
            ),
            clock=lambda: 0.0,
            limits=EngineLimits(),
            about_to_run=lambda _: None,
        )
        try:
            engine.submit(self._filled(request))
            happened: list[updates.Update] = []
            while not engine.is_idle:
                happened.extend(engine.step())
        finally:
            engine.close()
        return [event for update in happened for event in _events(update)]

    def _filled(self, request: protocol.Request) -> protocol.Request:
        if request.template is not None or request.go_template is None:
            return request
        return replace(request, template=self._layers[request.go_template])


def _events(update: updates.Update) -> list[protocol.Event]:
    match update:
        case updates.Said(text=text, kind=kind):
            return [protocol.Piece(text=text, kind=kind)]
        case updates.Over():
            return [
                protocol.End(
                    why=update.why,
                    detail=update.detail,
                    words=update.words,
                    stats=update.stats,
                    context=update.context,
                )
            ]
        case _:
            return []


@pytest.fixture
async def engined(http: httpx.AsyncClient) -> AsyncIterator[Engined]:
    engined = Engined(layer=CODER.template)
    task = asyncio.create_task(engined.run())
    yield engined
    await ended(task)


@pytest.fixture
async def coder(http: httpx.AsyncClient) -> Model:
    made: Model = await in_thread(make_model)(
        go_template=LAYER, capabilities=["completion", "insert"], system="S"
    )
    return made


async def rendered(caller: Caller, **more: Any) -> str:
    response = await caller.post(PATH, {**ASK, "_debug_render_only": True, **more})
    assert response.status_code == 200, response.content
    text: str = response.json()["_debug_info"]["rendered_template"]
    return text


async def test_an_answer_comes_as_lines_and_ends_with_the_context_and_the_counters(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said("Paris", " is it"), replace_end(context=(5, 6, 7)))

    response = await alice.post(PATH, ASK)

    assert response.headers["Content-Type"] == "application/x-ndjson"
    *middle, last = lines(response.content)
    assert "".join(line["response"] for line in middle) == "Paris is it"
    assert all(tuple(line) == BODY_KEYS and line["done"] is False for line in middle)
    assert list(last) == [
        *("model", "created_at", "response", "done", "done_reason", "context", "total_duration"),
        *("load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count"),
        "eval_duration",
    ]
    assert (last["response"], last["done"], last["done_reason"]) == ("", True, "stop")
    assert last["context"] == [5, 6, 7]


async def test_without_streaming_the_answer_is_one_object(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=["completion", "thinking"])
    worker.will(*thought("hm"), *said("Paris", " is it"), protocol.End(why="length"))

    response = await alice.post(PATH, {**ASK, "stream": False, "think": True})

    assert not response.content.endswith(b"\n")
    answer = response.json()
    assert list(answer)[:6] == [
        *("model", "created_at", "response", "thinking", "done", "done_reason")
    ]
    assert (answer["response"], answer["thinking"]) == ("Paris is it", "hm")
    assert (answer["done"], answer["done_reason"]) == (True, "length")


async def test_what_was_asked_reaches_the_worker(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(
        capabilities=["completion", "vision"],
        system="Own.",
        messages=[{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}],
        go_template=LAYER,
    )

    await alice.post(PATH, {**ASK, "images": [PICTURE], "options": {"seed": 7}, "format": "json"})
    await alice.post(PATH, {**ASK, "system": "Other.", "context": [1, 2]})
    await alice.post(PATH, {**ASK, "raw": True, "truncate": False})

    first, second, third = worker.taken
    assert [(each.role, each.content) for each in first.messages] == [
        *(("system", "Own."), ("user", "u"), ("assistant", "a"), ("user", "Hello")),
    ]
    assert first.messages[-1].images
    assert (first.options.seed, first.format) == (7, protocol.Format())
    assert (first.go_template, first.published, first.shift) == (LAYER, 3, True)
    assert [(each.role, each.content) for each in second.messages] == [
        *(("system", "Other."), ("user", "Hello")),
    ]
    assert second.completion == protocol.Completion(context=(1, 2), wants_context=True)
    assert [each.content for each in third.messages] == ["Hello"]
    assert third.completion == protocol.Completion(is_raw=True)
    assert (third.truncate, third.shift) == (False, False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"model": "smollm2:135m"}, "load"),
        ({"model": "smollm2:135m", "prompt": "", "keep_alive": "5m"}, "load"),
        ({"model": "smollm2:135m", "keep_alive": 0}, "unload"),
        ({"model": "smollm2:135m", "keep_alive": 0, "raw": True, "system": "x"}, "unload"),
    ],
)
async def test_no_prompt_loads_or_unloads_with_one_object(
    alice: Caller, model: Model, worker: Worker, body: dict[str, Any], reason: str
) -> None:
    await hold_ready(model)

    answer = (await alice.post(PATH, body)).json()

    assert (answer["response"], answer["done"], answer["done_reason"]) == ("", True, reason)
    assert worker.taken == []


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"model": ""}, 404, "model '' not found"),
        ({"model": "m@d"}, 400, "invalid model name"),
        ({"model": "absent"}, 404, "model 'absent' not found"),
        ({"model": "bert"}, 400, '"bert" does not support generate'),
        ({"suffix": "x"}, 400, "registry.ollama.ai/library/smollm2:135m does not support insert"),
        ({"think": True}, 400, '"smollm2:135m" does not support thinking'),
        (
            {"raw": True, "system": "x"},
            400,
            "raw mode does not support template, system, or context",
        ),
        (
            {"raw": True, "context": [1]},
            400,
            "raw mode does not support template, system, or context",
        ),
        (
            {"raw": True, "template": "x"},
            400,
            "raw mode does not support template, system, or context",
        ),
        ({"top_logprobs": 21}, 400, "top_logprobs must be between 0 and 20"),
        (
            {"context": ["x"]},
            400,
            "json: cannot unmarshal array into Go struct field GenerateRequest.context of type int",
        ),
        (
            {"prompt": 1},
            400,
            "json: cannot unmarshal number into Go struct field GenerateRequest.prompt"
            " of type string",
        ),
        ({"context": [-1]}, 400, "context holds no tokens of this model"),
    ],
)
async def test_what_cannot_be_done_is_said_in_the_words_clients_know(
    alice: Caller, model: Model, worker: Worker, change: dict[str, Any], status: int, sentence: str
) -> None:
    await in_thread(make_model)("bert:latest", capabilities=["embedding"])

    response = await alice.post(PATH, {**ASK, **change})

    assert (response.status_code, response.json()) == (status, {"error": sentence})
    assert worker.taken == []


@pytest.mark.threat("E18")
@pytest.mark.parametrize("body", [ASK, {**ASK, "prompt": ""}])
async def test_a_template_of_ones_own_needs_the_scope_of_those_who_manage_models(
    alice: Caller, engined: Engined, coder: Model, body: dict[str, Any]
) -> None:
    refused = await alice.post(PATH, {**body, "template": "<{{ .Prompt }}>"})

    assert (refused.status_code, refused.json()) == (
        403,
        {
            "error": "a template in the request needs a key for managing models;"
            " leave it out, and the model's own is used"
        },
    )
    assert engined.taken == []


async def manager_of(caller: Caller) -> Caller:
    """The same door, for somebody whose key may chat and manage models."""

    def made() -> Caller:
        caller.person.is_staff = caller.person.is_superuser = True
        caller.person.save()
        scopes = [KeyScope.CHAT, KeyScope.MANAGE]
        return dataclasses.replace(caller, key=make_secret(caller.person, scopes=scopes))

    manager: Caller = await in_thread(made)()
    return manager


@pytest.mark.threat("E18")
async def test_a_template_of_ones_own_is_never_jinja(
    alice: Caller, engined: Engined, coder: Model
) -> None:
    manager = await manager_of(alice)

    text = await rendered(
        manager, template="{% for x in y %}{{ .System }}|{{ .Prompt }}{% endfor %}"
    )

    assert text == "{% for x in y %}S|Hello{% endfor %}"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{{ .Prompt", "template: :1: unclosed action"),
        ("{{ Prompt }}", 'template: :1: function "Prompt" not defined'),
        (
            "{{ range .Messages }}{{ .Foo }}{{ end }}",
            'template: :1:24: executing "" at <.Foo>: can\'t evaluate field Foo in type'
            " *template.templateMessage",
        ),
    ],
)
async def test_a_bad_template_is_a_500_in_the_words_of_go(
    alice: Caller, engined: Engined, coder: Model, template: str, sentence: str
) -> None:
    manager = await manager_of(alice)

    response = await manager.post(PATH, {**ASK, "template": template, "stream": False})

    assert (response.status_code, response.json()) == (500, {"error": sentence})


async def test_only_the_prompt_is_shown_where_only_that_is_wanted(
    alice: Caller, engined: Engined, coder: Model
) -> None:
    response = await alice.post(PATH, {**ASK, "_debug_render_only": True})

    answer = response.json()
    assert tuple(answer) == (*BODY_KEYS, "_debug_info")
    assert (answer["response"], answer["done"]) == ("", False)
    assert answer["_debug_info"] == {
        "rendered_template": "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
        "<|im_start|>assistant\n"
    }


async def test_every_way_of_asking_is_rendered_as_its_own(
    alice: Caller, engined: Engined, coder: Model
) -> None:
    end = "<|im_start|>assistant\n"
    user = "<|im_start|>user\nHello<|im_end|>\n"

    assert await rendered(alice, system="T") == f"<|im_start|>system\nT<|im_end|>\n{user}{end}"
    assert await rendered(alice, suffix="x") == (
        "<|fim_prefix|>Hello<|fim_suffix|>x<|fim_middle|>\n".removesuffix("\n")
    )
    assert await rendered(alice, raw=True, prompt="<|im_start|>x") == "<|im_start|>x"
    assert await rendered(alice, context=[0, 1]) == f"<|im_start|>system\nS<|im_end|>\n{user}{end}"


async def test_a_model_without_any_template_goes_on_with_the_bare_prompt(
    alice: Caller, engined: Engined, model: Model
) -> None:
    assert await rendered(alice) == "Hello"


async def test_chat_and_generate_render_the_same_and_chat_shows_it_too(
    alice: Caller, engined: Engined, coder: Model
) -> None:
    body = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}]}

    answer = (await alice.post("/api/chat", {**body, "_debug_render_only": True})).json()

    assert list(answer) == ["model", "created_at", "message", "done", "_debug_info"]
    assert answer["_debug_info"]["rendered_template"] == await rendered(alice)


async def test_what_came_of_one_prompt_goes_before_the_next(
    alice: Caller, engined: Engined, coder: Model
) -> None:
    first = (await alice.post(PATH, {**ASK, "stream": False})).json()
    again = {**ASK, "prompt": "More", "context": first["context"], "stream": False}

    second = (await alice.post(PATH, again)).json()

    assert first["response"] == "Hi."
    assert second["context"][: len(first["context"])] == first["context"]
    assert second["prompt_eval_count"] > len(first["context"])
    raw = (await alice.post(PATH, {**ASK, "raw": True, "stream": False})).json()
    assert "context" not in raw


async def test_tokens_the_model_does_not_have_are_refused(
    alice: Caller, engined: Engined, coder: Model
) -> None:
    response = await alice.post(PATH, {**ASK, "context": [2**31]})

    assert response.status_code == 500
    assert "unknown tokens" in response.json()["error"]


def replace_end(**fields: Any) -> protocol.End:
    return replace(DONE, **fields)


async def test_the_template_layer_writes_the_prompts_of_chats(
    alice: Caller, http: httpx.AsyncClient
) -> None:
    worker = Engined(layer=LEGACY_CHATML.template, template="{{ 'jinja' }}")
    task = asyncio.create_task(worker.run())
    await in_thread(make_model)(go_template=LAYER)
    await in_thread(make_model)("other:latest")
    try:
        layered = await rendered(alice)
        other = await rendered(alice, model="other")
    finally:
        await ended(task)

    assert layered == "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    assert other == "jinja"
