"""No schema harms the engine, whatever is in it: it is refused in words, or kept to (F7)."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engine.grammar.child import CPU_SECONDS
from inference.engine.grammar.compiling import Compiler
from inference.engine.grammar.network import NotKeepable
from inference.engine.grammar.schemas import network_of
from inference.engine.grammar.thoughts import Thoughts
from inference.engine.grammar.tokens import spelt
from inference.engine.grammar.walking import TooManyWays, Walk
from inference.engine.templates.origin import raised
from tests.inference.engine.wanted_schemas import PERSON

THINK = Thoughts(opening="<think>", closings=("</think>",))


def walk_of(schema: Any) -> Walk:
    return Walk(network_of(json.dumps(schema)))


# ── Hostile schemas ─────────────────────────────────────────────────────────────────────────────


def nested(key: str, depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {key: [schema, {"type": "null"}]} if key.endswith("Of") else {key: schema}
    return schema


def doubling(depth: int) -> dict[str, Any]:
    both = [[{"$ref": f"#/$defs/{side}{at + 1}"} for side in "ab"] for at in range(depth)]
    definitions: dict[str, Any] = {
        f"{s}{at}": {"allOf": both[at]} for at in range(depth) for s in "ab"
    }
    return {"$defs": {**definitions, f"a{depth}": {}, f"b{depth}": {}}, "$ref": "#/$defs/a0"}


HOSTILE: list[Any] = [
    {"$ref": "#"},
    {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
    {"allOf": [{"$ref": "#"}], "properties": {"x": {}}},
    {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    {"type": "array", "items": {"$ref": "#"}, "minItems": 1},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    {"$ref": "https://example.org/schema.json"},
    {"$ref": "#/nowhere"},
    {"pattern": "(" * 400 + "a" + ")" * 400},
    {"pattern": "((((a{1000}){1000}){1000}){1000}){1000}"},
    {"pattern": "(a" * 20 + "{9}" + "){9}" * 20},
    {"pattern": "a" * 2_000},
    {"pattern": "^(?=a)b$"},
    {"pattern": "(a)\\1"},
    {"pattern": "a**"},
    {"pattern": "["},
    {"pattern": "\\u12"},
    {"pattern": "a{3,1}"},
    {"pattern": "a" * 500, "minLength": 900_000},
    {"type": "string", "minLength": 10**7},
    {"minLength": 5, "maxLength": 4},
    {"type": "integer", "minimum": 5, "maximum": 4},
    {"type": "number", "minimum": 1e300},
    {"not": {"type": "string"}},
    {"if": {}, "then": {}},
    {"type": "thing"},
    {"type": []},
    {"type": {"a": 1}},
    {"enum": []},
    {"enum": list(range(5_000))},
    {"properties": {f"p{n}": {} for n in range(1_000)}},
    {"properties": []},
    {"items": 5},
    {"anyOf": []},
    {"anyOf": [{"const": n} for n in range(1_000)]},
    {"minItems": "many"},
    {"required": 7},
    False,
    5,
    nested("items", 400),
    nested("anyOf", 400),
    nested("not", 10),
    doubling(40),
    {"items": {"items": {"maxItems": 900_000, "minItems": 800_000}, "minItems": 700_000}},
]


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    found = Compiler()
    yield found
    found.close()


@pytest.mark.threat("F7")
@pytest.mark.parametrize("schema", HOSTILE, ids=lambda schema: json.dumps(schema)[:40])
def test_a_hostile_schema_is_refused_or_kept_to_within_the_limits_of_the_child(
    compiler: Compiler, schema: Any
) -> None:
    reason = _refusal(lambda: compiler.walk(json.dumps(schema)).start())

    assert CPU_SECONDS < 1
    assert "takes too long" not in reason
    assert len(reason) <= 200


@pytest.mark.threat("F7")
@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a":' * 20_000, "nul", "NaN", "1e999"])
def test_what_is_no_schema_at_all_is_refused(text: str) -> None:
    with pytest.raises(NotKeepable):
        network_of(text)


@pytest.mark.threat("F7")
def test_an_answer_that_can_be_read_in_ever_more_ways_is_given_up() -> None:
    either = [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}, "minItems": 1}]
    walk = walk_of({"anyOf": either})

    with pytest.raises(TooManyWays):
        walk.start().after(b"[" * 100)

    assert walk.work < 10_000


@pytest.mark.threat("F7")
def test_depth_has_an_end_and_every_depth_can_be_left_again() -> None:
    walk = walk_of({"type": "array", "items": {"$ref": "#"}})
    depth, place = 0, walk.start()
    while (deeper := place.step(ord("["))) is not None:
        depth, place = depth + 1, deeper

    assert 30 < depth < 200
    end = place.after(b"]" * depth)
    assert end is not None
    assert end.is_complete


@pytest.mark.threat("F7")
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "properties",
                        "items",
                        "anyOf",
                        "allOf",
                        "$ref",
                        "enum",
                        "const",
                        "pattern",
                        "minLength",
                        "maxItems",
                        "required",
                        "minimum",
                        "prefixItems",
                        "additionalProperties",
                        "format",
                        "oneOf",
                        "maximum",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
@settings(max_examples=150, deadline=None)
def test_any_json_at_all_is_refused_in_words_or_becomes_a_grammar(schema: Any) -> None:
    assert len(_refusal(lambda: walk_of(schema).start())) <= 200


def _refusal(make: Callable[[], object]) -> str:
    """Why it was refused; nothing when it was not."""
    try:
        make()
    except NotKeepable as refusal:
        return str(refusal)
    return ""


# ── Vocabularies that lack bytes ──────────────────────────────────────────────────────────────────


LACKING = bytes(set(range(256)) - {0x04, 0xF1, 0xF2, 0xF3, 0xF4})


@pytest.mark.threat("F7")
def test_no_answer_is_led_into_what_the_vocabulary_cannot_spell() -> None:
    schema = json.dumps({"enum": ["x\U00040000", "y"]})
    begun = Walk(network_of(schema, spelt=LACKING)).start().after(b'"')

    assert begun is not None
    assert begun.step(ord("x")) is None
    assert begun.after(b'y"') is not None
    free = Walk(network_of('{"type": "string"}', spelt=LACKING)).start().after('"é👋'.encode())
    assert free is not None
    assert free.step(0xF0) is not None
    assert free.step(0xF1) is None


@pytest.mark.threat("F7")
@pytest.mark.parametrize(
    "schema", [{"enum": ["\U00040000"]}, {"required": ["\U00040000"], "properties": {}}]
)
def test_a_schema_that_only_unspelt_answers_satisfy_is_refused_at_once(schema: Any) -> None:
    compiler = Compiler(spelt=LACKING)
    try:
        with pytest.raises(NotKeepable, match="that the model can write"):
            compiler.walk(json.dumps(schema))
    finally:
        compiler.close()


@pytest.mark.threat("F7")
def test_tags_around_thoughts_are_read_in_letters_that_no_token_spells() -> None:
    hidden = Thoughts(opening=raised("<think>"), closings=(raised("</think>"),))
    walk = Walk(network_of('{"const": "yes"}', thoughts=hidden, spelt=LACKING))

    end = walk.start().after(f'{hidden.opening}Hm.{hidden.closings[0]}"yes"'.encode())

    assert end is not None
    assert end.is_complete


def test_bytes_are_spelt_by_tokens_of_their_own_or_of_a_whole_character() -> None:
    pieces = [b"", b"a", b"bc", b"\xf0", "é".encode(), b"\xf1\x80", "éé".encode()]

    assert spelt(pieces) == b"a\xa9\xc3\xf0"


# ── The child ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.threat("F7")
def test_schemas_are_read_in_a_child_that_outlives_refusals(compiler: Compiler) -> None:
    for schema in HOSTILE[:8]:
        with pytest.raises(NotKeepable):
            compiler.walk(json.dumps(schema))

    end = compiler.walk(json.dumps(PERSON)).start().after(b'{"name": "x", "age": 3}')

    assert end is not None
    assert end.is_complete


def test_the_same_format_is_made_once(compiler: Compiler) -> None:
    assert compiler.walk(None) is compiler.walk(None)
    assert compiler.walk(None) is not compiler.walk(None, thoughts=THINK)


@pytest.mark.threat("F7")
def test_a_child_that_dies_of_a_schema_is_replaced(compiler: Compiler) -> None:
    compiler.walk(None)
    assert compiler.pid is not None
    child = compiler.pid
    compiler.close()

    compiler.walk(json.dumps(PERSON))

    assert compiler.pid != child


@pytest.mark.threat("F7")
def test_a_schema_is_not_to_blame_for_a_child_that_was_dead_before_it_came() -> None:
    compiler = Compiler()
    try:
        compiler.walk(None)
        assert compiler.pid is not None
        os.kill(compiler.pid, signal.SIGKILL)

        assert compiler.walk(json.dumps(PERSON)).start()
    finally:
        compiler.close()
