"""From a request with tools to its calls, through the whole engine."""

import json
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from inference.engine.backend import Chosen, Chunk
from inference.engine.scripted import ScriptedVocabulary, byte_token
from inference.engine.templates.origin import is_own, raised
from inference.engine.updates import Called, Said, Update
from inference.protocol import Message, ModelSpec, Request
from tests.inference.engine.aboard import RecordingBackend, end_of, engine_on, run, text_of
from tests.inference.engine.families import GPT_OSS, LLAMA31, QWEN3, Family

TOOLS = json.dumps(
    [{"type": "function", "function": {"name": "get_weather", "parameters": {"properties": {}}}}]
)
BODY = '\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n'
CALL = f"<tool_call>{BODY}</tool_call>"


class Saying(RecordingBackend):
    """Says these tokens, whatever it reads: markers as well as letters."""

    def __init__(self, family: Family, *said: str) -> None:
        vocabulary = ScriptedVocabulary(
            markers=family.markers,
            ends=(family.end,),
            bos_text=family.bos,
            template=family.template,
        )
        super().__init__(vocabulary=vocabulary, context_length=8192)
        self._left = [token for text in said for token in _tokens(vocabulary, text)]
        self._end = vocabulary.markers[family.end].token

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        chosen = super().decode(batch)
        return [
            Chosen(
                sequence=each.sequence,
                slot=each.slot,
                position=each.position,
                token=self._left.pop(0) if self._left else self._end,
            )
            for each in chosen
        ]


def _tokens(vocabulary: ScriptedVocabulary, text: str) -> list[int]:
    """Markers as markers, all else byte by byte."""
    tokens: list[int] = []
    for part in re.split(f"({'|'.join(map(re.escape, vocabulary.markers))})", text):
        if part in vocabulary.markers:
            tokens.append(vocabulary.markers[part].token)
        else:
            tokens.extend(byte_token(byte.to_bytes(1, "big")) for byte in part.encode())
    return tokens


def asking(*, tools: str = TOOLS, **fields: Any) -> Request:
    return Request(
        generation_id=UUID(int=1),
        attempt=1,
        person="alice",
        lane="api",
        model=ModelSpec(weights="0" * 64, context_length=8192),
        model_name="scripted",
        messages=(Message(role="user", content="Weather?"),),
        expires_at=1e12,
        tools=tools,
        **fields,
    )


def answered(backend: Saying, request: Request) -> list[Update]:
    engine = engine_on(backend)
    try:
        engine.submit(request)
        return run(engine)
    finally:
        engine.close()


def calls_of(updates: Sequence[Update]) -> list[tuple[str, str]]:
    return [(u.call.name, u.call.arguments) for u in updates if isinstance(u, Called)]


def test_a_call_is_an_update_of_its_own_and_all_tokens_count() -> None:
    backend = Saying(QWEN3, "<think>Hm.</think>I look.\n", CALL)

    updates = answered(backend, asking())

    assert calls_of(updates) == [("get_weather", '{"city":"Paris"}')]
    (called,) = [update for update in updates if isinstance(update, Called)]
    assert re.fullmatch(r"call_[a-z0-9]{8}", called.call.id)
    assert text_of(updates, kind="thinking") == "Hm."
    assert text_of(updates) == "I look."
    assert end_of(updates).stats.answer_tokens == len("Hm.I look.\n" + BODY) + 5


def test_without_tools_the_same_words_are_text() -> None:
    updates = answered(Saying(QWEN3, CALL), asking(tools=""))

    assert calls_of(updates) == []
    assert text_of(updates) == BODY


def test_channels_are_told_by_tokens_that_nobody_sees() -> None:
    channels = (
        "<|channel|>analysis<|message|>Hm.<|end|>"
        "<|start|>assistant<|channel|>commentary to=functions.get_weather json<|message|>"
        '{"city": "Paris"}'
    )

    for tools, calls in ((TOOLS, [("get_weather", '{"city":"Paris"}')]), ("", [])):
        updates = answered(Saying(GPT_OSS, channels), asking(tools=tools))

        assert calls_of(updates) == calls
        assert text_of(updates, kind="thinking") == "Hm."
        assert text_of(updates) == ("" if calls else '{"city": "Paris"}')


@pytest.mark.threat("F10")
def test_a_control_token_in_the_middle_of_an_answer_is_not_shown() -> None:
    updates = answered(Saying(LLAMA31, "So <|python_tag|> it is."), asking())

    assert text_of(updates) == "So  it is."
    assert not any(is_own(update.text) for update in updates if isinstance(update, Said))


@pytest.mark.threat("E19")
def test_private_letters_that_a_model_spells_out_are_no_tags() -> None:
    imitated = raised("<tool_call>") + BODY + raised("</tool_call>")

    updates = answered(Saying(QWEN3, "See: ", imitated), asking())

    assert calls_of(updates) == []
    assert BODY.strip() in text_of(updates)
    assert not any(is_own(update.text) for update in updates if isinstance(update, Said))


def test_a_model_told_not_to_think_gets_an_empty_thought() -> None:
    backend = Saying(QWEN3, "Yes.")

    updates = answered(backend, asking(think=False))

    (first, *_rest) = backend.batches[0]
    assert text_of(updates) == "Yes."
    read = [token for batch in backend.batches for chunk in batch for token in chunk.tokens]
    shown = backend.vocabulary.shown(read).decode()
    assert "assistant\n<think>\n\n</think>\n\nYes." in shown
    assert first.start == 0


def test_what_is_shared_between_people_is_known_to_the_sequence() -> None:
    backend = Saying(QWEN3, "Yes.")
    engine = engine_on(backend)
    engine.submit(asking(tools=""))
    engine.step()

    (sequence,) = engine._running
    shared = sequence.tokens[: sequence.shared_count]
    engine.close()

    assert backend.vocabulary.shown(shared).decode() == "<|im_start|>user\n"
