"""A grammar allows what its schema says, and every place in it can be left again."""

import json
import math
import random
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.engine.grammar import wanted
from inference.engine.grammar.constraint import Broken, Constraint
from inference.engine.grammar.network import NotKeepable
from inference.engine.grammar.schemas import network_of
from inference.engine.grammar.thoughts import Thoughts
from inference.engine.grammar.tokens import Tokens
from inference.engine.grammar.walking import Frontier, Walk
from inference.engine.replies import choose
from inference.engine.replies.dialects import Dialect
from inference.engine.replies.tools import Tools
from inference.engine.scripted import ScriptedVocabulary
from inference.engine.scripted_turns import END, START
from tests.inference.engine.wanted_schemas import PERSON, satisfies, schemas

_chances = st.randoms(use_true_random=True)  # seeded, but thousands of throws are no choices
TRIES = 8
MARKERS = (START, END, "<|endoftext|>")
THINK = Thoughts(opening="<think>", closings=("</think>",))


def walk_of(schema: Any, **more: Any) -> Walk:
    return Walk(network_of(None if schema is None else json.dumps(schema), **more))


def allows(schema: Any, text: str, **more: Any) -> bool:
    end = walk_of(schema, **more).start().after(text.encode())
    return end is not None and end.is_complete


def written(walk: Walk, source: random.Random, *, most_bytes: int = 3_000) -> bytes:
    """Something the grammar allows, by always going on in any way that is open."""
    place, said = walk.start(), bytearray()
    while len(said) < most_bytes:
        if place.is_complete and source.random() < 0.3:
            return bytes(said)
        byte = _open_byte(place, source)
        if byte is None:
            assert place.is_complete, ("a dead end", bytes(said))
            return bytes(said)
        said.append(byte)
        following = place.step(byte)
        assert following is not None
        place = following
    return b""


def _open_byte(place: Frontier, source: random.Random) -> int | None:
    """Each that is open is as likely as the others, but for those that close something."""
    closing = [byte for byte in b'"]}' if place.step(byte)]
    if closing and source.random() < 0.6:
        return source.choice(closing)
    for _ in range(TRIES):  # to look at all of them costs most where most are open
        if place.step(byte := source.randrange(256)):
            return byte
    following = [byte for byte in range(256) if place.step(byte)]
    return source.choice(following) if following else None


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────


def test_json_mode_allows_any_object_and_nothing_else() -> None:
    for text in ("{}", '{"a": [1, -2.5e3, {"b": null}], "é": "x\\n\\u00e9\\ud83d\\ude00 👋"}'):
        assert allows(None, text)
    for text in ("[1]", '"a"', "{", '{"a": 01}', '{"a": "\\ud83d"}', '{"a": 1,}', "{} "):
        assert not allows(None, text)


def test_properties_keep_the_order_of_the_schema_and_optional_ones_may_be_left_out() -> None:
    assert allows(PERSON, '{"name": "x", "age": 150}')
    assert allows(PERSON, '{"name":"x","age":0,"tags":["ab","a"]}')
    for text in (
        '{"age": 3, "name": "x"}',
        '{"name": "x"}',
        '{"name": "x", "age": 151}',
        '{"name": "x", "age": 3, "tags": ["a", "b", "a"]}',
        '{"name": "x", "age": 3, "more": 1}',
    ):
        assert not allows(PERSON, text)


def test_white_space_is_little_so_that_no_model_loses_itself_in_it() -> None:
    assert allows(PERSON, '{\n\t"name": "x",\n\t"age": 3\n}')
    assert not allows(PERSON, "{" + "\n" * 3 + '"name": "x", "age": 3}')
    assert not allows(PERSON, "{\n" + " " * 21 + '"name": "x", "age": 3}')


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": ["string", "null"]}, ['"x"', "null"], ["1"]),
        ({"const": {"a": [1, "ü"]}}, ['{"a": [1, "ü"]}'], ["{}"]),
        ({"enum": [1, "1", True, None, 1.5]}, ["1", '"1"', "true", "null", "1.5"], ["2"]),
        ({"type": "integer", "enum": [1, "1", 1.5]}, ["1"], ['"1"', "1.5"]),
        ({"type": "string", "minLength": 2, "maxLength": 3}, ['"ab"', '"ab👋"'], ['"a"', '"abcd"']),
        ({"type": "string", "maxLength": 300}, ['"' + "x" * 300 + '"'], ['"' + "x" * 301 + '"']),
        ({"type": "string", "pattern": "^[a-c]+$"}, ['"abc"'], ['"d"', '""']),
        ({"pattern": "b"}, ['"abc"', '"b"'], ['"ac"']),
        ({"pattern": '^"\\\\$'}, ['"\\"\\\\"'], ['"""']),
        ({"pattern": "^a{2,3}$", "maxLength": 2}, ['"aa"'], ['"aaa"']),
        ({"pattern": "^(?:a|bc)?$|^x"}, ['""', '"a"', '"bc"', '"xyz"'], ['"b"', '"abc"']),
        ({"pattern": "^\\d{4}-[^a-z\\s]$"}, ['"2026-A"'], ['"2026-a"', '"2026- "']),
        ({"format": "date"}, ['"2024-02-28"', '"2026-12-31"'], ['"2026-02-30"', '"26-1-1"']),
        ({"format": "date-time"}, ['"2026-11-22T21:30:00Z"'], ['"2026-11-22"']),
        ({"format": "time"}, ['"23:59:59.5+01:00"'], ['"24:00:00Z"']),
        ({"format": "uuid"}, ['"123e4567-e89b-12d3-a456-426614174000"'], ['"123"']),
        ({"format": "email"}, ['"a.b@example.org"'], ['"a@b"']),
        ({"format": "ipv4"}, ['"192.168.0.255"'], ['"192.168.0.256"']),
        ({"format": "of the future"}, ['"x"'], ["1"]),
        ({"items": {"type": "boolean"}, "minItems": 1}, ["[true]", "[true, false]"], ["[]"]),
        ({"prefixItems": [{"const": 1}, {"const": 2}]}, ["[]", "[1]", "[1,2]"], ["[2]", "[1,2,3]"]),
        (
            {"prefixItems": [{"const": 1}], "items": {"const": 2}, "minItems": 2, "maxItems": 3},
            ["[1,2]", "[1,2,2]"],
            ["[1]", "[1,2,2,2]"],
        ),
        ({"anyOf": [{"const": 1}, {"type": "array"}]}, ["1", '[{"a": 1}]'], ["2"]),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            ["{}", '{"x": 1, "y": 2}'],
            ['{"x": "1"}'],
        ),
        (
            {"properties": {"a": {"const": 1}}, "additionalProperties": True},
            ['{"a": 1}', '{"b": 2}', '{"a": 1, "ab": 2}', "{}"],
            ['{"a": 2}', '{"b": 1, "a": 2}', '{"\\u0061": 2}'],
        ),
        ({"required": ["x"]}, ['{"x": [1]}'], ["{}"]),
        (
            {
                "allOf": [
                    {"$ref": "#/$defs/a"},
                    {"properties": {"y": {"const": 2}}, "required": ["y"]},
                ],
                "$defs": {"a": {"properties": {"x": {"const": 1}}, "required": ["x"]}},
            },
            ['{"x": 1, "y": 2}'],
            ['{"x": 1}', '{"y": 2}'],
        ),
        (
            {
                "properties": {"kind": {"type": "string"}},
                "required": ["kind"],
                "oneOf": [
                    {"properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}},
                    {"properties": {"kind": {"const": "b"}, "s": {"type": "string"}}},
                ],
            },
            ['{"kind": "a", "n": 1}', '{"kind": "b", "s": "x"}'],
            ['{"kind": "a", "s": "x"}', '{"kind": "c"}', "{}"],
        ),
        (
            {"$ref": "#/$defs/t~1~0", "$defs": {"t/~": {"type": "array", "items": {"$ref": "#"}}}},
            ["[]", "[[],[[]]]"],
            ["[1]"],
        ),
        (True, ["1", "{}", '"x"'], ["x"]),
        ({"description": "anything"}, ["null"], [""]),
    ],
)
def test_a_schema_allows_what_it_says(schema: Any, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert allows(schema, text), text
    for text in bad:
        assert not allows(schema, text), text


@given(
    low=st.none() | st.integers(-1_500, 1_500),
    high=st.none() | st.integers(-1_500, 1_500),
    is_strict=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whole_numbers_keep_to_their_bounds(
    low: int | None, high: int | None, is_strict: bool
) -> None:
    words = ("exclusiveMinimum", "exclusiveMaximum") if is_strict else ("minimum", "maximum")
    bounds = {w: b for w, b in zip(words, (low, high), strict=True) if b is not None}
    least = -math.inf if low is None else low + is_strict
    most = math.inf if high is None else high - is_strict
    try:
        start = walk_of({"type": "integer", **bounds}).start()
    except NotKeepable:
        assert least > most
        return
    for value in {*range(-120, 120), *(b + d for b in (low or 0, high or 0) for d in (-1, 0, 1))}:
        end = start.after(str(value).encode())
        assert (end is not None and end.is_complete) == (least <= value <= most), value


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_numbers_keep_to_their_bounds(data: st.DataObject) -> None:
    decimals = st.decimals(-30, 30, places=2).map(lambda d: float(f"{d:g}"))
    low, high = sorted((data.draw(decimals), data.draw(decimals)))
    words = data.draw(st.sampled_from([("minimum", "maximum"), ("exclusiveMinimum", "maximum")]))
    schema = {"type": "number", words[0]: low, words[1]: high}
    is_strict = words[0].startswith("exclusive")
    try:
        start = walk_of(schema).start()
    except NotKeepable:
        assert low == high
        return
    for value in [low, high, *data.draw(st.lists(decimals, max_size=20))]:
        text = json.dumps(value).removesuffix(".0")
        if text != "-0":
            end = start.after(text.encode())
            is_within = low <= value <= high and not (is_strict and value == low)
            assert (end is not None and end.is_complete) == is_within, text


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_whatever_a_pattern_allows_it_matches(data: st.DataObject) -> None:
    atoms = st.sampled_from(
        ["a", "[a-f]", "[^b\\d]", "\\w", ".", "(?:ab|c)", "(x|yz?)", "\\\\", '"']
    )
    signs = st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}", "{2,}"])
    inside = "".join(data.draw(st.lists(st.builds(str.__add__, atoms, signs), max_size=5)))
    pattern = data.draw(st.sampled_from([f"^{inside}$", f"^{inside}", inside]))
    walk = walk_of({"type": "string", "pattern": pattern})

    for _ in range(3):
        said = written(walk, data.draw(_chances), most_bytes=300)
        if said:
            assert re.search(pattern, json.loads(said), re.ASCII), (pattern, said)


# ── Whatever a schema says ──────────────────────────────────────────────────────────────────────


@given(schema=schemas(), source=_chances)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_the_grammar_of_a_schema_allows_satisfies_it(
    schema: Any, source: random.Random
) -> None:
    said = written(walk_of(schema), source)

    if said:
        assert satisfies(schema, json.loads(said)), said


@given(schema=schemas(), lacking=st.binary(max_size=12), source=_chances)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_bytes_that_a_vocabulary_lacks_are_not_used_and_leave_no_dead_end(
    schema: Any, lacking: bytes, source: random.Random
) -> None:
    spelt = bytes(set(range(256)) - set(lacking))
    try:
        walk = walk_of(schema, spelt=spelt)
    except NotKeepable:
        return

    assert not set(written(walk, source)) & set(lacking)


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────

PIECES = [
    b"",
    *(bytes([byte]) for byte in range(256)),
    b'{"',
    b'":',
    b'"}',
    b'{"name',
    b"name",
    b"\xf0\x9f",
]


@given(schema=schemas(depth=2), source=_chances)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_tokens_that_fit_are_those_that_fit_one_by_one(
    schema: Any, source: random.Random
) -> None:
    tokens, walk = Tokens(PIECES), walk_of(schema)
    place = walk.start()
    for _ in range(12):
        fitting = tokens.fitting(walk, place)
        assert sorted(fitting) == [t for t, p in enumerate(PIECES) if p and place.after(p)]
        if not fitting:
            assert place.is_complete, "a dead end"
            return
        following = place.after(PIECES[source.choice(fitting)])
        assert following is not None
        place = following


def test_what_does_not_fit_is_not_taken_in() -> None:
    constraint = Constraint(walk_of(PERSON))
    constraint.advance(b'{"na')

    with pytest.raises(Broken):
        constraint.advance(b"x")

    constraint.advance(b'me": "x", "age": 1}')
    assert constraint.is_complete


# ── Thinking first ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        "<think>I say } and </thin and {</think>\n\n{}",
        " \n<think></think>{}",
        "<think>\xff</think> {}",
    ],
)
def test_thinking_may_come_first_and_then_the_format_holds(text: str) -> None:
    assert allows(None, text, thoughts=THINK)


@pytest.mark.parametrize(
    "text", ["<think>{}", "<think></think>Sure: {}", "Sure", "<think></think>"]
)
def test_only_thinking_is_free(text: str) -> None:
    assert not allows(None, text, thoughts=THINK)


def test_thinking_that_the_prompt_began_must_end_first() -> None:
    is_open = Thoughts(opening="<think>", closings=("</think>",), is_open=True)

    assert allows(None, "hm</think>{}", thoughts=is_open)
    assert not allows(None, "{}", thoughts=is_open)


def test_several_closings_come_one_behind_the_other() -> None:
    channels = Thoughts(opening="", closings=("<c>final", "<m>"), is_open=True)

    assert allows(None, "<c>analysis<m>Hm.<c>final json<m>{}", thoughts=channels)
    assert not allows(None, "<c>analysis<m>{}", thoughts=channels)


@pytest.mark.parametrize(
    ("template", "hidden"),
    [("[THINK] [/THINK]", True), ("<think></think>", False)],
)
def test_tags_are_read_in_the_letters_the_reader_of_replies_is_given(
    template: str, hidden: bool
) -> None:
    dialect = Dialect.of(template)
    assert dialect.opening is not None
    assert dialect.closing is not None
    tags = (dialect.opening, dialect.closing)
    vocabulary = ScriptedVocabulary(markers=(*MARKERS, *tags))
    reading = choose.reading(
        dialect,
        vocabulary=vocabulary,
        tools=Tools.read(""),
        wants_thinking=True,
        is_open=False,
        is_going_on=False,
    )

    found = wanted.thoughts(
        dialect,
        vocabulary=vocabulary,
        marks=reading.marks,
        wants_thinking=True,
        is_open=False,
        is_going_on=False,
    )

    assert bool(reading.marks) == hidden
    opening, closing = (
        reading.marks.get(vocabulary.markers[tag].token, tag.encode()) for tag in tags
    )
    start = walk_of(None, thoughts=found).start()
    end = start.after(opening + b"hm" + closing + b"{}")
    assert end is not None
    assert end.is_complete
    assert (start.after(b"".join(tag.encode() for tag in tags)) is None) == hidden


def test_who_wants_no_thinking_gets_the_format_at_once() -> None:
    vocabulary = ScriptedVocabulary()
    said = wanted.thoughts(
        Dialect.of("<think></think>"),
        vocabulary=vocabulary,
        marks={},
        wants_thinking=False,
        is_open=False,
        is_going_on=False,
    )

    assert said is None
