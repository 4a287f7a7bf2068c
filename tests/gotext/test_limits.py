"""A template cannot reach what it is not given, nor take more than it may (threat E18)."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gotext
from gotext import Limits, List, Record, Table, Value
from tests.gotext.test_language import TODAY, rendered


@pytest.mark.threat("E18")
@pytest.mark.parametrize(
    "source",
    [
        "{{ range 1000000000 }}{{ end }}",
        "{{ range 1000000000 }}a{{ end }}",
        "{{ range 10000 }}{{ range 10000 }}{{ end }}{{ end }}",
        "{{ $x := `aaaaaaaaaa` }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}",
        "{{ $x := `aaaaaaaaaa` }}{{ range 60 }}{{ $x = printf `%s%s` $x $x }}{{ end }}",
        "{{ range 1000000 }}{{ printf `%1000000d` 1 }}{{ end }}",
        "{{ printf `%999999999999d` 1 }}",
        "{{ printf `%.999999999999f` 1.5 }}",
        "{{ define `r` }}{{ template `r` . }}{{ end }}{{ template `r` }}",
        "{{ define `a` }}{{ template `b` . }}{{ template `b` . }}{{ end }}"
        "{{ define `b` }}{{ template `a` . }}{{ template `a` . }}{{ end }}{{ template `a` . }}",
        "{{ range 100000 }}{{ json $.Big }}{{ end }}",
        "{{ range 100000 }}{{ $.Big }}{{ end }}",
        "{{ range 100000 }}{{ html $.Big }}{{ end }}",
    ],
)
def test_a_template_that_would_run_for_ever_or_write_without_end_is_refused(source: str) -> None:
    began = time.process_time()

    with pytest.raises(gotext.ExecError):
        rendered(source, Big=["x" * 100] * 100)

    assert time.process_time() - began < 10


@pytest.mark.threat("E18")
@pytest.mark.parametrize(
    "source",
    [
        "{{ if 1 }}" * 10_000,
        "{{ if 1 }}" * 500 + "{{ end }}" * 500,
        "{{ " + "(" * 10_000 + "1" + ")" * 10_000 + " }}",
        "{{ if 0 }}" + "{{ else if 0 }}" * 5_000 + "{{ end }}",
        "{{ " + "1" * 2_000_000 + " }}",
        "x" * 1_000_001,
    ],
    ids=["open", "nested", "parentheses", "else if", "digits", "long"],
)
def test_a_template_that_is_too_deep_or_too_long_is_refused(source: str) -> None:
    with pytest.raises(gotext.ParseError):
        gotext.parse(source)


@pytest.mark.threat("E18")
@pytest.mark.parametrize(
    "name", ["__class__", "__init__", "__globals__", "format", "items", "go_type", "fields"]
)
def test_names_are_looked_up_in_what_was_given_and_nowhere_else(name: str) -> None:
    data: dict[str, Value] = {
        "S": "text",
        "L": List([1]),
        "M": Table({"a": 1}),
        "R": Record("pkg.Thing", {"A": 1}),
    }

    def written(source: str) -> str:
        return gotext.parse(source).render(data, today=TODAY)

    assert written(f"{{{{ .{name} }}}}{{{{ .M.{name} }}}}") == "<no value><no value>"
    assert written(f"{{{{ index .M `{name}` }}}}") == "<no value>"
    for held in ("S", "L", "R"):
        with pytest.raises(gotext.ExecError, match="can't evaluate field"):
            written(f"{{{{ .{held}.{name} }}}}")


@pytest.mark.threat("E18")
def test_the_limits_can_be_set_by_who_runs_it() -> None:
    template = gotext.parse("{{ range 100 }}abc{{ end }}")

    assert len(template.render({}, today=TODAY)) == 300
    with pytest.raises(gotext.ExecError, match="output is too large"):
        template.render({}, today=TODAY, limits=Limits(chars=299))
    with pytest.raises(gotext.ExecError, match="too many steps"):
        template.render({}, today=TODAY, limits=Limits(steps=99))


_PIECES = st.sampled_from(
    [
        *("{{", "}}", "{{-", "-}}", "if", "else", "end", "range", "with", "define", "template"),
        *("block", "break", "$x", ":=", "=", "|", "(", ")", ",", ".", ".A", "$", "nil", "1", "'a'"),
        *('"b"', "`c`", "and", "index", "printf", "slice", " ", "\n", "/*", "*/", "text", "%", "é"),
    ]
)


@pytest.mark.threat("E18")
@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=40))
def test_whatever_is_written_it_is_a_template_or_refused_in_words(pieces: list[str]) -> None:
    limits = Limits(steps=2_000, chars=10_000)
    complaint = ""
    try:
        gotext.parse("".join(pieces)).render({"A": "a"}, today=TODAY, limits=limits)
    except gotext.TemplateError as error:
        complaint = str(error)

    assert not complaint or complaint.startswith("template: ")
