"""Thinking and tool calls are told from answering, and half a tag is never shown (F10)."""

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engine.replies.blocks import MAX_BLOCK_CHARS, Blocks, Form
from inference.engine.replies.bodies import Calls
from inference.engine.replies.choose import reading
from inference.engine.replies.dialects import Dialect
from inference.engine.replies.pieces import Part, Splitter
from inference.engine.replies.plain import Plain
from inference.engine.replies.tags import Tag
from inference.engine.replies.think import Think
from inference.engine.replies.tools import Tools, random_id
from inference.engine.scripted import ScriptedVocabulary
from inference.engine.templates.origin import is_own, raised
from tests.inference.engine.utterances import FAMILIES, NOW, PARIS

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "exact": {"type": ["boolean", "null"]},
                "at": {"type": "object"},
            },
        },
    },
}
TIME = {"type": "function", "function": {"name": "get", "parameters": {}}}
OFFERED = json.dumps([WEATHER, TIME])


def tools(offered: str = OFFERED) -> Tools:
    numbers = count()
    return Tools.read(offered, new_id=lambda: f"call_{next(numbers)}")


def splitter_of(
    template: str,
    *,
    offered: str = OFFERED,
    vocabulary: ScriptedVocabulary | None = None,
    wants_thinking: bool = True,
    is_open: bool = False,
    is_going_on: bool = False,
) -> Splitter:
    return reading(
        Dialect.of(template),
        vocabulary=vocabulary or ScriptedVocabulary(),
        tools=tools(offered),
        wants_thinking=wants_thinking,
        is_open=is_open,
        is_going_on=is_going_on,
    ).splitter


def joined(parts: Sequence[Part]) -> list[tuple[str, str]]:
    """Neighbours of one kind as one; a call as its name and arguments."""
    found: list[tuple[str, str]] = []
    for part in parts:
        if part.call is not None:
            found.append((f"call {part.call.name}", part.call.arguments))
        elif found and found[-1][0] == part.kind:
            found[-1] = (part.kind, found[-1][1] + part.text)
        else:
            found.append((part.kind, part.text))
    return found


def read(splitter: Splitter, pieces: Sequence[str]) -> list[tuple[str, str]]:
    parts = [part for piece in pieces for part in splitter.feed(piece)]
    return joined([*parts, *splitter.finish()])


# ── Thinking ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("<think>Hm.</think>Yes.", [("thinking", "Hm."), ("answer", "Yes.")]),
        ("\n <think>\nHm.\n</think>\n\nYes.", [("thinking", "Hm.\n"), ("answer", "Yes.")]),
        ("<think></think>Yes.", [("answer", "Yes.")]),
        ("<think>Hm <th", [("thinking", "Hm <th")]),
        ("  Yes, <think> is a tag.</think>", [("answer", "  Yes, <think> is a tag.</think>")]),
        ("<thin", [("answer", "<thin")]),
        ("", []),
    ],
)
def test_thinking_is_split_off_the_same_however_it_arrives(
    reply: str, expected: list[tuple[str, str]]
) -> None:
    assert read(Think(), [reply]) == expected
    assert read(Think(), list(reply)) == expected


@pytest.mark.threat("F10")
@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "th", " ", "a", "/think>", "\n"])))
def test_no_half_tag_is_shown_before_it_is_certain(pieces: list[str]) -> None:
    whole = dict(read(Think(is_open=True), ["".join(pieces)]))
    reader = Think(is_open=True)
    shown = {"thinking": "", "answer": ""}

    for letter in "".join(pieces):
        for part in reader.feed(letter):
            shown[part.kind] += part.text
        assert whole.get("thinking", "").startswith(shown["thinking"])
        assert whole.get("answer", "").startswith(shown["answer"])

    assert "</think>" not in shown["thinking"]


def test_a_prompt_that_opened_the_tag_begins_in_thinking() -> None:
    reader = splitter_of("{{ '<think>' }}", offered="", is_open=True)

    assert reader.is_thinking
    assert read(reader, ["\nHm", ".</thi", "nk>\n\nYes."]) == [
        ("thinking", "Hm."),
        ("answer", "Yes."),
    ]
    assert not reader.is_thinking


def test_a_model_that_does_not_think_is_left_alone() -> None:
    reader = splitter_of("{{ message.content }}", offered="")

    assert isinstance(reader, Plain)
    assert reader.feed("<think>x") == [Part("<think>x", "answer")]


def test_an_answer_that_had_begun_goes_on_as_answer() -> None:
    reader = splitter_of("<think></think>", offered="", is_going_on=True)

    assert isinstance(reader, Plain)


def test_without_the_wish_to_think_tags_are_text() -> None:
    reader = splitter_of("<think></think>", offered="", wants_thinking=False)

    assert read(reader, ["<think>a</think>b"]) == [("answer", "<think>a</think>b")]


# ── Tool calls of the families ──────────────────────────────────────────────────────────────────

SAID = [
    pytest.param(template, reply, meant, id=f"{name}-{at}")
    for name, (template, replies) in FAMILIES.items()
    for at, (reply, meant) in enumerate(replies)
]


@pytest.mark.threat("F10")
@pytest.mark.parametrize(("template", "reply", "meant"), SAID)
def test_calls_of_every_family_are_understood_however_they_arrive(
    template: str, reply: str, meant: list[tuple[str, str]]
) -> None:
    assert read(splitter_of(template), [reply]) == meant
    assert read(splitter_of(template), list(reply)) == meant


@pytest.mark.threat("F10")
@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_way_a_reply_is_cut_changes_nothing_and_nothing_is_taken_back(
    name: str, data: st.DataObject
) -> None:
    template, replies = FAMILIES[name]
    bits = sorted({bit for reply, _ in replies for bit in _bits(reply)})
    whole = "".join(data.draw(st.lists(st.sampled_from(bits), max_size=14)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    edges = [0, *cuts, len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(edges)]

    expected = read(splitter_of(template), [whole])

    assert read(splitter_of(template), pieces) == expected
    assert read(splitter_of(template), list(whole)) == expected


def _bits(reply: str) -> list[str]:
    """Its tags and the words between them, and halves of both."""
    found = [bit for bit in re.split(r"(<[^<>]*>|\[[A-Z_/]+\]|[{}\s])", reply) if bit]
    return [*found, *(bit[: len(bit) // 2] for bit in found), *(bit[1:] for bit in found)]


@pytest.mark.threat("F10")
@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_text_without_calls_comes_out_whole(name: str, data: st.DataObject) -> None:
    """Nothing is lost, and nothing is invented, where no tag of thinking or of a call closes."""
    template, _ = FAMILIES[name]
    words = st.sampled_from([" ", "\n", "a", "<", "{", "[", "tool", "|", "get_weather", "é"])
    text = "x" + "".join(data.draw(st.lists(words, max_size=20)))

    assert read(splitter_of(template), list(text)) == [("answer", text)]


@pytest.mark.parametrize("name", FAMILIES)
def test_without_tools_in_the_request_nothing_is_a_call(name: str) -> None:
    template, replies = FAMILIES[name]
    for reply, _ in replies:
        for kind, _text in read(splitter_of(template, offered=""), list(reply)):
            assert kind in ("answer", "thinking")


def test_a_call_past_all_bounds_ends_as_text() -> None:
    for template, opening, ending in (
        ("<tool_call>", '<tool_call>{"name":"get","arguments":{"x":"', '"}}</tool_call>'),
        ("[TOOL_CALLS]", '[TOOL_CALLS]get[ARGS]{"x":"', '"}'),
        ("<|python_tag|>", '{"name":"get","parameters":{"x":"', '"}}'),
        ("<|start|><|channel|><|message|>", "<|channel|>c to=get<|message|>", "<|call|>"),
    ):
        reply = opening + "x" * 4_000_000 + ending
        reader = splitter_of(template)
        parts = [
            part
            for at in range(0, len(reply), 65_536)
            for part in reader.feed(reply[at : at + 65_536])
        ] + reader.finish()

        assert not any(part.call for part in parts)
        assert max(len(part.text) for part in parts) <= MAX_BLOCK_CHARS + 70_000
        assert sum(len(part.text) for part in parts) >= 4_000_000


@pytest.mark.threat("F13")
@pytest.mark.parametrize("name", FAMILIES)
def test_a_reply_made_to_be_slow_is_read_only_a_few_times(name: str) -> None:
    template, replies = FAMILIES[name]
    read_chars = 0

    def counting(form: Form) -> Form:
        def reader(body: str, offered: Tools) -> Calls | None:
            nonlocal read_chars
            read_chars += len(body)
            return form.read(body, offered)

        return replace(form, read=reader)

    forms = [counting(form) for form in Dialect.of(template).forms]
    tags = re.findall(r"<[^<>]*>|\[[A-Z_/]+\]", "".join(reply for reply, _ in replies))
    for tag in sorted({*tags, *(f.opening + "{" + (f.closing or "") for f in forms)}):
        for first in ("", *(form.opening + '{"' for form in forms)):
            reader = Blocks(forms, tools=tools()) if forms else splitter_of(template)
            read_chars = 0
            parts = [part for piece in [first, *[tag] * 2_000] for part in reader.feed(piece)]

            parts += reader.finish()

            assert joined(parts) == [("answer", first + tag * 2_000)] or not forms
            assert read_chars <= 20 * len(first + tag * 2_000)


# ── Control tokens ──────────────────────────────────────────────────────────────────────────────


def test_a_tag_that_is_a_control_token_counts_only_as_that_token() -> None:
    vocabulary = ScriptedVocabulary(
        markers=("</s>", "[TOOL_CALLS]", "[ARGS]"), ends=("</s>",), template=""
    )
    found = reading(
        Dialect.of("[TOOL_CALLS]"),
        vocabulary=vocabulary,
        tools=tools(),
        wants_thinking=True,
        is_open=False,
        is_going_on=False,
    )
    told = {token: data.decode() for token, data in found.marks.items()}
    token = told[vocabulary.markers["[TOOL_CALLS]"].token]
    arguments = told[vocabulary.markers["[ARGS]"].token]

    assert (token, arguments) == (raised("[TOOL_CALLS]"), raised("[ARGS]"))
    assert read(found.splitter, ["[TOOL_CALLS]get[ARGS]{} ", token, "get", arguments, "{}"]) == [
        ("answer", "[TOOL_CALLS]get[ARGS]{}"),
        NOW,
    ]


@pytest.mark.threat("F10")
def test_a_lone_control_token_is_never_shown() -> None:
    vocabulary = ScriptedVocabulary(markers=("</s>", "<|python_tag|>"), ends=("</s>",), template="")
    for pieces in (["a ", "!", " b"], ["!"], ["!", '{"x": 1}']):
        splitter = splitter_of("<|python_tag|>", vocabulary=vocabulary)
        told = [piece.replace("!", raised("<|python_tag|>")) for piece in pieces]

        shown = read(splitter, told)

        assert not any(is_own(text) for _, text in shown)
        assert "".join(text for _, text in shown) == "".join(pieces).replace("!", "")


# ── The rules of Ollama's own parser ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tag", "reply", "meant"),
    [
        ("{", '  {"name": "get_weather", "arguments": {"city": "Paris"}}', [PARIS]),
        ("{", '{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}', [PARIS]),
        ("{", '{"get_weather": {"city": "Paris"}}', [PARIS]),
        ("{", '{"a": {"name": "get_weather", "parameters": {"city": "Paris"}}}', [PARIS]),
        ("{", '{"a": "get_weather"}', [("call get_weather", '{"a":"get_weather"}')]),
        ("{", '{"name": "get"} and more {"name": "get"}', [NOW, NOW]),
        ("{", '{"name": "drop"} {"name": "get"}', [("answer", '{"name": "drop"} {"name": "get"}')]),
        ("{", 'So: {"name": "get"}', [("answer", 'So: {"name": "get"}')]),
        (
            "[",
            '[{"name": "get"}, {"name": "get_weather", "arguments": {"city": "Paris"}}]',
            [
                NOW,
                PARIS,
            ],
        ),
        ("[", '[{"a": 1}, 2] {"name": "get"}', [("answer", '[{"a": 1}, 2] {"name": "get"}')]),
        ("[", "[[1], {2", [("answer", "[[1], {2")]),
        (
            "<call>",
            'I look. <call>get {"x": 1}</call> bye',
            [
                ("answer", "I look."),
                ("call get", '{"x":1}'),
            ],
        ),
        ("<call>", "I look. <call>get {", [("answer", "I look. ")]),
        ("<call>", "I look. <cal", [("answer", "I look. <cal")]),
        ("<call>", '<call>get_weather{"city":"Paris"}', [PARIS]),
    ],
)
def test_calls_behind_a_tag_follow_the_known_rules(
    tag: str, reply: str, meant: list[tuple[str, str]]
) -> None:
    assert read(Tag(tag, tools=tools()), [reply]) == meant
    assert read(Tag(tag, tools=tools()), list(reply)) == meant


# ── What a call is ──────────────────────────────────────────────────────────────────────────────


def test_arguments_keep_their_order_and_are_always_json() -> None:
    offered = tools()

    written = offered.call("get", {"z": 1, "a": [1.5, None, "é\ud800"]})
    assert written is not None
    assert written.arguments == '{"z":1,"a":[1.5,null,"é?"]}'
    assert offered.call("get", {"x": float("inf")}) is None
    assert offered.call("get", [1]) is None
    assert offered.call("get", "[1]") is None
    assert offered.call("get", "") is not None
    assert offered.call(["get"], {}) is None


@pytest.mark.parametrize(
    "offered", ["", "{}", "[", "[1, {}]", '[{"function": {"name": ""}}]', "[" * 5_000]
)
def test_odd_tools_are_no_tools(offered: str) -> None:
    assert not Tools.read(offered)


def test_ids_look_as_clients_know_them() -> None:
    assert re.fullmatch(r"call_[a-z0-9]{8}", random_id())
    assert random_id() != random_id()
