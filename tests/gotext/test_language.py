"""The template language says what Go's text/template says. Expectations are written by hand."""

import datetime
from typing import Any, cast

import pytest

import gotext
from gotext import List, Record, Table, Value

TODAY = datetime.date(2026, 3, 1)
DATA: dict[str, Any] = {
    "L": [1, 2, 3],
    "M": {"b": "x<", "a": [1]},
    "S": "hé",
    "T": True,
    "E": [],
    "R": Record("pkg.Thing", {"Name": "n", "Size": 2}),
}


def valued(given: Any) -> Value:
    if isinstance(given, list):
        return List([valued(each) for each in given])
    if isinstance(given, dict):
        return Table({name: valued(each) for name, each in given.items()})
    return cast(Value, given)


def rendered(source: str, **data: Any) -> str:
    given = {name: valued(each) for name, each in {**DATA, **data}.items()}
    return gotext.parse(source).render(given, today=TODAY)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # Text, trimming, comments
        ("a {{- 3 -}} b", "a3b"),
        ("a {{ 3 -}}\n\n\t b", "a 3b"),
        ("a\n{{- /* nothing */ -}}\nb", "ab"),
        ("{{/* a\ncomment */}}x", "x"),
        ("{{-3}}", "-3"),
        # Literals
        ("{{ 'a' }} {{ 0x1F }} {{ 1_000 }} {{ -5 }} {{ +7 }} {{ 0o17 }}", "97 31 1000 -5 7 15"),
        ("{{ 1e3 }} {{ 1.50 }} {{ 1e21 }} {{ 1e-5 }} {{ .5 }}", "1000 1.5 1e+21 1e-05 0.5"),
        (r'{{ "a\n\"\u00e9\x41\101" }}', 'a\n"éAA'),
        ("{{ `a\\n\nb` }}", "a\\n\nb"),
        ("{{ true }}{{ false }}", "truefalse"),
        # Fields, variables, the root
        ("{{ .S }}{{ $.S }}{{ .R.Name }}{{ (.R).Size }}", "héhén2"),
        (
            "{{ .M.a }} {{ .M.zz }} {{ .Nothing }} {{ .Nothing.More }}",
            "[1] <no value> <no value> <no value>",
        ),
        ("{{ $x := 1 }}{{ if .T }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ $x := 1 }}{{ if .T }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ("{{ range .L }}{{ $.S }}{{ . }}{{ end }}", "hé1hé2hé3"),
        # Branches
        ("{{ if .E }}a{{ else if .T }}b{{ else }}c{{ end }}", "b"),
        ("{{ with .M }}{{ .b }}{{ else }}none{{ end }}", "x<"),
        ("{{ with .E }}a{{ else }}{{ len .L }}{{ end }}", "3"),
        ("{{ with $y := .S }}{{ $y }}{{ . }}{{ end }}", "héhé"),
        # Loops
        ("{{ range $i, $e := .L }}{{ $i }}={{ $e }},{{ end }}", "0=1,1=2,2=3,"),
        ("{{ range $e := .L }}{{ $e }}{{ end }}", "123"),
        ("{{ range $k, $v := .M }}{{ $k }}{{ end }}", "ab"),
        ("{{ range .E }}x{{ else }}empty{{ end }}", "empty"),
        ("{{ range .Nothing }}x{{ else }}empty{{ end }}", "empty"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range .L }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "13"),
        ("{{ range .L }}{{ if eq . 2 }}{{ break }}{{ end }}{{ . }}{{ end }}", "1"),
        # Named templates
        ('{{ define "a" }}<{{ . }}>{{ end }}{{ template "a" 5 }}', "<5>"),
        ('{{ block "b" .L }}[{{ len . }}]{{ end }}', "[3]"),
        ('{{ define "a" }}{{ $ }}{{ end }}{{ template "a" .S }}', "hé"),
        # and, or, not
        ("{{ and 1 0 }} {{ and 1 2 }} {{ or 0 `x` }} {{ or 0 `` }}|", "0 2 x |"),
        ("{{ and .E (index .L 99) }}|{{ not .E }}", "[]|true"),
        # Comparisons
        (
            "{{ eq 1 2 1 }} {{ eq .S `hé` }} {{ ne 1 2 }} {{ eq .Nothing `x` }}",
            "true true true false",
        ),
        ("{{ lt 1 2 }} {{ le 2 2 }} {{ gt `b` `a` }} {{ ge 1.5 2.5 }}", "true true true false"),
        # len, index, slice
        ("{{ len .S }} {{ len .M }} {{ index .L 1 }} {{ index .M `b` }}", "3 2 2 x<"),
        ("{{ index .M `zz` }} {{ index .M `a` 0 }}", "<no value> 1"),
        ("{{ slice .L 1 }} {{ slice .L 1 2 }} {{ slice `häß` 1 3 }}", "[2 3] [2] ä"),
        ("{{ eq (len (slice .L 2)) 1 }}", "true"),
        # Printing
        ("{{ print 1 2 `a` 3 4 }}|{{ println 1 `a` }}", "1 2a3 4|1 a\n"),
        ('{{ printf "%5d|%-4s|%04d|%+d" 42 "ab" 7 5 }}', "   42|ab  |0007|+5"),
        ('{{ printf "%q %v %s %t %%" "a\\"b" .L "x" true }}', '"a\\"b" [1 2 3] x true %'),
        ('{{ printf "%.2f %x %c %U" 3.14159 255 65 65 }}', "3.14 ff A U+0041"),
        ('{{ printf "%d" "x" }} {{ printf "%s" }}', "%!d(string=x) %!s(MISSING)"),
        ('{{ printf "a" 1 }}', "a%!(EXTRA int=1)"),
        ("{{ .L }} {{ .M }} {{ .R }} {{ .E }}", "[1 2 3] map[a:[1] b:x<] {n 2} []"),
        ("{{ print nil }} {{ printf `%v` .Nothing }}", "<nil> <nil>"),
        # Escaping and what Ollama adds
        ("{{ json .M }}", '{"a":[1],"b":"x\\u003c"}'),
        (
            "{{ html `<a'\">&` }} {{ urlquery `a b&` }} {{ js `a'b` }}",
            "&lt;a&#39;&#34;&gt;&amp; a+b%26 a\\'b",
        ),
        (
            "{{ html nil }} {{ js `a\n\u2028` 1 nil 2 }} {{ urlquery 1 2 nil }}",
            "&lt;no value&gt; a\\u000A\\u20281\\u003Cno value\\u003E2 1+2%3Cno+value%3E",
        ),
        ("{{ currentDate }} {{ yesterdayDate }}", "2026-03-01 2026-02-28"),
        ("{{ currentDate `any` }}", "2026-03-01"),
        # Pipelines
        ("{{ .L | len | printf `%d!` }} {{ 1 | eq 1 }}", "3! true"),
        ("{{ (printf `%s` (index .M `b`)) | len }}", "2"),
    ],
)
def test_it_writes_what_go_writes(source: str, expected: str) -> None:
    assert rendered(source) == expected


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{{ .Prompt", "template: :1: unclosed action"),
        ("{{ if .Prompt }}", "template: :1: unexpected EOF"),
        ("{{ Prompt }}", 'template: :1: function "Prompt" not defined'),
        ("{{ end }}", "template: :1: unexpected {{end}}"),
        ("a\n\n{{ else }}", "template: :3: unexpected {{else}}"),
        ("{{\nif\n.X", "template: :3: unclosed action started at :1"),
        ("{{/* a", "template: :1: unclosed comment"),
        ("{{/* a */ b}}", "template: :1: comment ends before closing delimiter"),
        ('{{ "a }}', "template: :1: unterminated quoted string"),
        ("{{ `a }}", "template: :1: unterminated raw quoted string"),
        ("{{ (1 }}", "template: :1: unclosed left paren"),
        ("{{ 1) }}", "template: :1: unexpected right paren"),
        ("{{ 1x }}", 'template: :1: bad number syntax: "1x"'),
        ("{{ .a-b }}", "template: :1: bad character U+002D '-'"),
        ("{{ § }}", "template: :1: unrecognized character in action: U+00A7 '§'"),
        ("{{ $q }}", 'template: :1: undefined variable "$q"'),
        ("{{ $x := 1 }}{{ define `a` }}{{ $x }}{{ end }}", 'template: :1: undefined variable "$x"'),
        ("{{ }}", "template: :1: missing value for command"),
        ("{{ if }}{{ end }}", "template: :1: missing value for if"),
        ("{{ 1 | 2 }}", "template: :1: non executable command in pipeline stage 2"),
        ("{{ break }}", "template: :1: {{break}} outside {{range}}"),
        (
            "{{ define `t` }}{{ end }}{{ define `t` }}a{{ end }}{{ define `t` }}b{{ end }}",
            'template: :1: template: multiple definition of template "t"',
        ),
        ("{{ if 1 }}{{ else }}{{ else }}{{ end }}", "template: :1: expected end; found {{else}}"),
        ("{{ true.x }}", 'template: :1: unexpected . after term "true"'),
        ("{{ range $a, $b, $c := .L }}{{ end }}", "template: :1: too many declarations in range"),
        ("{{ $a, $b := .L }}", "template: :1: too many declarations in command"),
        ("{{ template a }}", 'template: :1: unexpected "a" in template clause'),
        ("{{ .A ; }}", 'template: :1: unexpected ";" in operand'),
        ("{{ define `a` }}", "template: :1: unexpected EOF"),
    ],
)
def test_what_is_no_template_is_refused_in_the_words_of_go(source: str, complaint: str) -> None:
    with pytest.raises(gotext.ParseError) as error:
        gotext.parse(source)

    assert str(error.value) == complaint


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{{ .R.Other }}", "can't evaluate field Other in type pkg.Thing"),
        ("{{ .S.Other }}", "can't evaluate field Other in type string"),
        ("{{ eq 1 1.0 }}", "error calling eq: incompatible types for comparison"),
        ("{{ eq .S 1 }}", "error calling eq: incompatible types for comparison"),
        ("{{ lt .S 1 }}", "error calling lt: incompatible types for comparison"),
        ("{{ index .L 9 }}", "error calling index: index out of range: 9"),
        ("{{ slice .L 2 1 }}", "error calling slice: invalid slice index: 2 > 1"),
        ("{{ len 3 }}", "error calling len: len of type int"),
        ("{{ nil }}", "nil is not a command"),
        ("{{ 1 2 }}", "can't give argument to non-function 1"),
        ("{{ .S 2 }}", "S is not a method but has arguments"),
        ('{{ template "z" }}', 'template "z" not defined'),
        ("{{ not 1 2 }}", "wrong number of args for not: want 1 got 2"),
        ("{{ call .S }}", "error calling call: non-function of type string"),
        ("{{ range .S }}{{ end }}", "range can't iterate over string"),
        ("{{ range $i, $e := 2 }}{{ end }}", "can't use 2 to iterate over more than one variable"),
        ("{{ index .Nothing }}", "error calling index: index of untyped nil"),
    ],
)
def test_what_goes_wrong_while_it_runs_is_said_in_the_words_of_go(
    source: str, complaint: str
) -> None:
    with pytest.raises(gotext.ExecError) as error:
        rendered(source)

    assert str(error.value).startswith("template: :1:")
    assert str(error.value).endswith(complaint)


def test_an_error_says_where_it_was_and_what_stood_there() -> None:
    with pytest.raises(gotext.ExecError) as error:
        rendered("one\n  {{ eq .S 1 }}")

    assert str(error.value) == (
        'template: :2:5: executing "" at <eq .S 1>: error calling eq:'
        " incompatible types for comparison"
    )


@pytest.mark.parametrize(
    ("described", "written"),
    [
        ({"type": ["string"]}, "string"),
        ({"type": "integer"}, "number"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"type": "array"}, "any[]"),
        ({"type": "object"}, "Record<string, any>"),
        ({"anyOf": [{"type": "boolean"}, {"type": "number"}]}, "boolean | number"),
        ({}, "any"),
        ({"type": "strange"}, "any"),
    ],
)
def test_a_property_has_a_typescript_type(described: dict[str, Any], written: str) -> None:
    assert rendered("{{ toTypeScriptType .P }}", P=described) == written


def test_a_templates_own_words_are_told_from_those_it_was_given() -> None:
    marks = gotext.Marks(mark=str.upper, plain=str.lower)
    template = gotext.parse(
        'own {{ .P }} {{ printf "a%sb" .P }} {{ "own" }} {{ print "x" .P }}'
        '{{ if eq .P "given" }} yes{{ end }} {{ index .M "given" }} {{ slice "abc" 1 }}'
    )
    data: dict[str, Value] = {"P": "given", "M": Table({"given": "found"})}

    written = template.render(data, today=TODAY, marks=marks)

    assert written == "OWN given AgivenB OWN Xgiven YES found BC"
