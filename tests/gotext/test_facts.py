"""What a template says of its model, by the rules of the contract."""

import pytest

import gotext
from tests.gotext.test_language import TODAY

TOOLS = (
    "{{ range .Messages }}{{ if .Content }}{{ .Content }}"
    "{{ else if .ToolCalls }}CALLS{{ range .ToolCalls }}{{ .Function.Name }}{{ end }}"
    "{{ end }}{{ end }}"
)


def test_the_names_of_a_template_are_those_of_its_fields_and_variables_however_deep() -> None:
    template = gotext.parse(
        "{{ define `d` }}{{ .Deep }}{{ end }}{{ if and .Tools (eq $.Role `x`) }}"
        "{{ range $i, $m := .Messages }}{{ ($m.ToolCalls).Inner }}{{ end }}"
        "{{ else }}{{ .Else }}{{ end }}"
    )

    assert gotext.names_in(template) == {
        *("deep", "tools", "role", "messages", "toolcalls", "inner", "else"),
        *("$", "$i", "$m"),
    }


@pytest.mark.parametrize(
    ("source", "tags"),
    [
        (
            "{{ range .Messages }}{{ if .Thinking }}<think>{{ .Thinking }}</think>"
            "{{ end }}{{ end }}",
            ("<think>", "</think>"),
        ),
        (
            "{{ range $i, $m := $.Messages }}text{{ if and .Thinking $.Think }}\n <t>\n"
            "{{ .Thinking }}\n</t>\n{{ end }}{{ .Content }}tail{{ end }}",
            ("<t>", "</t>"),
        ),
        ("{{ .Thinking }}", None),
        ("{{ range .Others }}<a>{{ .Thinking }}</a>{{ end }}", None),
        ("{{ range .Messages }}{{ range .Parts }}<a>{{ .Thinking }}</a>{{ end }}{{ end }}", None),
        ("{{ range .Messages }}<a>{{ .Thinking }}{{ end }}", None),
        ("{{ range .Messages }}{{ .Content }}{{ end }}", None),
    ],
)
def test_thinking_stands_between_the_texts_of_its_own_block(
    source: str, tags: tuple[str, str] | None
) -> None:
    assert gotext.thinking_tags(gotext.parse(source)) == tags


@pytest.mark.parametrize(
    ("source", "tag"),
    [
        (
            "{{ if .ToolCalls }}<tool_call>\n{{ range .ToolCalls }}{}{{ end }}{{ end }}",
            "<tool_call>",
        ),
        (
            "{{ if .ToolCalls }}[TOOL_CALLS] [{{ range .ToolCalls }}x{{ end }}]{{ end }}",
            "[TOOL_CALLS] [",
        ),
        ('{{ if .ToolCalls }}{{ range .ToolCalls }}{"name": 1}{{ end }}{{ end }}', "{"),
        ('{{ if .ToolCalls }}call: {"name": 1}{{ end }}', "call:"),
        ("{{ if .ToolCalls }}{{ .Content }}later{{ end }}", "{"),
        ("{{ if .Tools }}<other>{{ end }}", "{"),
        (TOOLS, "CALLS"),
        (
            "{{ range .Messages }}{{ with .X }}{{ if and .A .ToolCalls }} \n T {{ end }}"
            "{{ end }}{{ end }}",
            "T",
        ),
    ],
)
def test_the_tag_of_calls_is_the_first_text_where_they_are_written(source: str, tag: str) -> None:
    assert gotext.tool_tag(gotext.parse(source)) == tag


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a{{ .Response }}b{{ .Response }}", "aR"),
        ("{{ if .P }}a{{ .Response }}b{{ end }}c", "aR"),
        ("{{ if .N }}x{{ .Response }}{{ else }}y{{ end }}c", ""),
        ("a{{ .P }}b", "aPb"),
        ("{{ if .Response }}x{{ .Response }}y{{ end }}z", ""),
    ],
)
def test_nothing_stands_behind_the_first_use_of_a_field(source: str, expected: str) -> None:
    cut = gotext.until_field(gotext.parse(source), "Response")

    assert cut.render({"Response": "R", "P": "P"}, today=TODAY) == expected
