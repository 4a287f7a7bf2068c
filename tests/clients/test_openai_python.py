"""The Python package `openai` does its ordinary work against a living portal."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.clients import script
from tests.clients.living import Living
from tests.clients.wants import PICTURE, WEATHER


class Facts(BaseModel):
    """What is wanted of an answer."""

    city: str
    people: int


def asked(content: Any) -> Any:
    return [{"role": "user", "content": content}]


def signed_in(living: Living, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{living.address}/v1", api_key=key, max_retries=0)


@pytest.fixture(scope="module")
def client(living: Living) -> Iterator[openai.OpenAI]:
    with signed_in(living, living.keys["alice"]) as client:
        yield client


def test_it_lists_the_models_that_she_may_use(client: openai.OpenAI) -> None:
    listed = {model.id for model in client.models.list()}

    assert {script.PLAIN, script.THINKER, script.EMBEDDER} <= listed
    assert client.models.retrieve(script.PLAIN).owned_by == "library"


def test_an_answer_comes_whole_with_its_usage(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model=script.PLAIN, messages=asked(script.QUESTION))

    (choice,) = completion.choices
    assert (choice.message.content, choice.finish_reason) == (script.ANSWER, "stop")
    assert completion.usage is not None
    assert completion.usage.total_tokens == (
        completion.usage.prompt_tokens + completion.usage.completion_tokens
    )


def test_an_answer_comes_piece_by_piece_and_usage_where_it_was_asked_for(
    client: openai.OpenAI,
) -> None:
    chunks = list(
        client.chat.completions.create(
            model=script.PLAIN,
            messages=asked(script.WIDE_QUESTION),
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    *said, last = chunks
    assert "".join(each.choices[0].delta.content or "" for each in said) == script.WIDE
    assert said[-1].choices[0].finish_reason == "stop"
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0
    assert len({each.id for each in chunks}) == 1


async def test_the_same_without_blocking(living: Living) -> None:
    async with openai.AsyncOpenAI(
        base_url=f"{living.address}/v1", api_key=living.keys["alice"], max_retries=0
    ) as client:
        stream = await client.chat.completions.create(
            model=script.PLAIN, messages=asked(script.QUESTION), stream=True
        )
        said = [chunk.choices[0].delta.content or "" async for chunk in stream]

    assert "".join(said) == script.ANSWER


def test_a_tool_is_called_and_its_result_answered(client: openai.OpenAI) -> None:
    messages = asked(script.WEATHER)
    more: Any = {"model": script.THINKER, "tools": [WEATHER]}

    with client.chat.completions.stream(messages=messages, **more) as stream:
        first = stream.get_final_completion().choices[0]
    (call,) = first.message.tool_calls or []
    messages += [
        first.message.model_dump(include={"role", "content", "tool_calls"}),
        {"role": "tool", "content": "Rain", "tool_call_id": call.id},
    ]
    second = client.chat.completions.create(messages=messages, **more)

    assert first.finish_reason == "tool_calls"
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"Paris"}')
    assert second.choices[0].message.content == script.WEATHER_TOLD


def test_thinking_stands_apart_from_the_answer(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model=script.THINKER, messages=asked("Think about Paris"), reasoning_effort="high"
    )

    message = completion.choices[0].message
    assert message.content == "Seine."
    assert message.model_extra is not None
    assert message.model_extra["reasoning_content"] == script.THOUGHT


def test_an_answer_becomes_an_object_of_a_class(client: openai.OpenAI) -> None:
    completion = client.chat.completions.parse(
        model=script.PLAIN, messages=asked(script.AS_JSON), response_format=Facts
    )

    assert completion.choices[0].message.parsed == Facts.model_validate(script.FACTS)


def test_chances_of_tokens_are_told(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model=script.PLAIN, messages=asked(script.QUESTION), logprobs=True, top_logprobs=2
    )

    told = completion.choices[0].logprobs
    assert told is not None
    assert told.content is not None
    assert "".join(each.token for each in told.content) == script.ANSWER
    assert all(len(each.top_logprobs) == 2 for each in told.content)


def test_a_picture_is_looked_at(client: openai.OpenAI) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
    ]

    completion = client.chat.completions.create(model=script.SEER, messages=asked(content))

    assert completion.choices[0].message.content == script.SEEN


def test_texts_become_vectors_in_their_order(client: openai.OpenAI) -> None:
    """It asks for base64 by itself, and turns it into numbers again."""
    made = client.embeddings.create(model=script.EMBEDDER, input=["one", "two", "one"])
    plain = client.embeddings.create(model=script.EMBEDDER, input="one", encoding_format="float")

    one, two, again = (each.embedding for each in made.data)
    assert one == again != two
    assert one == pytest.approx(plain.data[0].embedding)
    assert [each.index for each in made.data] == [0, 1, 2]
    assert made.usage.prompt_tokens > 0


def test_a_model_that_is_not_there_is_an_error_with_the_names_of_the_others(
    client: openai.OpenAI,
) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="nobody", messages=asked("Hi"))

    assert script.PLAIN in refused.value.message
    assert refused.value.type == "not_found_error"


def test_a_wrong_key_is_an_error_of_its_own(living: Living) -> None:
    with (
        signed_in(living, f"pk_{'w' * 43}") as stranger,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        stranger.models.list()

    assert refused.value.code == "invalid_api_key"


def test_a_text_that_is_too_long_says_so_by_its_code(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=script.PLAIN, messages=asked("word " * 40_000))

    assert refused.value.code == "context_length_exceeded"


def test_an_answer_that_breaks_is_an_error_and_what_was_said_stays(
    client: openai.OpenAI,
) -> None:
    said: list[str] = []
    chunks = client.chat.completions.create(
        model=script.FRAGILE["openai"], messages=asked(script.BREAKS), stream=True
    )

    with pytest.raises(openai.APIError):
        said.extend(chunk.choices[0].delta.content or "" for chunk in chunks)

    assert "".join(said)
    assert script.HALF.startswith("".join(said))


@pytest.mark.threat("F13")
def test_who_stops_reading_leaves_nothing_running(client: openai.OpenAI, living: Living) -> None:
    with client.chat.completions.create(
        model=script.PLAIN, messages=asked(script.LONG), stream=True
    ) as stream:
        assert next(stream).choices

    living.is_at_rest()
