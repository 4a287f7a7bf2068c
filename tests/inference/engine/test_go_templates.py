"""Templates in Go's language write prompts as Ollama has them; no message becomes a mark (E19)."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from inference.engine.prompt import NoSuchToken, Prompt, PromptBuilder, TooLong, shown
from inference.engine.replies import choose
from inference.engine.replies.dialects import Dialect
from inference.engine.replies.tools import Tools
from inference.engine.scripted import ScriptedVocabulary
from inference.engine.templates.go import BARE_TEMPLATE
from inference.engine.templates.jinja import TemplateRefused
from inference.engine.templates.origin import raised
from inference.engine.templates.sandbox import ChildRenderer, Renderer, TrustedRenderer
from inference.engine.turns import read_tools
from inference.protocol import Completion, Message, ToolCall
from tests.inference.engine.families import Family
from tests.inference.engine.go_families import (
    ALPACA,
    CODER,
    DEEPSEEK,
    FAMILIES,
    GEMMA,
    LEGACY_CHATML,
    LLAMA2,
    LLAMA3,
    MISTRAL,
    PHI3,
    QWEN3,
    VICUNA,
)

SYSTEM = Message(role="system", content="S")
TALK = (
    SYSTEM,
    Message(role="user", content="a"),
    Message(role="assistant", content="b"),
    Message(role="user", content="c"),
)
TOOLS = (
    '[{"type": "function", "function": {"name": "f", "description": "<d>", "parameters":'
    ' {"type": "object", "required": ["z"], "properties": {"z": {"type": ["string"]},'
    ' "b": {"description": "two", "type": ["integer", "null"], "more": 1}}}}}]'
)
CALLS = (
    Message(role="user", content="a"),
    Message(
        role="assistant",
        content="",
        tool_calls=(ToolCall(name="f", arguments='{"z": "<", "b": [1, 2.5]}'),),
    ),
    Message(role="tool", content="r", tool_name="f"),
)


def builder_of(
    family: Family, *, context_length: int = 4096, renderer: Renderer | None = None
) -> PromptBuilder:
    return PromptBuilder(
        ScriptedVocabulary(markers=family.markers, ends=(family.end,), bos_text=family.bos),
        template=family.template,
        renderer=renderer or TrustedRenderer(),
        context_length=context_length,
        wall_clock=lambda: 0.0,
        language="go",
    )


def built(family: Family, messages: Sequence[Message], **more: Any) -> Prompt:
    return builder_of(family).build(messages, **more)


def written(family: Family, messages: Sequence[Message], **fields: Any) -> str:
    return shown(built(family, messages, fields=fields).parts)


@pytest.mark.parametrize(
    ("family", "fields", "expected"),
    [
        (
            ALPACA,
            {},
            "S\n\n### Instruction:\na\n\n### Response:\nb\n\n"
            "### Instruction:\nc\n\n### Response:\n",
        ),
        (VICUNA, {}, "S\n\nUSER: a\nASSISTANT: b</s>\nUSER: c\nASSISTANT: "),
        (
            LLAMA2,
            {},
            "[INST] <<SYS>>\nS\n<</SYS>>\n\na [/INST] b</s><s>[INST] c [/INST] ",
        ),
        (
            LEGACY_CHATML,
            {},
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
            "<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n"
            "<|im_start|>assistant\n",
        ),
        (
            PHI3,
            {},
            "<|system|>\nS<|end|>\n<|user|>\na<|end|>\n<|assistant|>\nb<|end|>\n"
            "<|user|>\nc<|end|>\n<|assistant|>\n",
        ),
        (
            LLAMA3,
            {},
            "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\na<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nb<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nc<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        (
            QWEN3,
            {"think": False},
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
            "<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc /no_think<|im_end|>\n"
            "<|im_start|>assistant\n<think>\n\n</think>\n\n",
        ),
        (MISTRAL, {}, "[INST] a[/INST] b</s>[INST] S\n\nc[/INST]"),
        (
            GEMMA,
            {},
            "<start_of_turn>user\nS<end_of_turn>\n<start_of_turn>user\na<end_of_turn>\n"
            "<start_of_turn>model\nb<end_of_turn>\n<start_of_turn>user\nc<end_of_turn>\n"
            "<start_of_turn>model\n",
        ),
        (
            DEEPSEEK,
            {"think": True},
            "S<｜User｜>a<｜Assistant｜>b<｜end▁of▁sentence｜><｜User｜>c<｜Assistant｜><think>\n",
        ),
        (
            CODER,
            {},
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
            "<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n"
            "<|im_start|>assistant\n",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Family) else "",
)
def test_a_talk_reads_as_its_family_writes_it(
    family: Family, fields: dict[str, Any], expected: str
) -> None:
    assert written(family, TALK, **fields) == expected


def test_tools_calls_and_results_read_as_their_families_write_them() -> None:
    tools = read_tools(TOOLS)
    function = (
        '{"name":"f","description":"\\u003cd\\u003e","parameters":{"type":"object",'
        '"required":["z"],"properties":{"b":{"type":["integer","null"],"description":"two"},'
        '"z":{"type":"string"}}}}'
    )
    arguments = '{"b":[1,2.5],"z":"\\u003c"}'

    assert written(QWEN3, CALLS, tools=tools) == (
        "<|im_start|>system\n\n\n# Tools\n<tools>\n"
        f'{{"type": "function", "function": {function}}}\n</tools><|im_end|>\n'
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n<tool_call>\n"
        f'{{"name": "f", "arguments": {arguments}}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\nr\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert written(MISTRAL, CALLS[:1], tools=tools) == (
        f'[AVAILABLE_TOOLS] [{{"type":"function","function":{function}}}][/AVAILABLE_TOOLS]'
        "[INST] a[/INST]"
    )
    assert written(MISTRAL, CALLS) == (
        f'[INST] a[/INST][TOOL_CALLS] [{{"name": "f", "arguments": {arguments}}}]</s>'
        '[TOOL_RESULTS] {"content": r}[/TOOL_RESULTS]'
    )


def test_a_suffix_takes_the_place_of_the_talk_only_where_there_is_one() -> None:
    prompt = Message(role="user", content="def f(")

    filled = written(CODER, (prompt,), suffix="return x")
    plain = written(CODER, (prompt,), suffix="")

    assert filled == "<|fim_prefix|>def f(<|fim_suffix|>return x<|fim_middle|>"
    assert plain == "<|im_start|>user\ndef f(<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    ("template", "messages", "expected"),
    [
        # Turns of one role are one, whatever they are; a system turn between others stays there.
        (
            "{{ range .Messages }}{{ .Role }}:{{ .Content }};{{ end }}",
            "ssuuaa",
            "system:0\n\n1;user:2\n\n3;assistant:4\n\n5;",
        ),
        ("{{ range .Messages }}{{ .Role }}:{{ .Content }};{{ end }}", "tt", "tool:0;tool:1;"),
        ("{{ .System }}|{{ range .Messages }}{{ .Content }}{{ end }}", "susu", "0\n\n2|0123"),
        # What a talk gives has no Prompt.
        ("{{ .Prompt }}{{ range .Messages }}{{ end }}", "u", "<no value>"),
        # Rounds: each runs the template, the last one only as far as the answer.
        ("<{{ .System }}|{{ .Prompt }}|{{ .Response }}>", "suausu", "<0|1|2><|3|><4|5|"),
        ("<{{ .Prompt }}|{{ .Response }}>", "ua", "<0|1"),
        ("<{{ .Prompt }}|{{ .Response }}>", "utu", "<2|"),
        # Without a place for the answer that is the end.
        ("<{{ .Prompt }}>", "uau", "<0>1<2>"),
        (BARE_TEMPLATE, "u", "0"),
    ],
)
def test_the_modes_of_templates(template: str, messages: str, expected: str) -> None:
    roles = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
    talk = [
        msgspec.convert({"role": roles[letter], "content": str(at)}, Message)
        for at, letter in enumerate(messages)
    ]

    assert (
        written(Family(name="", template=template, markers=("</s>",), end="</s>"), talk) == expected
    )


@pytest.mark.parametrize(
    ("think", "expected"),
    [
        (None, "false||false"),
        (True, "true|medium|true"),
        (False, "false||true"),
        ("high", "true|high|true"),
    ],
)
def test_a_template_is_told_whether_to_think_and_how_hard(
    think: bool | str | None, expected: str
) -> None:
    family = Family(
        name="",
        template="{{ .Think }}|{{ .ThinkLevel }}|{{ .IsThinkSet }}{{ range .Messages }}{{ end }}",
        markers=("</s>",),
        end="</s>",
    )

    assert written(family, TALK[1:2], think=think) == expected


# ── What people write stays what people write ───────────────────────────────────────────────────


@pytest.mark.threat("E19")
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_marks_in_peoples_words_are_only_letters(family: Family) -> None:
    marks = "".join(family.markers)

    def specials(text: str, name: str) -> list[int]:
        tools = read_tools(TOOLS.replace('"f"', f'"{name}"').replace("two", name))
        talk = [
            Message(role="system", content=text),
            Message(role="user", content=text),
            Message(
                role="assistant",
                content="",
                thinking=text,
                tool_calls=(ToolCall(name=name, arguments=f'{{"z": "{text}"}}', id=name),),
            ),
            Message(role="tool", content=text, tool_name=name, tool_call_id=name),
            Message(role="user", content=text),
        ]
        fields = {"tools": tools if family.has_tools else None, "think": True}
        tokens = built(family, talk, fields=fields).tokens
        return [token for token in tokens if token < len(family.markers)]

    assert specials(marks, marks) == specials("x", "x")


@pytest.mark.threat("E19")
def test_words_raised_into_the_letters_of_a_template_are_not_taken_for_its_own() -> None:
    talk = (Message(role="user", content=raised("<|im_end|>") + "x"),)

    tokens = built(LEGACY_CHATML, talk).tokens

    assert len([token for token in tokens if token < 2]) == 3  # the template's own


@pytest.mark.threat("E18")
@pytest.mark.parametrize(
    "template",
    [
        "{{ range 1000000000 }}{{ end }}{{ .Prompt }}",
        "{{ define `r` }}{{ template `r` }}{{ end }}{{ template `r` }}{{ .Prompt }}",
        "{{ $x := .Prompt }}{{ range 90 }}{{ $x = print $x $x }}{{ end }}",
        "{{ range .Messages }}{{ .__class__ }}{{ end }}",
        "{{ range .Messages }}{{ .Content.__class__ }}{{ end }}",
        "{{ .Prompt",
    ],
)
def test_a_hostile_template_is_refused_at_once_and_in_words_without_peoples_text(
    template: str,
) -> None:
    family = Family(name="", template=template, markers=("</s>",), end="</s>")
    renderer = ChildRenderer()
    builder = builder_of(family, renderer=renderer)
    secret = (Message(role="user", content="secret" * 10),)
    try:
        builder_of(LEGACY_CHATML, renderer=renderer).build(secret)  # the child is there
        began = time.process_time()
        with pytest.raises(TemplateRefused) as refused:
            builder.build(secret)
    finally:
        renderer.close()

    assert time.process_time() - began < 10
    assert "secret" not in str(refused.value)


def test_a_field_that_messages_do_not_have_is_named_as_go_names_it() -> None:
    family = Family(
        name="", template="{{ range .Messages }}{{ .Foo }}{{ end }}", markers=("</s>",), end="</s>"
    )

    with pytest.raises(TemplateRefused, match=r"can't evaluate field Foo in type \*template\.temp"):
        built(family, TALK)


# ── Prompts that are gone on with ───────────────────────────────────────────────────────────────


def test_a_raw_prompt_is_read_as_it_stands_with_its_marks() -> None:
    text = "<|im_start|>user\nhi<|im_end|>\n"
    prompt = built(
        LEGACY_CHATML,
        (Message(role="user", content=text),),
        completion=Completion(is_raw=True),
    )

    assert shown(prompt.parts) == text
    assert [token for token in prompt.tokens if token < 2] == [0, 1]


def test_tokens_of_earlier_come_first_but_behind_the_beginning() -> None:
    messages = (Message(role="user", content="c"),)
    known = ScriptedVocabulary().encode("of earlier")
    alone = built(LLAMA2, messages, completion=Completion())
    after = built(LLAMA2, messages, completion=Completion(context=(*known, 2)))

    assert alone.tokens[0] == 0  # <s>
    assert after.tokens == [0, *known, 2, *alone.tokens[1:]]
    assert shown(after.parts) == shown(alone.parts)
    with pytest.raises(NoSuchToken):
        built(LLAMA2, messages, completion=Completion(context=(2**31,)))


def test_what_does_not_fit_is_dropped_cut_or_refused_as_was_asked() -> None:
    builder = builder_of(LEGACY_CHATML, context_length=64)
    long = [Message(role="user", content=letter * 40) for letter in "ab"]
    talk = [
        SYSTEM,
        long[0],
        Message(role="assistant", content="x"),
        Message(role="user", content="c"),
    ]

    all_of_it = len(builder_of(LEGACY_CHATML).build(talk).tokens)
    tight = builder_of(LEGACY_CHATML, context_length=all_of_it)

    dropped = shown(tight.build(talk).parts)

    assert "S" in dropped
    assert "aaa" not in dropped
    assert dropped.endswith("c<|im_end|>\n<|im_start|>assistant\n")
    with pytest.raises(TooLong):
        tight.build(talk, truncate=False)
    with pytest.raises(TooLong):
        builder.build([Message(role="user", content="w " * 100)])
    cut = builder.build([Message(role="user", content="w " * 100)], shift=True).tokens
    whole = builder_of(LEGACY_CHATML).build([Message(role="user", content="w " * 100)]).tokens
    # 64 tokens, 4 of the beginning kept: half of the 60 others are left free.
    assert len(cut) == 64 - 30
    assert cut == [*whole[:4], *whole[-30:]]


# ── What such models answer ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("family", "tag", "opening"),
    [
        (QWEN3, "<tool_call>", "<think>"),
        (MISTRAL, "[TOOL_CALLS] [", None),
        (LLAMA3, "{", None),
        (DEEPSEEK, "{", "<think>"),
        (PHI3, "{", None),
    ],
    ids=lambda value: value.name if isinstance(value, Family) else "",
)
def test_how_a_model_writes_calls_and_thoughts_is_read_off_its_template(
    family: Family, tag: str, opening: str | None
) -> None:
    dialect = Dialect.of_go(family.template)

    assert (dialect.tag, dialect.opening) == (tag, opening)


def test_a_call_behind_a_mark_that_nobody_sees_is_found() -> None:
    vocabulary = ScriptedVocabulary(
        markers=MISTRAL.markers, ends=(MISTRAL.end,), bos_text=MISTRAL.bos
    )
    reading = choose.reading(
        Dialect.of_go(MISTRAL.template),
        vocabulary=vocabulary,
        tools=Tools.read(TOOLS, new_id=lambda: "call_1"),
        wants_thinking=True,
        is_open=False,
        is_going_on=False,
    )
    mark = reading.marks[vocabulary.markers["[TOOL_CALLS]"].token].decode()

    parts = reading.splitter.feed(mark + ' [{"name": "f", "arguments": {"z": "1"}}]')

    assert [part.call for part in [*parts, *reading.splitter.finish()]] == [
        ToolCall(name="f", arguments='{"z":"1"}', id="call_1")
    ]
