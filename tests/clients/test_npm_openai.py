"""The npm package `openai` does its ordinary work against a living portal."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients import script
from tests.clients.conftest import Seen
from tests.clients.living import Living


@pytest.fixture(scope="module")
def seen(observed: Callable[..., Seen]) -> Seen:
    return observed("openai.mjs", PORTAL_FRAGILE=script.FRAGILE["openai.mjs"])


def gave(seen: Seen, step: str) -> Any:
    assert "gave" in seen[step], seen[step]
    return seen[step]["gave"]


def test_it_lists_models_and_finds_one(seen: Seen) -> None:
    assert {script.PLAIN, script.THINKER} <= set(gave(seen, "list"))
    assert gave(seen, "retrieve") == script.PLAIN


def test_an_answer_comes_whole_with_its_usage(seen: Seen) -> None:
    completion = gave(seen, "chat")

    (choice,) = completion["choices"]
    assert choice["message"] == {"role": "assistant", "content": script.ANSWER}
    assert choice["finish_reason"] == "stop"
    assert completion["usage"]["completion_tokens"] > 0


def test_an_answer_comes_piece_by_piece_and_usage_where_it_was_asked_for(seen: Seen) -> None:
    *said, last = gave(seen, "stream")

    told = [chunk["choices"][0]["delta"].get("content", "") for chunk in said]
    assert "".join(told) == script.WIDE
    assert said[-1]["choices"][0]["finish_reason"] == "stop"
    assert (last["choices"], last["usage"]["total_tokens"] > 0) == ([], True)


def test_a_tool_is_run_by_the_package_itself(seen: Seen) -> None:
    assert gave(seen, "tools, by themselves") == {
        "answer": script.WEATHER_TOLD,
        "roles": ["user", "assistant", "tool", "assistant"],
    }


def test_a_call_is_put_together_from_its_deltas(seen: Seen) -> None:
    choice = gave(seen, "tools, streamed")

    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert call["function"]["name"] == "get_weather"
    assert call["function"]["arguments"] == '{"city":"Paris"}'


def test_thinking_stands_apart_from_the_answer(seen: Seen) -> None:
    message = gave(seen, "thinking")

    assert (message["reasoning_content"], message["content"]) == (script.THOUGHT, "Seine.")


def test_an_answer_becomes_an_object_of_a_shape(seen: Seen) -> None:
    assert gave(seen, "structured") == script.FACTS


def test_a_picture_is_looked_at(seen: Seen) -> None:
    assert gave(seen, "images") == script.SEEN


def test_texts_become_vectors_through_base64(seen: Seen) -> None:
    one, two = (each["embedding"] for each in gave(seen, "embeddings")["data"])

    assert len(one) == 8
    assert sum(number * number for number in one) == pytest.approx(1)
    assert one != two


@pytest.mark.parametrize(
    ("step", "name", "status", "code"),
    [
        ("a model that is not there", "NotFoundError", 404, None),
        ("a key that is none", "AuthenticationError", 401, "invalid_api_key"),
    ],
)
def test_a_refusal_is_an_error_of_its_own(
    seen: Seen, step: str, name: str, status: int, code: str | None
) -> None:
    told = gave(seen, step)

    assert (told["name"], told["status"], told["code"]) == (name, status, code)


def test_an_answer_that_breaks_is_an_error_and_what_was_said_stays(seen: Seen) -> None:
    told = gave(seen, "broken in the middle")

    assert told["said"]
    assert script.HALF.startswith(told["said"])
    assert told["threw"]["message"]


@pytest.mark.threat("F13")
def test_who_stops_reading_leaves_nothing_running(seen: Seen, living: Living) -> None:
    assert gave(seen, "cancel")["hasBegun"]
    living.is_at_rest()
