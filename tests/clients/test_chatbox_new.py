"""ChatBox of today, with the libraries that are in it: the check cases of its generation, each by
its number. Those that are proved elsewhere are named in chatbox_cases.py.
"""

import json
from collections.abc import Callable
from math import hypot
from typing import Any

import httpx
import pytest

from tests.clients import script
from tests.clients.conftest import Seen
from tests.clients.living import FOREIGN_PAGE, SLOTS, WAITING, Living


@pytest.fixture(scope="module")
def seen(observed: Callable[..., Seen]) -> Seen:
    return observed(
        "chatbox.mjs",
        PORTAL_CROWD=str(SLOTS + WAITING),
        PORTAL_FRAGILE=script.FRAGILE["new chatbox"],
    )


def gave(seen: Seen, case: str) -> Any:
    assert "gave" in seen[case], seen[case]
    return seen[case]["gave"]


def test_case_12_the_placeholder_key_is_none_and_a_wrong_one_is_told(
    seen: Seen, living: Living
) -> None:
    told = gave(seen, "case 12")
    asked = {
        "Origin": FOREIGN_PAGE,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    preflight = httpx.options(f"{living.address}/v1/models", headers=asked)

    assert script.PLAIN in told["placeholder"]["ids"]
    assert told["wrong"]["status"] == 401
    assert set(told["wrong"]["body"]["error"]) == {"message", "type", "param", "code"}
    assert preflight.status_code == httpx.codes.NO_CONTENT
    assert preflight.headers["Access-Control-Allow-Origin"] == FOREIGN_PAGE
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]


def test_case_13_a_stream_is_read_to_its_end_and_its_usage_shown(seen: Seen) -> None:
    told = gave(seen, "case 13")

    assert told["text"] == script.ANSWER
    assert told["errors"] == []
    assert told["finish"]["reason"] == "stop"
    assert told["finish"]["usage"]["outputTokens"] > 0
    (request,) = told["requests"]
    assert request["url"].endswith("/v1/chat/completions")
    assert "stream_options" not in request["body"]


def test_case_13_every_chunk_has_choices_and_usage_is_in_the_last(living: Living) -> None:
    body = {
        "model": script.PLAIN,
        "messages": [{"role": "user", "content": script.WIDE_QUESTION}],
        "stream": True,
    }
    answer = httpx.post(f"{living.in_path}/v1/chat/completions", json=body, timeout=60)

    *events, done = [each for each in answer.text.split("\n\n") if each.startswith("data: ")]
    chunks = [json.loads(each.removeprefix("data: ")) for each in events]
    assert done == "data: [DONE]"
    assert answer.text.isascii()
    assert all(chunk["choices"] for chunk in chunks)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert not [chunk for chunk in chunks[:-1] if "usage" in chunk]


def test_case_14_without_the_word_stream_the_answer_is_one_object(seen: Seen) -> None:
    told = gave(seen, "case 14")

    assert told["text"] == script.ANSWER
    assert "stream" not in told["sent"]
    assert told["usage"]["outputTokens"] > 0


@pytest.mark.parametrize("template", ["tags", "halfOpen"])
def test_case_15_what_was_thought_comes_first_and_apart(seen: Seen, template: str) -> None:
    told = gave(seen, "case 15")[template]

    assert told["reasoning"].strip() == script.THOUGHT
    assert told["text"].strip() == "Seine."
    assert told["kinds"].index("reasoning-delta") < told["kinds"].index("text-delta")


def test_case_16_a_tool_is_called_run_and_its_result_answered(seen: Seen) -> None:
    told = gave(seen, "case 16")

    assert told["calls"] == [{"name": "get_weather", "input": {"city": "Paris"}}]
    assert told["text"].endswith(script.WEATHER_TOLD)
    assert told["errors"] == []
    first, second = told["requests"]
    assert first["body"]["tool_choice"] == "auto"
    assert second["body"]["messages"][-1]["role"] == "tool"


@pytest.mark.parametrize(
    ("model", "can"),
    [
        ("plain", {"text": True, "vision": False, "tools": False}),
        ("seer", {"text": True, "vision": True, "tools": False}),
        ("thinker", {"text": True, "vision": False, "tools": True}),
    ],
)
def test_case_17_the_check_of_a_model_tells_the_truth(
    seen: Seen, model: str, can: dict[str, bool]
) -> None:
    verdicts = gave(seen, "case 17")[model]

    assert {name: verdict["passed"] for name, verdict in verdicts.items()} == can
    refusals = [error for verdict in verdicts.values() for error in verdict["errors"]]
    assert {error["status"] for error in refusals} == {400}


def test_case_19_a_text_that_is_too_long_is_told_and_not_sent_again(seen: Seen) -> None:
    told = gave(seen, "case 19, too long")

    (error,) = told["errors"]
    assert error["status"] == 400
    assert json.loads(error["body"])["error"]["code"] == "context_length_exceeded"
    assert len(told["requests"]) == 1


def test_case_19_who_must_wait_is_told_how_long_and_does_not_ask_again(seen: Seen) -> None:
    told = gave(seen, "case 19, too much")

    (error,) = told["errors"]
    (request,) = told["requests"]
    assert error["status"] == 429
    assert json.loads(error["body"])["error"]["message"]
    assert int(request["retryAfter"]) > 0


@pytest.mark.threat("C20")
def test_case_20_a_worker_that_dies_in_the_middle_is_an_error_and_no_clean_end(
    seen: Seen,
) -> None:
    told = gave(seen, "case 20")

    assert told["text"]
    assert script.HALF.startswith(told["text"])
    assert len(told["errors"]) == 1
    assert told["errors"][0]["message"]
    assert told["finish"] is None or told["finish"]["reason"] == "error"


def test_case_21_five_hundred_texts_become_vectors_in_their_order(seen: Seen) -> None:
    told = gave(seen, "case 21")

    assert set(told["formats"]) == {"float"}
    wanted = [(count / hypot(count, 1), 1 / hypot(count, 1)) for count in range(1, 501)]
    got = [(vector[ord("a") % 8], vector[ord("b") % 8]) for vector in told["embeddings"]]
    assert [number for pair in got for number in pair] == pytest.approx(
        [number for pair in wanted for number in pair], abs=1e-6
    )


def test_case_22_addresses_without_v1_do_the_same(seen: Seen) -> None:
    told = gave(seen, "case 22")

    assert told["typed"]["text"] == told["old"]["text"] == script.ANSWER
    assert told["old"]["requests"][0]["url"].endswith("/chat/completions")
    assert "/v1/" not in told["old"]["requests"][0]["url"]
    assert script.PLAIN in told["list"]["ids"]


@pytest.mark.threat("F13")
def test_the_stop_button_leaves_nothing_running(seen: Seen, living: Living) -> None:
    assert gave(seen, "stop")["hasBegun"]
    living.is_at_rest()
