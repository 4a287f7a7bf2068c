"""The Python package `openai` at its newer dialect, /v1/responses, and at /v1/completions."""

from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.clients import script
from tests.clients.living import Living
from tests.clients.wants import PICTURE, WEATHER

TOOL = {
    "type": "function",
    "strict": False,
    "name": WEATHER["function"]["name"],
    "parameters": WEATHER["function"]["parameters"],
}


class Facts(BaseModel):
    """What is wanted of an answer."""

    city: str
    people: int


@pytest.fixture(scope="module")
def client(living: Living) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{living.address}/v1", api_key=living.keys["alice"], max_retries=0
    )


def test_an_answer_comes_whole_with_its_usage(client: openai.OpenAI) -> None:
    response = client.responses.create(model=script.PLAIN, input=script.QUESTION)

    assert (response.output_text, response.status) == (script.ANSWER, "completed")
    assert response.usage is not None
    assert response.usage.total_tokens == (
        response.usage.input_tokens + response.usage.output_tokens
    )


def test_an_answer_comes_event_by_event(client: openai.OpenAI) -> None:
    with client.responses.stream(model=script.PLAIN, input=script.WIDE_QUESTION) as stream:
        events = list(stream)
        response = stream.get_final_response()

    said = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(said) == response.output_text == script.WIDE
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_the_same_without_blocking(living: Living) -> None:
    async with openai.AsyncOpenAI(
        base_url=f"{living.address}/v1", api_key=living.keys["alice"], max_retries=0
    ) as client:
        stream = await client.responses.create(
            model=script.PLAIN, input=script.QUESTION, stream=True
        )
        types = [event.type async for event in stream]

    assert (types[0], types[-1]) == ("response.created", "response.completed")


@pytest.mark.parametrize("is_streaming", [True, False])
def test_a_tool_is_called_and_its_result_answered(
    client: openai.OpenAI, is_streaming: bool
) -> None:
    asked: list[Any] = [{"role": "user", "content": script.WEATHER}]
    more: Any = {"model": script.THINKER, "tools": [TOOL]}

    if is_streaming:
        with client.responses.stream(input=asked, **more) as stream:
            first: Any = stream.get_final_response()
    else:
        first = client.responses.create(input=asked, **more)
    *_, spoken, call = first.output
    asked += [each.to_dict() for each in first.output]
    asked.append({"type": "function_call_output", "call_id": call.call_id, "output": "Rain"})
    second = client.responses.create(input=asked, **more)

    assert (spoken.type, spoken.content[0].text.strip()) == ("message", "I look.")
    assert (call.type, call.name, call.arguments) == (
        "function_call",
        "get_weather",
        '{"city":"Paris"}',
    )
    assert second.output_text == script.WEATHER_TOLD


def test_thinking_is_an_item_of_its_own(client: openai.OpenAI) -> None:
    with client.responses.stream(
        model=script.THINKER, input="Think about Paris", reasoning={"effort": "high"}
    ) as stream:
        thought, spoken = (each.to_dict() for each in stream.get_final_response().output)

    assert (thought["type"], thought["encrypted_content"]) == ("reasoning", script.THOUGHT)
    assert spoken["type"] == "message"


def test_an_answer_becomes_an_object_of_a_class(client: openai.OpenAI) -> None:
    response = client.responses.parse(model=script.PLAIN, input=script.AS_JSON, text_format=Facts)

    assert response.output_parsed == Facts.model_validate(script.FACTS)


def test_a_picture_is_looked_at(client: openai.OpenAI) -> None:
    content: Any = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"},
    ]

    response = client.responses.create(
        model=script.SEER, input=[{"role": "user", "content": content}]
    )

    assert response.output_text == script.SEEN


def test_a_model_that_is_not_there_is_an_error_with_the_names_of_the_others(
    client: openai.OpenAI,
) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.responses.create(model="nobody", input="Hi")

    assert script.PLAIN in refused.value.message


@pytest.mark.threat("F13")
def test_who_stops_reading_leaves_nothing_running(client: openai.OpenAI, living: Living) -> None:
    with client.responses.create(model=script.PLAIN, input=script.LONG, stream=True) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                break

    living.is_at_rest()


def test_a_prompt_is_gone_on_with_at_the_older_dialect(client: openai.OpenAI) -> None:
    whole = client.completions.create(model=script.PLAIN, prompt=script.QUESTION, max_tokens=50)
    streamed = client.completions.create(
        model=script.PLAIN,
        prompt=script.QUESTION,
        stream=True,
        stream_options={"include_usage": True},
    )

    *texts, last = list(streamed)
    assert (whole.choices[0].text, whole.choices[0].finish_reason) == (script.ANSWER, "stop")
    assert "".join(each.choices[0].text for each in texts) == script.ANSWER
    assert (last.choices, texts[-1].choices[0].finish_reason) == ([], "stop")
    assert whole.usage is not None
    assert last.usage is not None
    assert last.usage.completion_tokens == whole.usage.completion_tokens > 0
