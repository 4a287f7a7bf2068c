"""The npm package `ollama` does its ordinary work against a living portal."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients import script
from tests.clients.conftest import Seen
from tests.clients.living import Living


@pytest.fixture(scope="module")
def seen(observed: Callable[..., Seen]) -> Seen:
    return observed("ollama.mjs", PORTAL_FRAGILE=script.FRAGILE["ollama.mjs"])


def gave(seen: Seen, step: str) -> Any:
    assert "gave" in seen[step], seen[step]
    return seen[step]["gave"]


def test_it_lists_and_shows_models(seen: Seen) -> None:
    assert {script.PLAIN, script.THINKER} <= set(gave(seen, "list"))
    assert gave(seen, "show")["capabilities"] == ["completion"]
    assert gave(seen, "version")["version"]


def test_an_answer_comes_whole_and_piece_by_piece(seen: Seen) -> None:
    whole = gave(seen, "chat")
    parts = gave(seen, "stream")

    assert whole["message"] == {"role": "assistant", "content": script.ANSWER}
    assert whole["eval_count"] > 0
    assert "".join(part["message"]["content"] for part in parts) == script.WIDE
    assert [part["done"] for part in parts][-2:] == [False, True]


def test_a_prompt_is_completed(seen: Seen) -> None:
    parts = gave(seen, "generate")

    assert "".join(part["response"] for part in parts) == script.ANSWER
    assert parts[-1]["context"]


def test_a_tool_is_called_and_its_result_answered(seen: Seen) -> None:
    told = gave(seen, "tools")

    (call,) = told["calls"]
    assert call["function"] == {"index": 0, "name": "get_weather", "arguments": {"city": "Paris"}}
    assert told["answer"] == script.WEATHER_TOLD


def test_thinking_stands_apart_from_the_answer(seen: Seen) -> None:
    assert gave(seen, "thinking") == {"thinking": script.THOUGHT, "content": "Seine."}


def test_an_answer_keeps_to_a_schema(seen: Seen) -> None:
    assert gave(seen, "structured") == script.FACTS


def test_a_picture_is_looked_at(seen: Seen) -> None:
    assert gave(seen, "images") == script.SEEN


def test_texts_become_vectors_in_their_order(seen: Seen) -> None:
    one, two, again = gave(seen, "embeddings")["embeddings"]

    assert one == again != two


def test_what_is_in_memory_is_listed(seen: Seen) -> None:
    assert script.PLAIN in gave(seen, "loaded")


@pytest.mark.parametrize("step", ["create", "push", "pull"])
def test_a_model_is_made_pushed_and_pulled(seen: Seen, step: str) -> None:
    assert gave(seen, step)[-1] == {"status": "success"}


def test_a_model_is_copied_and_removed(seen: Seen) -> None:
    assert gave(seen, "delete") == {"status": "success"}
    assert gave(seen, "copy") is None


@pytest.mark.parametrize(
    ("step", "status", "words"),
    [
        ("a model that is not there", 404, "model 'nobody' not found"),
        ("a key that is none", 401, "unauthorized"),
        ("a model that does not think", 400, f'"{script.PLAIN}" does not support thinking'),
    ],
)
def test_a_refusal_has_its_status_and_its_words(
    seen: Seen, step: str, status: int, words: str
) -> None:
    told = gave(seen, step)

    assert (told["name"], told["status"]) == ("ResponseError", status)
    assert words in told["message"]


def test_an_answer_that_breaks_is_an_error_and_what_was_said_stays(seen: Seen) -> None:
    told = gave(seen, "broken in the middle")

    assert told["said"]
    assert script.HALF.startswith(told["said"])
    assert told["threw"]["message"]


@pytest.mark.threat("F13")
def test_who_stops_reading_leaves_nothing_running(seen: Seen, living: Living) -> None:
    told = gave(seen, "cancel")

    assert told["hasBegun"]
    assert told["threw"]["name"] == "DOMException"
    living.is_at_rest()
