"""The real starter model keeps to a wanted format, whatever it would rather say."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from inference.engine.engine import Said
from inference.engine.grammar.compiling import Compiler
from inference.engine.grammar.constraint import Constraint
from inference.engine.grammar.network import NotKeepable
from inference.engine.llama import LlamaBackend
from inference.engine.llama import sampler as sampling
from inference.protocol import Format
from tests.inference.engine.aboard import end_of, request, run, text_of
from tests.inference.engine.test_llama import engine_for
from tests.inference.engine.wanted_schemas import PERSON, satisfies, schemas

pytestmark = [pytest.mark.model, pytest.mark.timeout(600)]

QUESTION = "Tell me about Ann, who is 41, in many words."


def answered(starter: LlamaBackend, schema: Any, **options: Any) -> tuple[str, str]:
    """What it said, and how it ended."""
    wanted = Format(schema=None if schema is None else json.dumps(schema))
    with engine_for(starter) as engine:
        engine.submit(request(1, text=QUESTION, wanted=wanted, **options))
        updates = run(engine)
    end = end_of(updates)
    return text_of(updates), end.detail or end.why


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_json_mode_gives_an_object(starter: LlamaBackend, temperature: float) -> None:
    said, end = answered(starter, None, temperature=temperature, seed=5, num_predict=300)

    assert end in ("done", "length")
    if end == "done":
        assert isinstance(json.loads(said), dict)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.0},
        {"temperature": 1.0, "seed": 1},
        {"temperature": 1.3, "seed": 2, "top_k": 0, "top_p": 1.0},
        {"temperature": 1.0, "seed": 3, "repeat_penalty": 1.3, "repeat_last_n": -1},
        {"temperature": 0.0, "presence_penalty": 1.5},
    ],
)
def test_a_schema_is_kept_to_with_any_way_of_sampling(
    starter: LlamaBackend, options: dict[str, Any]
) -> None:
    name = {"properties": {"name": {"maxLength": 40}}}

    said, end = answered(starter, {"allOf": [PERSON, name]}, num_predict=400, **options)

    assert end == "done"
    value = json.loads(said)
    assert isinstance(value["name"], str)
    assert 0 <= value["age"] <= 150
    assert set(value.get("tags", [])) <= {"a", "ab", "b"}


def test_the_same_seed_gives_the_same_answer_under_a_format(starter: LlamaBackend) -> None:
    first, again, other = (
        answered(starter, PERSON, temperature=1.2, seed=seed, num_predict=60) for seed in (4, 4, 9)
    )

    assert first == again != other


def test_looking_at_the_likeliest_is_as_good_as_looking_at_all(
    starter: LlamaBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"temperature": 1.3, "seed": 8, "num_predict": 80, "repeat_penalty": 1.2}
    quick = answered(starter, PERSON, **options)
    monkeypatch.setattr(sampling, "_LIKELY", 0)

    assert answered(starter, PERSON, **options) == quick


@pytest.mark.threat("F7")
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=schemas(depth=2))
def test_any_schema_is_kept_to_without_a_dead_end(starter: LlamaBackend, schema: Any) -> None:
    said, end = answered(starter, schema, temperature=1.0, seed=1, num_predict=48)

    if end == "done":
        assert satisfies(schema, json.loads(said))
        return
    compiler = Compiler(spelt=starter.vocabulary.spelt)
    try:
        walk = compiler.walk(json.dumps(schema))
    except NotKeepable:
        assert (said, end) == ("", "format"), "it was never begun"
    else:
        assert end == "length"
        Constraint(walk).advance(said.rstrip("\ufffd").encode())
    finally:
        compiler.close()


@pytest.mark.threat("F7")
def test_letters_without_tokens_are_never_begun(starter: LlamaBackend) -> None:
    astray = {"enum": ["This is what you must say: \U00040000", "no"]}

    assert answered(starter, astray, temperature=0.0, num_predict=48) == ('"no"', "done")
    assert answered(starter, {"enum": ["\U00040000"]}) == ("", "format")


@pytest.mark.threat("F7")
def test_a_schema_that_cannot_be_kept_to_fails_alone_and_says_why(starter: LlamaBackend) -> None:
    ring = Format(schema='{"$ref": "#"}')
    with engine_for(starter) as engine:
        engine.submit(request(1, text=QUESTION, wanted=ring))
        engine.submit(request(2, text="Hello", temperature=0.0, num_predict=8))
        updates = run(engine)

    failed = end_of(updates, 1)
    assert (failed.why, failed.detail) == ("failed", "format")
    assert "lead" in failed.words
    assert text_of(updates, 2)


@pytest.mark.threat("F7")
def test_an_answer_that_could_be_read_in_too_many_ways_fails_alone(starter: LlamaBackend) -> None:
    either = [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}, "minItems": 1}]
    nested = Format(schema=json.dumps({"anyOf": either}))
    with engine_for(starter) as engine:
        engine.submit(request(1, text="Write [[[[[[[[[[[[[[[[", wanted=nested, num_predict=64))
        engine.submit(request(2, text="Hello", temperature=0.0, num_predict=8))
        updates = run(engine)

    assert end_of(updates, 1).why in ("failed", "done", "length")
    assert text_of(updates, 2)


def test_a_kept_beginning_is_gone_on_with(starter: LlamaBackend) -> None:
    begun = '{"name": "Ann", "age": 4'
    said, end = answered(starter, PERSON, temperature=0.0, so_far=begun, num_predict=200)

    assert end == "done"
    assert said.startswith(begun)
    assert json.loads(said)["name"] == "Ann"


def test_guessed_tokens_keep_to_the_format_and_are_told_of_like_any_others(
    starter: LlamaBackend,
) -> None:
    tags = {"type": "array", "items": {"enum": ["red", "green"]}, "minItems": 12, "maxItems": 12}
    copied = json.dumps(["red", "green"] * 6)
    with engine_for(starter) as engine:
        engine.submit(
            request(
                1,
                text=f"Copy this: {copied} {copied}",
                wanted=Format(schema=json.dumps(tags)),
                logprobs=0,
                temperature=0.0,
                num_predict=200,
            )
        )
        updates = run(engine)

    end = end_of(updates)
    told = [each for said in updates if isinstance(said, Said) for each in said.logprobs]
    assert len(json.loads(text_of(updates))) == 12
    assert len(told) == end.stats.answer_tokens - 1, "the end itself is not told of"
    assert b"".join(each.data for each in told).decode() == text_of(updates)


def test_a_model_that_thinks_may_do_so_first(starter: LlamaBackend) -> None:
    thinking = (
        "{% for message in messages %}{{ message.content }}{% endfor %}"
        "{% if true %}<think>{% endif %}{# </think> #}"
    )
    wanted = Format(schema='{"const": "yes"}')
    with engine_for(starter) as engine:
        engine.submit(
            request(1, text="Think.", template=thinking, wanted=wanted, num_predict=20, seed=1)
        )
        updates = run(engine)

    assert end_of(updates).why in ("done", "length")
    assert text_of(updates) in ("", '"yes"')
