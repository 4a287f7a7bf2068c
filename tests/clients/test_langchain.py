"""`langchain-ollama` does its ordinary work against a living portal."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import ollama
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from pydantic import BaseModel

from tests.clients import script
from tests.clients.living import Living
from tests.clients.wants import PICTURE


class Facts(BaseModel):
    """Facts about a city."""

    city: str
    people: int


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"Rain in {city}"


Make = Callable[..., Any]


@pytest.fixture
async def make(living: Living) -> AsyncIterator[Make]:
    """One of its classes, towards the portal. It leaves its connections open; here they end."""
    made: list[Any] = []

    def make(kind: type[Any], model: str = script.PLAIN, **more: Any) -> Any:
        made.append(
            kind(
                model=model,
                base_url=living.address,
                client_kwargs={"headers": living.headers()},
                **more,
            )
        )
        return made[-1]

    yield make
    for each in made:
        each._client.close()
        await each._async_client.close()


def test_a_model_is_looked_for_before_it_is_used(make: Make) -> None:
    model = make(ChatOllama, validate_model_on_init=True)

    assert model.invoke(script.QUESTION).text == script.ANSWER


def test_an_answer_comes_piece_by_piece_with_its_counters(make: Make) -> None:
    parts = list(make(ChatOllama).stream(script.WIDE_QUESTION))

    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    assert whole.text == script.WIDE
    assert isinstance(whole, AIMessage)
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] > 0
    assert whole.response_metadata["done_reason"] == "stop"


async def test_the_same_without_blocking(make: Make) -> None:
    answer = await make(ChatOllama).ainvoke(script.QUESTION)

    assert answer.text == script.ANSWER


def test_a_tool_is_called_and_its_result_answered(make: Make) -> None:
    model = make(ChatOllama, script.THINKER).bind_tools([get_weather])

    first = model.invoke(script.WEATHER)
    (call,) = first.tool_calls
    second = model.invoke(
        [
            HumanMessage(script.WEATHER),
            first,
            ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]),
        ]
    )

    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    assert second.text == script.WEATHER_TOLD


def test_thinking_stands_apart_from_the_answer(make: Make) -> None:
    answer = make(ChatOllama, script.THINKER, reasoning=True).invoke("Think about Paris")

    assert answer.text == "Seine."
    assert answer.additional_kwargs["reasoning_content"] == script.THOUGHT


def test_an_answer_becomes_an_object_of_a_class(make: Make) -> None:
    structured = make(ChatOllama).with_structured_output(Facts, method="json_schema")

    assert structured.invoke(script.AS_JSON) == Facts.model_validate(script.FACTS)


def test_a_picture_is_looked_at(make: Make) -> None:
    message = HumanMessage(
        [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": f"data:image/png;base64,{PICTURE}"},
        ]
    )

    assert make(ChatOllama, script.SEER).invoke([message]).text == script.SEEN


def test_texts_become_vectors(make: Make) -> None:
    embeddings = make(OllamaEmbeddings, script.EMBEDDER)

    one, two = embeddings.embed_documents(["one", "two"])

    assert embeddings.embed_query("one") == one != two


def test_a_prompt_is_completed(make: Make) -> None:
    assert make(OllamaLLM).invoke(script.QUESTION) == script.ANSWER


def test_what_cannot_be_done_is_an_error_with_its_words(make: Make) -> None:
    with pytest.raises(ollama.ResponseError, match=f'"{script.EMBEDDER}" does not support chat'):
        make(ChatOllama, script.EMBEDDER).invoke("Hi")


@pytest.mark.threat("F13")
def test_who_stops_reading_leaves_nothing_running(make: Make, living: Living) -> None:
    stream = make(ChatOllama).stream(script.LONG)

    assert next(iter(stream)) is not None
    del stream

    living.is_at_rest()
