"""Each token of an answer tells how likely it was, once, with its text or before it."""

import math
from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import protocol
from inference.engine.backend import Chunk
from inference.engine.engine import Said, Update
from inference.engine.llama import LlamaBackend
from inference.engine.odds import Odds
from inference.engine.sampling import Greedy, Stage, TopK, recipe
from inference.engine.text import TextStream
from inference.protocol import Options, TokenLogprob
from tests.inference.engine.aboard import RecordingBackend, end_of, engine_on, request, run, text_of


def told(updates: Sequence[Update]) -> list[TokenLogprob]:
    return [entry for each in updates if isinstance(each, Said) for entry in each.logprobs]


def entry(data: bytes) -> TokenLogprob:
    return TokenLogprob(token=data.decode("utf-8", "replace"), logprob=-1.0, data=data)


def run_script(
    *, logprobs: int | None, stop: tuple[str, ...] = (), num_predict: int | None = None
) -> list[Update]:
    engine = engine_on(RecordingBackend('[{"says": "Grüße, dear world! STOP and more"}]'))
    engine.submit(request(1, logprobs=logprobs, stop=stop, num_predict=num_predict))
    return run(engine)


def test_every_token_of_the_answer_is_told_once_with_its_bytes() -> None:
    updates = run_script(logprobs=2)

    entries = told(updates)
    assert b"".join(each.data for each in entries).decode() == text_of(updates)
    assert all(len(each.top) == 2 for each in entries)
    assert all(each.top[0].logprob >= each.top[1].logprob for each in entries)


def test_who_does_not_ask_is_told_nothing() -> None:
    assert told(run_script(logprobs=None)) == []


def test_zero_alternatives_still_tell_of_the_token_itself() -> None:
    assert all(each.top == () for each in told(run_script(logprobs=0)))


def test_as_many_are_told_as_tokens_were_wanted() -> None:
    updates = run_script(logprobs=1, num_predict=6, stop=("dear world",))

    assert len(told(updates)) == 6 == end_of(updates).stats.answer_tokens


def test_the_end_of_an_answer_is_no_token_to_be_told_of() -> None:
    updates = run_script(logprobs=1)

    assert len(told(updates)) == end_of(updates).stats.answer_tokens - 1


@pytest.mark.threat("F10")
def test_what_a_stop_string_cut_off_is_not_told() -> None:
    updates = run_script(logprobs=1, stop=("STOP",))

    said = b"".join(each.data for each in told(updates)).decode()
    assert text_of(updates) == "Grüße, dear world! "
    assert said.startswith(text_of(updates))
    assert len(said) < len(text_of(updates)) + 3


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=4), max_size=30),
    stops=st.lists(st.text("STOP", min_size=1, max_size=4), max_size=2),
)
@pytest.mark.threat("F10")
def test_none_is_told_before_its_text_or_twice_or_not_at_all(
    pieces: list[bytes], stops: list[str]
) -> None:
    stream, odds = TextStream(stop=stops), Odds()
    heard: list[TokenLogprob] = []
    for piece in pieces:
        text = stream.feed(piece)
        odds.add(entry(piece))
        heard += odds.told(text, is_holding=stream.is_holding, is_stopped=stream.is_stopped)
        if stream.is_stopped:
            break
    heard += odds.rest()

    assert [each.data for each in heard] == pieces[: len(heard)]
    assert stream.is_stopped or len(heard) == len(pieces)


# ── The real model ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.model
def test_they_are_of_the_model_itself_before_any_stage(starter: LlamaBackend) -> None:
    tokens = starter.vocabulary.encode("The capital of France is")
    found = []
    for stages in ((Greedy(),), (TopK(1), *recipe(Options(seed=1), seed=1, context_length=64))):
        found.append(first_token(starter, stages, tokens=tokens, logprobs=20))

    cold, hot = found
    assert cold == hot
    assert cold.top[0].token == cold.token
    assert [each.logprob for each in cold.top] == sorted(
        (each.logprob for each in cold.top), reverse=True
    )
    assert 0.3 < sum(math.exp(each.logprob) for each in cold.top) <= 1.0001
    assert protocol.decode_event(
        protocol.encode(protocol.Piece(text="", logprobs=(cold,)))
    ) == protocol.Piece(text="", logprobs=(cold,))


def first_token(
    starter: LlamaBackend, stages: tuple[Stage, ...], *, tokens: list[int], logprobs: int
) -> TokenLogprob:
    sampler = starter.new_sampler(stages, history=(), logprobs=logprobs)
    chunk = Chunk(sequence=UUID(int=1), slot=3, start=0, tokens=tokens, sampler=sampler)
    try:
        [chosen] = starter.decode([chunk])
    finally:
        sampler.close()
        starter.cut(3, length=0)
    assert chosen.logprobs is not None
    return chosen.logprobs
