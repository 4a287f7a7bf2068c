"""Vectors and scores for programs, as Ollama's, OpenAI's and llama-server's clients know them."""

import asyncio
import base64
import json
import math
import struct
from array import array
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import protocol
from portal.api import embedding, vectors
from portal.catalog.models import Model
from portal.chat import actions, endings, prompts
from portal.chat.models import Generation, State
from portal.streams.deltas import Delta
from tests.api.conftest import (
    Caller,
    Worker,
    in_thread,
    make_model,
    make_person,
    make_secret,
    until,
)

STATS = protocol.Stats(prompt_tokens=8, load_ns=1_019_500, prompt_ns=5)
DONE = protocol.End(why="done", stats=STATS)
NAME = "all-minilm:latest"
SKY = "why is the sky blue?"


def packed(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def told(*values: bytes, first: int = 0) -> protocol.Vectors:
    return protocol.Vectors(first=first, vectors=values)


@pytest.fixture
async def minilm(alice: Caller) -> Model:
    made: Model = await in_thread(make_model)(NAME, capabilities=["embedding"], family="bert")
    return made


@pytest.fixture
async def ranker(alice: Caller) -> Model:
    made: Model = await in_thread(make_model)("ranker:latest", capabilities=["embedding", "rerank"])
    return made


# ── /api/embed ──────────────────────────────────────────────────────────────────────────────────


async def test_a_text_becomes_a_vector_of_length_one_with_the_counters_behind_it(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    worker.will(told(packed(3.0, 0.0, -4.0)), DONE)

    response = await alice.post("/api/embed", {"model": "all-minilm", "input": SKY})

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.text.startswith('{"model":"all-minilm","embeddings":[[0.6,0,-0.8]],"total_')
    assert not response.text.endswith("\n")
    assert list(response.json()) == [
        *("model", "embeddings", "total_duration", "load_duration", "prompt_eval_count")
    ]
    assert response.json()["prompt_eval_count"] == 8
    (request,) = worker.taken
    assert request.inputs == (SKY,)
    assert request.messages == ()
    assert request.model.task == "embed"
    assert request.lane == "api"
    assert request.truncate is True
    assert request.max_input_tokens is None


async def test_many_inputs_keep_their_order_over_many_events(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    rows = [packed(float(number), 1.0) for number in range(130)]
    steps = [told(*rows[at : at + 64], first=at) for at in range(0, 130, 64)]
    worker.will(*steps, DONE)

    response = await alice.post("/api/embed", {"model": NAME, "input": ["x"] * 130})

    found = response.json()["embeddings"]
    assert len(found) == 130
    for number, (first, second) in enumerate(found):
        assert first == pytest.approx(number / math.hypot(number, 1), abs=1e-6)
        assert math.hypot(first, second) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("nothing", [{}, {"input": None}, {"input": ""}, {"input": []}])
async def test_no_input_at_all_is_answered_without_a_worker(
    alice: Caller, minilm: Model, nothing: dict[str, Any]
) -> None:
    response = await alice.post("/api/embed", {"model": "all-minilm", **nothing})

    assert response.text == '{"model":"all-minilm","embeddings":[]}'


async def test_an_empty_text_in_a_list_is_a_text(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    worker.will(told(packed(1.0)), DONE)

    await alice.post("/api/embed", {"model": NAME, "input": [""]})

    assert worker.taken[0].inputs == ("",)


@pytest.mark.threat("F24")
@pytest.mark.parametrize(
    "given_input", [7, True, {"text": "x"}, ["x", 1], [[1, 2]], [-1], [2**31], [None]]
)
async def test_what_is_no_text_is_refused_and_token_numbers_with_it(
    alice: Caller, minilm: Model, given_input: Any
) -> None:
    native = await alice.post("/api/embed", {"model": NAME, "input": given_input})
    openai = await alice.post("/v1/embeddings", {"model": NAME, "input": given_input})

    assert (native.status_code, native.json()) == (400, {"error": "invalid input type"})
    assert openai.status_code == 400
    assert openai.json()["error"]["message"] == "invalid input type"


@pytest.mark.threat("F24")
@pytest.mark.parametrize("path", ["/api/embed", "/v1/embeddings"])
async def test_ten_thousand_inputs_are_refused(alice: Caller, minilm: Model, path: str) -> None:
    response = await alice.post(path, {"model": NAME, "input": ["x"] * 10_000})

    assert response.status_code == 400
    assert "at most 2048" in response.text
    assert await Generation.objects.acount() == 0


@pytest.mark.parametrize(
    ("dimensions", "expected"),
    [(2, [0.6, 0.8]), (3, [0.36, 0.48, 0.8]), (99, [0.36, 0.48, 0.8]), (0, None), (-1, None)],
)
async def test_fewer_dimensions_are_cut_and_made_one_again_and_more_are_not_invented(
    alice: Caller, minilm: Model, worker: Worker, dimensions: int, expected: list[float] | None
) -> None:
    worker.will(told(packed(3.6, 4.8, 8.0)), DONE)

    body = {"model": NAME, "input": "x", "dimensions": dimensions}
    response = await alice.post("/api/embed", body)

    assert response.json()["embeddings"][0] == pytest.approx(expected or [0.36, 0.48, 0.8])


async def test_num_ctx_bounds_the_inputs_and_truncate_travels_along(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    worker.will(told(packed(1.0)), DONE)

    for num_ctx in (3, -5, 10**15):
        body = {"model": NAME, "input": SKY, "truncate": False, "options": {"num_ctx": num_ctx}}
        await alice.post("/api/embed", body)

    assert [request.max_input_tokens for request in worker.taken] == [3, 0, 2**31]
    assert not any(request.truncate for request in worker.taken)
    assert len({request.model.queue for request in worker.taken}) == 1


@pytest.mark.parametrize(
    ("detail", "message"),
    [
        ("too-long", "the input length exceeds the context length"),
        ("embedding", "input after truncation exceeds maximum context length"),
    ],
)
async def test_an_input_that_cannot_be_used_fails_the_call_in_their_words(
    alice: Caller, minilm: Model, worker: Worker, detail: str, message: str
) -> None:
    worker.will(told(packed(1.0)), protocol.End(why="failed", detail=detail))

    response = await alice.post("/api/embed", {"model": NAME, "input": ["x", "y"]})

    assert (response.status_code, response.json()) == (400, {"error": message})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_a_vector_that_json_has_no_word_for_is_refused(
    alice: Caller, minilm: Model, worker: Worker, value: float
) -> None:
    worker.will(told(packed(1.0, value)), DONE)

    # Cut off or not: what is broken is not passed on in part.
    response = await alice.post("/api/embed", {"model": NAME, "input": "x", "dimensions": 1})

    assert response.status_code == 400
    assert response.json() == {"error": "embedding contains NaN or Inf values"}


@pytest.mark.parametrize(
    ("path", "name", "status", "message"),
    [
        ("/api/embed", "", 404, "model '' not found"),
        ("/api/embed", "no such name!", 400, "invalid model name"),
        ("/api/embed", "gone", 404, 'model "gone" not found, try pulling it first'),
        ("/api/embeddings", "", 400, "model is required"),
        ("/api/embeddings", "no such name!", 400, "invalid model name"),
        ("/api/embeddings", "gone", 404, 'model "gone" not found, try pulling it first'),
        ("/v1/embeddings", "gone", 404, 'model "gone" not found, try pulling it first'),
    ],
)
async def test_a_model_that_is_not_there_is_told_in_the_words_of_its_door(
    alice: Caller, minilm: Model, path: str, name: str, status: int, message: str
) -> None:
    response = await alice.post(path, {"model": name, "input": "x", "prompt": "x"})

    error = response.json()["error"]
    assert response.status_code == status
    assert (error if isinstance(error, str) else error["message"]) == message


@pytest.mark.threat("B16")
@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings", "/v1/embeddings"])
async def test_a_model_of_others_looks_as_if_it_were_not_there(alice: Caller, path: str) -> None:
    await in_thread(make_model)("secret:latest", is_for_everyone=False)

    body = {"model": "secret", "input": "x", "prompt": "x"}
    hidden = await alice.post(path, body)
    absent = await alice.post(path, {**body, "model": "absent"})

    assert hidden.status_code == absent.status_code == 404
    assert hidden.text == absent.text.replace("absent", "secret")


@pytest.mark.threat("B15")
@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings", "/v1/embeddings", "/v1/rerank"])
async def test_a_key_that_is_not_for_embeddings_makes_none(
    alice: Caller, minilm: Model, path: str
) -> None:
    person = await in_thread(make_person)("carol@example.com")
    secret = await in_thread(make_secret)(person, scopes=["chat"])

    response = await alice.http.post(
        path, json={"model": NAME, "input": "x"}, headers={"Authorization": f"Bearer {secret}"}
    )

    assert response.status_code == 403
    assert "embeddings" in response.text


async def test_a_model_made_for_chat_embeds_too_beside_its_answers(
    alice: Caller, model: Model, worker: Worker
) -> None:
    worker.will(told(packed(0.0, 2.0)), DONE)

    response = await alice.post("/api/embed", {"model": model.name, "input": "x"})

    assert response.json()["embeddings"] == [[0, 1]]
    assert worker.taken[0].model.task == "embed"


async def test_a_model_that_embeds_does_not_chat(alice: Caller, minilm: Model) -> None:
    body = {"model": "all-minilm", "messages": [{"role": "user", "content": "Hello"}]}

    response = await alice.post("/api/chat", body)

    assert response.status_code == 400
    assert response.json() == {"error": '"all-minilm" does not support chat'}


async def test_the_parts_of_a_body_are_checked_in_the_words_of_go(
    alice: Caller, minilm: Model
) -> None:
    wrong = await alice.post("/api/embed", {"model": NAME, "input": "x", "truncate": "no"})
    empty = await alice.http.post("/api/embed", content=b"", headers=alice.headers)
    option = await alice.post(
        "/api/embed", {"model": NAME, "input": "x", "options": {"num_ctx": "many"}}
    )

    assert wrong.json() == {
        "error": "json: cannot unmarshal string into Go struct field"
        " EmbedRequest.truncate of type bool"
    }
    assert empty.json() == {"error": "missing request body"}
    assert option.json() == {"error": 'option "num_ctx" must be of type integer'}


# ── /api/embeddings ─────────────────────────────────────────────────────────────────────────────


async def test_the_older_door_gives_the_vector_as_it_is_in_the_digits_of_doubles(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    worker.will(told(packed(0.06642947, -3.0, 1e-7)), DONE)

    response = await alice.post("/api/embeddings", {"model": "all-minilm", "prompt": SKY})

    assert response.text == '{"embedding":[0.06642947345972061,-3,1.0000000116860974e-7]}'


async def test_the_older_door_without_a_prompt_only_loads(alice: Caller, minilm: Model) -> None:
    response = await alice.post("/api/embeddings", {"model": "all-minilm", "keep_alive": "5m"})

    assert response.text == '{"embedding":[]}'


async def test_the_older_door_calls_every_failure_of_the_engine_its_own(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    worker.will(protocol.End(why="failed", detail="embedding"))

    response = await alice.post("/api/embeddings", {"model": NAME, "prompt": "x"})

    assert response.status_code == 500


# ── /v1/embeddings ──────────────────────────────────────────────────────────────────────────────


async def test_the_dialect_of_openai_numbers_the_vectors_and_counts_tokens(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    worker.will(told(packed(2.0, 0.0), packed(0.0, -1.0)), DONE)

    response = await alice.post("/v1/embeddings", {"model": "all-minilm", "input": ["a", "b"]})

    assert response.text == (
        '{"object":"list","data":['
        '{"object":"embedding","embedding":[1,0],"index":0},'
        '{"object":"embedding","embedding":[0,-1],"index":1}],'
        '"model":"all-minilm","usage":{"prompt_tokens":8,"total_tokens":8}}\n'
    )


async def test_five_hundred_inputs_keep_their_order(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    rows = [packed(1.0, float(number)) for number in range(500)]
    worker.will(*[told(*rows[at : at + 64], first=at) for at in range(0, 500, 64)], DONE)
    body = {"model": NAME, "input": ["x"] * 500, "encoding_format": "float"}

    data = (await alice.post("/v1/embeddings", body)).json()["data"]

    assert [item["index"] for item in data] == list(range(500))
    slopes = [item["embedding"][1] / item["embedding"][0] for item in data]
    assert slopes == pytest.approx(range(500), rel=1e-5)


@pytest.mark.parametrize("coding", ["base64", "BASE64"])
async def test_base64_is_the_same_numbers_in_little_endian(
    alice: Caller, minilm: Model, worker: Worker, coding: str
) -> None:
    worker.will(told(packed(3.0, 4.0)), DONE)
    body = {"model": NAME, "input": SKY, "encoding_format": coding}

    (item,) = (await alice.post("/v1/embeddings", body)).json()["data"]

    assert base64.b64decode(item["embedding"]) == packed(0.6, 0.8)


async def test_what_openai_clients_get_wrong_is_told_in_ollamas_words(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    worker.will(told(packed(1.0)), DONE)
    coding = await alice.post(
        "/v1/embeddings", {"model": NAME, "input": "x", "encoding_format": "hex"}
    )
    none = await alice.post("/v1/embeddings", {"model": NAME})
    empty = await alice.post("/v1/embeddings", {"model": NAME, "input": []})
    blank = await alice.post("/v1/embeddings", {"model": NAME, "input": ""})

    assert coding.status_code == none.status_code == empty.status_code == 400
    assert coding.json()["error"] == {
        "message": "Invalid value for 'encoding_format' = hex."
        " Supported values: ['float', 'base64'].",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    assert none.json()["error"]["message"] == "invalid input"
    assert empty.json()["error"]["message"] == "invalid input"
    assert blank.status_code == 200
    assert worker.taken[0].inputs == ("",)


@pytest.mark.parametrize("path", ["/embeddings", "/v1/v1/embeddings", "/api/v1/embeddings"])
async def test_addresses_that_clients_make_up_find_the_door(
    alice: Caller, minilm: Model, worker: Worker, path: str
) -> None:
    worker.will(told(packed(1.0)), DONE)

    response = await alice.post(path, {"model": NAME, "input": "x"})

    assert response.status_code == 200


# ── /v1/rerank ──────────────────────────────────────────────────────────────────────────────────


async def test_documents_are_ranked_best_first_under_their_own_numbers(
    alice: Caller, ranker: Model, worker: Worker
) -> None:
    worker.will(protocol.Scores(scores=(-1.5, 4.25, 0.5)), DONE)
    body = {"model": "ranker", "query": "q", "documents": ["a", {"text": "b"}, "c"], "top_n": 2}

    response = await alice.post("/v1/rerank", body)

    assert response.text == (
        '{"model":"ranker","object":"list","usage":{"prompt_tokens":8,"total_tokens":8},'
        '"results":[{"index":1,"relevance_score":4.25},{"index":2,"relevance_score":0.5}]}\n'
    )
    (request,) = worker.taken
    assert (request.query, request.inputs) == ("q", ("a", "b", "c"))
    assert request.model.task == "rerank"


async def test_only_models_that_rank_are_asked_to_and_those_give_no_vectors(
    alice: Caller, minilm: Model, ranker: Model
) -> None:
    ranking = {"query": "q", "documents": ["a"]}
    by_minilm = await alice.post("/v1/rerank", {"model": "all-minilm", **ranking})
    vector = await alice.post("/api/embed", {"model": "ranker", "input": "x"})
    bare = await alice.post("/v1/rerank", {"model": "ranker", "query": "q", "documents": []})
    nameless = await alice.post("/v1/rerank", ranking)

    assert nameless.json()["error"]["message"] == "model is required"
    assert by_minilm.status_code == vector.status_code == bare.status_code == 400
    assert by_minilm.json()["error"]["message"] == '"all-minilm" does not support reranking'
    assert vector.json() == {"error": '"ranker" does not support embeddings'}


# ── The road ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.threat("F13")
async def test_a_client_that_goes_away_stops_it_at_once(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    worker.will(told(packed(1.0)), asyncio.Event(), DONE)
    wish = embedding.Wish(model_name=NAME, texts=["x", "y"])
    asking = asyncio.create_task(embedding.measure(alice.person, wish))
    await until(lambda: worker.taken)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    await until(lambda: worker.stopped)


async def test_vectors_are_never_stored_and_the_row_ends_like_any_other(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    worker.will(told(packed(1.0)), DONE)

    await alice.post("/api/embed", {"model": NAME, "input": "canary text"})

    row = await Generation.objects.aget()
    assert (row.door, row.text, row.thinking) == ("api", "", "")
    assert row.request["inputs"]["texts"] == ["canary text"]


async def test_what_a_lost_attempt_gave_is_forgotten_when_the_next_begins_anew(
    alice: Caller, minilm: Model
) -> None:
    collected = embedding.Collected(expected=2, task="embed")

    collected.add(Delta(attempt=1, first=1, last=2, results=(told(packed(9.0)),)))
    collected.add(Delta(attempt=2, first=1, last=2, results=(told(packed(1.0)),)))
    late = collected.add(Delta(attempt=1, first=3, last=3, results=(told(packed(9.0), first=1),)))
    collected.add(Delta(attempt=2, first=3, last=3, results=(told(packed(2.0), first=1),)))
    end = collected.add(Delta(attempt=2, first=4, last=4, end=DONE))

    assert late == []
    assert end == [DONE]
    assert collected.values == [packed(1.0), packed(2.0)]


@pytest.mark.threat("G2")
@pytest.mark.parametrize("steps", [[], [told(packed(1.0))], [told(packed(1.0), first=1)]])
async def test_an_end_that_comes_without_all_vectors_is_told_as_a_loss(
    alice: Caller, minilm: Model, worker: Worker, steps: list[protocol.Event]
) -> None:
    worker.will(*steps, DONE)

    response = await alice.post("/api/embed", {"model": NAME, "input": ["x", "y"]})

    assert response.status_code == 500
    assert "lost" in response.json()["error"]


@pytest.mark.threat("F4")
async def test_the_next_attempt_asks_for_the_same_texts(alice: Caller, minilm: Model) -> None:
    def queue() -> protocol.Request:
        row = actions.measure_texts(
            alice.person,
            model_name=NAME,
            task="embed",
            inputs=prompts.Inputs(texts=("a", "b"), truncate=False, max_tokens=5),
            client_key=uuid4(),
        )
        assert endings.try_again(row.id, attempt=1, deaths=1)
        return prompts.request_of(Generation.objects.get(id=row.id))

    again = await in_thread(queue)()

    assert (again.attempt, again.deaths) == (2, 1)
    assert again.inputs == ("a", "b")
    assert (again.truncate, again.max_input_tokens) == (False, 5)
    assert (await Generation.objects.aget()).state == State.QUEUED


# ── Numbers ─────────────────────────────────────────────────────────────────────────────────────


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_every_number_reads_back_as_itself(value: float) -> None:
    written = vectors.shortest(value)

    assert array("f", [json.loads(written)])[0] == value
    assert "e+" not in written or abs(value) >= 1e21


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.1, "0.1"),
        (0.06642947345972061, "0.06642947"),
        (-1.0, "-1"),
        (0.0, "0"),
        (-0.0, "-0"),
        (0.00001, "0.00001"),
        (1e-7, "1e-7"),
        (16777216.0, "16777216"),
        (3.4028234663852886e38, "3.4028235e+38"),
    ],
)
def test_numbers_are_written_as_go_writes_32_bits(value: float, written: str) -> None:
    (single,) = struct.unpack("<f", struct.pack("<f", value))

    assert vectors.shortest(single) == written


def test_a_vector_of_nothing_but_zeros_stays_what_it_is() -> None:
    zeros = vectors.read(packed(0.0, 0.0))

    assert list(vectors.normalised(zeros, dimensions=0)) == [0.0, 0.0]


@pytest.mark.threat("B10")
async def test_fields_of_ours_in_a_body_change_nothing(
    alice: Caller, minilm: Model, worker: Worker
) -> None:
    worker.will(told(packed(1.0)), DONE)
    ours = {
        **dict.fromkeys(set(protocol.Request.__struct_fields__) - {"truncate", "options"}, "x"),
        **dict.fromkeys(("owner", "door", "state", "task", "weights", "adapters"), 7),
    }

    response = await alice.post("/api/embed", {**ours, "model": NAME, "input": "x"})

    assert response.status_code == 200
    (request,) = worker.taken
    assert (request.person, request.lane) == (alice.person.id.hex, "api")
    assert (request.attempt, request.deaths, request.query) == (1, 0, "")


WILD: tuple[Any, ...] = (-1, 0, 2**63, 10**400, 1e308, -1e308, "NaN", [], {}, True)


@pytest.mark.threat("F6")
@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings", "/v1/embeddings", "/v1/rerank"])
async def test_values_out_of_all_bounds_are_refused_or_bounded(
    alice: Caller, minilm: Model, ranker: Model, worker: Worker, path: str
) -> None:
    is_ranking = path == "/v1/rerank"
    worker.will(*([protocol.Scores(scores=(1.0,))] if is_ranking else [told(packed(1.0))]), DONE)
    model_name = "ranker" if is_ranking else NAME
    body: dict[str, Any] = {"model": model_name, "input": "x", "prompt": "x"}
    body |= {"query": "q", "documents": ["d"]}

    for name in ("dimensions", "top_n", "num_ctx", "keep_alive", "truncate"):
        for value in WILD:
            more = {"options": {name: value}} if name == "num_ctx" else {name: value}
            response = await alice.post(path, {**body, **more})

            # 500 is their word for an option of a wrong kind.
            is_known = response.status_code in (200, 400) or "must be of type" in response.text
            assert is_known, (name, value, response.text)
