"""The Python package `anthropic` does its ordinary work against a living portal."""

from typing import Any

import anthropic
import pytest

from tests.clients import script
from tests.clients.living import Living
from tests.clients.wants import PICTURE, WEATHER

TOOL = {
    "name": WEATHER["function"]["name"],
    "description": "The weather of a city",
    "input_schema": WEATHER["function"]["parameters"],
}
MOST = 500


def asked(content: Any) -> Any:
    return [{"role": "user", "content": content}]


def told(block: Any) -> dict[str, Any]:
    """A part of an answer as it came."""
    return dict(block.to_dict())


@pytest.fixture(scope="module")
def client(living: Living) -> anthropic.Anthropic:
    """It sends its key in a header of its own."""
    return anthropic.Anthropic(base_url=living.address, api_key=living.keys["alice"], max_retries=0)


def test_an_answer_comes_whole_with_its_usage(client: anthropic.Anthropic) -> None:
    message = client.messages.create(
        model=script.PLAIN, max_tokens=MOST, messages=asked(script.QUESTION)
    )

    (block,) = message.content
    assert block.type == "text"
    assert (block.text, message.stop_reason) == (script.ANSWER, "end_turn")
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


def test_a_token_works_as_a_key_and_so_does_the_address(living: Living) -> None:
    """As agents are set up for other servers: a token, and a key that says nothing."""
    clients = [
        anthropic.Anthropic(base_url=living.address, auth_token=living.keys["alice"]),
        anthropic.Anthropic(base_url=living.in_path, api_key="ollama"),
    ]

    for client in clients:
        message = client.messages.create(
            model=script.PLAIN, max_tokens=MOST, messages=asked(script.QUESTION)
        )
        assert message.stop_reason == "end_turn"


def test_an_answer_comes_piece_by_piece(client: anthropic.Anthropic) -> None:
    with client.messages.stream(
        model=script.PLAIN, max_tokens=MOST, messages=asked(script.WIDE_QUESTION)
    ) as stream:
        said = list(stream.text_stream)
        message = stream.get_final_message()

    assert "".join(said) == script.WIDE
    assert [block.type for block in message.content] == ["text"]
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens > 0


async def test_the_same_without_blocking(living: Living) -> None:
    async with anthropic.AsyncAnthropic(
        base_url=living.address, api_key=living.keys["alice"], max_retries=0
    ) as client:
        stream = await client.messages.create(
            model=script.PLAIN, max_tokens=MOST, messages=asked(script.QUESTION), stream=True
        )
        events = [event async for event in stream]

    assert [event.type for event in events[:2]] == ["message_start", "content_block_start"]
    assert [event.type for event in events[-2:]] == ["message_delta", "message_stop"]


@pytest.mark.parametrize("is_streaming", [True, False])
def test_a_tool_is_called_and_its_result_answered(
    client: anthropic.Anthropic, is_streaming: bool
) -> None:
    more: Any = {"model": script.THINKER, "max_tokens": MOST, "tools": [TOOL]}
    messages = asked(script.WEATHER)

    if is_streaming:
        with client.messages.stream(messages=messages, **more) as stream:
            first = stream.get_final_message()
    else:
        first = client.messages.create(messages=messages, **more)
    *_, spoken, use = map(told, first.content)
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": "Rain"}
    messages += [{"role": "assistant", "content": first.content}, *asked([result])]
    second = client.messages.create(messages=messages, **more)

    assert first.stop_reason == "tool_use"
    assert spoken["text"].strip() == "I look."
    assert (use["name"], use["input"]) == ("get_weather", {"city": "Paris"})
    assert [told(block).get("text") for block in second.content] == [script.WEATHER_TOLD]


def test_thinking_stands_in_a_block_of_its_own(client: anthropic.Anthropic) -> None:
    with client.messages.stream(
        model=script.THINKER,
        max_tokens=MOST,
        messages=asked("Think about Paris"),
        thinking={"type": "enabled", "budget_tokens": 1024},
    ) as stream:
        message = stream.get_final_message()

    thought, spoken = map(told, message.content)
    assert (thought["type"], thought["thinking"]) == ("thinking", script.THOUGHT)
    assert (spoken["type"], spoken["text"]) == ("text", "Seine.")


def test_a_picture_is_looked_at(client: anthropic.Anthropic) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PICTURE},
        },
    ]

    message = client.messages.create(model=script.SEER, max_tokens=MOST, messages=asked(content))

    assert [told(block)["text"] for block in message.content] == [script.SEEN]


def test_a_model_that_is_not_there_is_an_error_with_the_names_of_the_others(
    client: anthropic.Anthropic,
) -> None:
    with pytest.raises(anthropic.NotFoundError) as refused:
        client.messages.create(model="nobody", max_tokens=MOST, messages=asked("Hi"))

    assert script.PLAIN in refused.value.message
    assert refused.value.type == "not_found_error"


def test_a_wrong_key_is_an_error_of_its_own(living: Living) -> None:
    client = anthropic.Anthropic(base_url=living.address, api_key=f"pk_{'w' * 43}", max_retries=0)

    with pytest.raises(anthropic.AuthenticationError):
        client.messages.create(model=script.PLAIN, max_tokens=MOST, messages=asked("Hi"))


@pytest.mark.threat("F13")
def test_who_stops_reading_leaves_nothing_running(
    client: anthropic.Anthropic, living: Living
) -> None:
    with client.messages.stream(
        model=script.PLAIN, max_tokens=5_000, messages=asked(script.LONG)
    ) as stream:
        assert next(iter(stream.text_stream))

    living.is_at_rest()
