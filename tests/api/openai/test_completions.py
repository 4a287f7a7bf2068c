"""/v1/completions, as OpenAI's older clients and fill-in-the-middle plugins know it."""

import json
from typing import Any

import pytest

from inference import protocol
from portal.catalog.models import Model
from tests.api.conftest import (
    DONE,
    STATS,
    Caller,
    Worker,
    hold_ready,
    in_thread,
    make_model,
    said,
    thought,
)

PATH = "/v1/completions"
GO_ON = {"model": "smollm2:135m", "prompt": "Once upon"}
NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
USAGE = {
    "prompt_tokens": STATS.prompt_tokens,
    "completion_tokens": STATS.answer_tokens,
    "total_tokens": STATS.prompt_tokens + STATS.answer_tokens,
}
HEAD = ["id", "object", "created", "model", "system_fingerprint", "choices"]


def chunks(body: str) -> list[Any]:
    """The data of each event but the closing mark."""
    *events, done, nothing = body.split("\n\n")
    assert (done, nothing) == ("data: [DONE]", "")
    return [json.loads(each.removeprefix("data: ")) for each in events if not each.startswith(":")]


async def test_an_answer_that_is_one_piece_is_one_object_and_a_line_end(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said(" a", " time"), protocol.End(why="length", stats=STATS))

    response = await alice.post(PATH, GO_ON)

    assert response.headers["Content-Type"] == "application/json"
    assert response.content.endswith(b"}\n")
    answer = response.json()
    assert list(answer) == [*HEAD, "usage"]
    assert (answer["object"], answer["system_fingerprint"]) == ("text_completion", "fp_ollama")
    assert answer["id"].startswith("cmpl-")
    assert answer["choices"] == [{"text": " a time", "index": 0, "finish_reason": "length"}]
    assert list(answer["choices"][0]) == ["text", "index", "finish_reason"]
    assert answer["usage"] == USAGE


async def test_a_streams_last_text_says_why_it_ended(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(*said(" a", " time"), DONE)

    response = await alice.post(PATH, {**GO_ON, "stream": True})

    assert response.headers["Content-Type"] == "text/event-stream"
    *texts, last = chunks(response.text)
    assert "".join(each["choices"][0]["text"] for each in texts) == " a time"
    assert {each["choices"][0]["finish_reason"] for each in texts} == {None}
    assert last["choices"] == [{"text": "", "index": 0, "finish_reason": "stop"}]
    assert [list(each) for each in (*texts, last)] == [HEAD] * (len(texts) + 1)
    assert len({each["id"] for each in (*texts, last)}) == 1


async def test_who_wants_the_usage_finds_a_place_for_it_in_every_event(
    alice: Caller, model: Model, worker: Worker
) -> None:
    wants = {"stream": True, "stream_options": {"include_usage": True}}

    *texts, last = chunks((await alice.post(PATH, {**GO_ON, **wants})).text)

    assert [each["usage"] for each in texts] == [NOTHING] * len(texts)
    assert (last["choices"], last["usage"]) == ([], USAGE)


async def test_the_prompt_is_gone_on_with_and_no_turn_of_a_talk(
    alice: Caller, worker: Worker
) -> None:
    await in_thread(make_model)(capabilities=["completion", "insert"])

    await alice.post(PATH, {**GO_ON, "suffix": "The end."})

    (request,) = worker.taken
    assert request.completion == protocol.Completion(suffix="The end.")
    assert [message.content for message in request.messages] == ["Once upon"]


async def test_what_is_not_said_has_the_dialects_own_values_and_not_the_models(
    alice: Caller, worker: Worker
) -> None:
    own = {"temperature": 0.1, "top_p": 0.2, "presence_penalty": 1.5, "frequency_penalty": 1.5}
    await in_thread(make_model)(parameters={**own, "stop": ["###"]})
    said_so = {"temperature": 0, "top_p": 0.5, "max_tokens": 7, "seed": 3, "stop": ["a", "b"]}

    await alice.post(PATH, GO_ON)
    await alice.post(PATH, {**GO_ON, "top_p": 0, "stop": "x", "presence_penalty": 0.5})
    await alice.post(PATH, {**GO_ON, **said_so})

    plain, second, third = (request.options for request in worker.taken)
    assert plain == protocol.Options(temperature=1.0, top_p=1.0, stop=("###",))
    assert second == protocol.Options(temperature=1.0, top_p=1.0, presence_penalty=0.5, stop=("x",))
    assert third == protocol.Options(
        temperature=0.0, top_p=0.5, num_predict=7, seed=3, stop=("a", "b")
    )


async def test_thinking_and_chances_have_no_place_in_it(alice: Caller, worker: Worker) -> None:
    await in_thread(make_model)(capabilities=["completion", "thinking"])
    worker.will(*thought("hm"), *said("Yes"), DONE)

    whole = (await alice.post(PATH, {**GO_ON, "logprobs": 5})).json()
    texts = chunks((await alice.post(PATH, {**GO_ON, "stream": True, "logprobs": 5})).text)

    assert whole["choices"] == [{"text": "Yes", "index": 0, "finish_reason": "stop"}]
    assert "".join(each["choices"][0]["text"] for each in texts) == "Yes"
    assert {request.logprobs for request in worker.taken} == {None}


async def test_an_empty_prompt_only_loads_the_model(alice: Caller, model: Model) -> None:
    await hold_ready(model)

    whole = (await alice.post(PATH, {**GO_ON, "prompt": ""})).json()
    (event,) = chunks((await alice.post(PATH, {**GO_ON, "prompt": "", "stream": True})).text)

    loaded = [{"text": "", "index": 0, "finish_reason": "load"}]
    assert whole["choices"] == event["choices"] == loaded
    assert whole["usage"] == NOTHING


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"model": ""}, 404, "model '' not found; you may use: smollm2:135m"),
        ({"model": "absent"}, 404, "model 'absent' not found; you may use: smollm2:135m"),
        ({"model": "a b"}, 400, "invalid model name"),
        (
            {"prompt": ["Once upon"]},
            400,
            "json: cannot unmarshal array into Go struct field"
            " CompletionRequest.prompt of type string",
        ),
        ({"stop": ["a", 1]}, 400, "invalid type for 'stop' field: float64"),
        ({"stop": [None]}, 400, "invalid type for 'stop' field: <nil>"),
        ({"stop": [{}]}, 400, "invalid type for 'stop' field: map[string]interface {}"),
        ({"logprobs": 21}, 400, "top_logprobs must be between 0 and 20"),
        (
            {"suffix": "x"},
            400,
            "registry.ollama.ai/library/smollm2:135m does not support insert",
        ),
    ],
)
async def test_what_cannot_be_done_is_said_in_their_shape(
    alice: Caller, model: Model, worker: Worker, change: dict[str, Any], status: int, sentence: str
) -> None:
    response = await alice.post(PATH, {**GO_ON, **change})

    kind = {400: "invalid_request_error", 404: "not_found_error"}[status]
    error = {"message": sentence, "type": kind, "param": None, "code": None}
    assert (response.status_code, response.json()) == (status, {"error": error})
    assert worker.taken == []


async def test_a_model_that_only_measures_texts_goes_on_with_none(alice: Caller) -> None:
    await in_thread(make_model)(capabilities=["embedding"])

    response = await alice.post(PATH, GO_ON)

    message = '"smollm2:135m" does not support generate'
    assert (response.status_code, response.json()["error"]["message"]) == (400, message)
