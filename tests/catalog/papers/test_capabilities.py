"""What a model can do is read off its files, in the order of the contract."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from portal.catalog.papers import capabilities
from portal.catalog.papers.gguf import Header
from portal.catalog.storage.manifest import Config

GO_TOOLS = "{{ range .Messages }}{{ .Content }}{{ end }}{{ if .Tools }}{{ .Tools }}{{ end }}"
GO_ROUND_TRIP = (
    "{{ .Tools }}{{ range .Messages }}{{ .ToolCalls }}"
    '{{ if eq .Role "tool" }}<tool_response>{{ .Content }}{{ end }}{{ end }}'
)
GO_THINKING = (
    "{{ range .Messages }}{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}{{ end }}"
)
JINJA_TOOLS = "{% if tools %}{% endif %}"
JINJA_ROUND_TRIP = "{% for m in messages %}{{ tools }}{{ m.tool_calls }}{{ m.role == 'tool' }}"
JINJA_BOTH = JINJA_ROUND_TRIP + "<think></think>"


def header(template: str = "", **metadata: Any) -> Header:
    values = {f"llama.{key.replace('__', '.')}": value for key, value in metadata.items()}
    return Header(
        version=3,
        metadata={
            "general.architecture": "llama",
            **({"tokenizer.chat_template": template} if template else {}),
            **values,
        },
        tensors=(),
        tensor_bytes=0,
        parameter_count=0,
    )


def told(
    *,
    config: Config | None = None,
    jinja: str = "",
    go: str = "",
    projector: Header | None = None,
    **metadata: Any,
) -> tuple[Sequence[str], Sequence[str]]:
    """(as `show` tells it, as lists tell it)."""
    known: dict[str, Any] = {
        "header": header(jinja, **metadata),
        "template": go,
        "projector": projector,
    }
    given = config or Config()
    return capabilities.of(given, **known), capabilities.as_listed(given, **known)


def named(**others: str) -> Config:
    return Config(others=others)


@pytest.mark.parametrize(
    ("what", "shown", "listed"),
    [
        ({}, ["completion"], ["completion"]),
        ({"pooling_type": 1}, ["embedding"], ["embedding"]),
        ({"pooling_type": 4}, ["embedding", "rerank"], ["embedding", "rerank"]),
        ({"jinja": JINJA_TOOLS}, ["tools", "completion"], ["completion"]),
        ({"go": GO_TOOLS}, ["completion", "tools"], ["completion", "tools"]),
        ({"go": "{{ .Prompt }}{{ .Suffix }}"}, ["completion", "insert"], ["completion", "insert"]),
        ({"go": GO_THINKING}, ["completion", "thinking"], ["completion", "thinking"]),
        ({"go": "{{ .Tools"}, ["completion"], ["completion"]),
        (
            {"vision__block_count": 2, "audio__block_count": 2},
            ["completion", "vision", "audio"],
            ["vision", "audio", "completion"],
        ),
        (
            {"config": Config(capabilities=("image", "tools")), "go": GO_TOOLS},
            ["image", "tools", "completion"],
            ["completion", "image", "tools"],
        ),
        (
            {"config": named(parser="qwen3-thinking")},
            ["completion", "tools", "thinking"],
            ["completion", "tools", "thinking"],
        ),
        ({"config": named(parser="unheard-of")}, ["completion"], ["completion"]),
        (
            {"config": Config(model_family="gptoss"), "go": GO_TOOLS},
            ["completion", "tools", "thinking"],
            ["completion", "tools"],
        ),
    ],
)
def test_each_rule_adds_its_own_in_order(
    what: dict[str, Any], shown: list[str], listed: list[str]
) -> None:
    assert told(**what) == (shown, listed)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, ["completion", "vision"]),
        ({"clip.has_audio_encoder": True}, ["completion", "vision", "audio"]),
        (
            {"clip.has_audio_encoder": True, "clip.projector_type": "gemma3nv"},
            ["completion", "vision"],
        ),
    ],
)
def test_a_projector_lets_it_see_and_some_let_it_hear(
    metadata: dict[str, Any], expected: list[str]
) -> None:
    eyes = dataclasses.replace(header(), metadata=metadata)

    assert told(projector=eyes) == (expected, expected)


@pytest.mark.parametrize(
    ("go", "jinja", "config", "is_jinja"),
    [
        ("", "", Config(), False),
        ("", JINJA_TOOLS, Config(), True),
        (GO_TOOLS, "", Config(), False),
        (GO_TOOLS, JINJA_TOOLS, Config(), False),  # alike, and neither shows what tools answered
        (GO_TOOLS, JINJA_ROUND_TRIP, Config(), True),  # alike, and only one does
        (GO_ROUND_TRIP, JINJA_ROUND_TRIP, Config(), False),
        ("{{ .Prompt }}", JINJA_TOOLS, Config(), True),  # it can do more
        (GO_ROUND_TRIP, JINJA_TOOLS + "<think></think>", Config(), False),  # more, but loses these
        (GO_ROUND_TRIP, JINJA_BOTH, Config(), True),
        (GO_TOOLS, "<think></think>", Config(), False),  # as much, but other things
        ("{{ .Prompt }}", JINJA_BOTH, named(renderer="qwen3-coder"), False),
        ("{{ .Prompt }}", JINJA_BOTH, named(parser="qwen3"), False),
        ("{{ .Prompt }}", JINJA_BOTH, Config(model_family="gpt-oss"), False),
    ],
)
def test_which_of_two_templates_is_used_follows_the_rule(
    go: str, jinja: str, config: Config, is_jinja: bool
) -> None:
    assert capabilities.jinja_renders(config, header=header(jinja), template=go) == is_jinja
