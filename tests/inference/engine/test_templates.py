"""A model's template may be hostile: it reaches nothing, and ends within a second (E18)."""

import resource
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from inference.engine.templates.jinja import ChatTemplate, TemplateRefused
from inference.engine.templates.origin import cleaned, lowered, raised, runs
from inference.engine.templates.sandbox import ChildRenderer

HELLO = [{"role": "user", "content": "Hello"}]
CALM = "{% for m in messages %}{{ m.role + ': ' + m.content }}{% endfor %}"


@pytest.fixture(scope="module")
def renderer() -> Iterator[ChildRenderer]:
    child = ChildRenderer()
    yield child
    child.close()


def rendered(renderer: ChildRenderer, source: str) -> str:
    return lowered(renderer.render(source, HELLO, bos_text="<s>", eos_text="</s>", now=0.0))


ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages.__class__.__base__.__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__['os'] }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ raise_exception.__globals__ }}",
    "{{ strftime_now.__closure__[0].cell_contents }}",
    "{{ '{0.__class__.__mro__}'.format('') }}",
    "{{ ('{0.__class__}'|string).format_map({'0': 1}) }}",
    "{{ ''|attr('__class__')|attr('__mro__') }}",
    "{{ ''|attr('for' + 'mat') }}{{ ('{0.__class__.__mro__}'|attr('format'))('') }}",
    "{{ messages|map(attribute='__class__')|list }}",
    "{{ messages|map('attr', '__class__')|list }}",
    "{{ ['x']|map('attr', '__class__')|list }}",
    "{% set x = messages.append({}) %}",
    "{% set x = messages[0].update({'content': 'changed'}) %}",
    "{{ import_os }}{% import 'os' as os %}{{ os.system('id') }}",
    "{% include '/etc/passwd' %}",
    "{% extends '/etc/passwd' %}",
    "{{ lipsum.__globals__ }}",
]


@pytest.mark.threat("E18")
@pytest.mark.parametrize("source", ESCAPES)
def test_a_known_escape_reaches_nothing(renderer: ChildRenderer, source: str) -> None:
    try:
        text = rendered(renderer, source)
    except TemplateRefused:
        return
    for found in ("class ", "subclasses", "built-in", "uid=", "root:", "{'__name__'"):
        assert found not in text


TALK_WITH_TOOLS: list[Mapping[str, Any]] = [
    *HELLO,
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": "b"}}}],
    },
]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"a": {}}}}]
ARGUMENTS = "messages[1].tool_calls[0].function.arguments"


@pytest.mark.threat("E18")
@pytest.mark.parametrize(
    "source",
    [
        f"{{{{ {ARGUMENTS}.__radd__.__globals__ }}}}",
        f"{{{{ {ARGUMENTS}|attr('__class__') }}}}",
        f"{{{{ {ARGUMENTS}.__init__.__globals__ }}}}",
        "{{ tools.__class__.__base__.__subclasses__() }}",
        "{{ tools[0].__class__ }}",
        "{% set x = tools.append(1) %}",
        f"{{% set x = {ARGUMENTS}.update({{'a': 'changed'}}) %}}",
        "{% set x = tools[0].function.pop('name') %}",
        "{{ '{0.__class__}'.format(tools) }}",
    ],
)
def test_tools_and_arguments_lead_nowhere_either(renderer: ChildRenderer, source: str) -> None:
    try:
        text = renderer.render(
            source, TALK_WITH_TOOLS, bos_text="", eos_text="", now=0.0, fields={"tools": TOOLS}
        )
    except TemplateRefused:
        return
    for found in ("class ", "subclasses", "built-in", "changed", "{'__name__'"):
        assert found not in lowered(text)


@pytest.mark.threat("E18")
@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ tools|tojson }}{% endfor %}"
        "{% endfor %}",
        "{% for a in range(99999) %}{{ tools|tojson(indent=10**9) }}{% endfor %}",
        f"{{% for a in range(99999) %}}{{{{ ({ARGUMENTS} ~ 'x') * 9999 }}}}{{% endfor %}}",
    ],
)
def test_a_runaway_over_tools_is_refused_like_any_other(source: str) -> None:
    renderer = ChildRenderer()
    before = _children_seconds()
    tools = TOOLS * 100
    try:
        with pytest.raises(TemplateRefused):
            renderer.render(
                source, TALK_WITH_TOOLS, bos_text="", eos_text="", now=0.0, fields={"tools": tools}
            )
    finally:
        renderer.close()

    assert _children_seconds() - before < 2, "start-up of two children included"


def test_arguments_are_a_mapping_and_a_text_at_once() -> None:
    source = (
        f"{{% set a = {ARGUMENTS} %}}{{{{ a }}}} {{{{ 'x' + a + 'y' }}}} {{{{ a ~ '' }}}}"
        " {{ a|string }} {{ a|tojson }} {{ a.a }} {{ a is mapping }}"
        "{% for key, value in a|items %} {{ key ~ value }}{% endfor %}"
    )

    text = ChatTemplate(source).render(TALK_WITH_TOOLS, bos_text="", eos_text="", now=0.0)

    written = '{"a": "b"}'
    assert lowered(text) == (f"{written} x{written}y {written} {written} {written} b True ab")


@pytest.mark.threat("E19")
def test_text_keeps_its_origin_through_json() -> None:
    source = "{{ {'own': '<|im|>', 'theirs': messages[0].content} | tojson }}"
    talk = [{"role": "user", "content": "<|im|>"}]

    text = ChatTemplate(source).render(talk, bos_text="", eos_text="", now=0.0)

    assert [run.text for run in runs(text) if run.is_own and "<" in run.text] == ["<|im|>"]
    assert text.index(raised("<|im|>")) < text.index("<|im|>")


RUNAWAYS = {
    "a huge range": "{% for i in range(10**9) %}x{% endfor %}",
    "loops in loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}"
    "{% endfor %}",
    "a recursive macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a macro that doubles": "{% macro m(n) %}{{ m(n-1) + m(n-1) if n else 'x' }}{% endmacro %}"
    "{{ m(60) }}",
    "100 MB in one piece": "{{ 'x' * 100000000 }}",
    "100 MB in many": "{% for i in range(10000) %}{{ 'x' * 10000 }}{% endfor %}",
    "a huge string": "{{ 'x' * 10**11 }}",
    "a huge list": "{{ ([0] * 10**10)|length }}",
    "a huge number": "{{ 9**(9**9) }}",
    "a huge number as text": "{{ (10**4000)**4000 }}",
    "a wide line": "{{ 'x'|center(10**10) }}",
    "a wide number": "{{ '%0999999999d' % 1 }}",
    "a wide word": "{{ messages[0].content.rjust(10**10) }}",
    "a big batch": "{{ [1]|batch(10**9, 'x')|list|length }}",
    "nested brackets": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "doubling text": "{% set ns = namespace(x='x') %}{% for i in range(99) %}"
    "{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "a slow pattern": "{% for i in range(9999) %}"
    "{{ (messages[0].content * 99999)|striptags|length }}{% endfor %}",
}


@pytest.mark.threat("E18")
@pytest.mark.parametrize("name", RUNAWAYS)
def test_a_runaway_template_is_refused_within_a_second_of_work(name: str) -> None:
    renderer = ChildRenderer()
    before = _children_seconds()
    try:
        with pytest.raises(TemplateRefused):
            rendered(renderer, RUNAWAYS[name])
    finally:
        renderer.close()

    assert _children_seconds() - before < 2, "start-up of two children included"


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.threat("E18")
def test_after_a_runaway_the_next_template_is_rendered(renderer: ChildRenderer) -> None:
    with pytest.raises(TemplateRefused):
        rendered(renderer, RUNAWAYS["a huge number"])

    assert rendered(renderer, CALM) == "user: Hello"


@pytest.mark.threat("E18")
def test_even_an_escaped_template_could_open_nothing(renderer: ChildRenderer) -> None:
    rendered(renderer, CALM)
    limits = {
        line.split("  ")[0]: line.split()[-3:]
        for line in _proc(renderer, "limits").splitlines()
        if line.startswith(("Max open files", "Max processes", "Max file size"))
    }

    assert limits["Max open files"][:2] == ["3", "3"]
    assert limits["Max processes"][:2] == ["0", "0"]
    assert limits["Max file size"][:2] == ["0", "0"]


def _proc(renderer: ChildRenderer, name: str) -> str:
    from pathlib import Path

    return Path(f"/proc/{renderer.pid}/{name}").read_text(encoding="ascii")


def test_the_words_of_templates_in_the_wild_are_understood() -> None:
    source = (
        "{%- macro turn(m) -%}{{ '<' ~ m.role|upper ~ '>' ~ m.content|trim }}{%- endmacro -%}\n"
        "{% set ns = namespace(count=0) %}\n"
        "{% for m in messages %}\n"
        "  {% if m.role == 'system' %}{% continue %}{% endif %}\n"
        "  {% set ns.count = ns.count + 1 %}\n"
        "{{ turn(m) }}\n"
        "  {% if ns.count > 5 %}{% break %}{% endif %}\n"
        "{% endfor %}\n"
        "{% generation %}{{ strftime_now('%Y') }}{% endgeneration %}"
        "{{ {'a': 'é'}|tojson }}{{ messages|selectattr('role', 'equalto', 'user')|list|length }}"
        "{{ {'user': 'U'}[messages[0].role] }}{{ messages|map(attribute='content')|join('+') }}"
        "{{ 'Hello' in messages[0]['content'] }}{{ messages[0].get('name', 'nobody') }}"
        "{{ messages[0].content.replace('l', 'L') }}{{ ['a', 'b'] | join('|') }}"
        "{{ 'yes' if messages[0].content is in ['Hello'] }}{{ '%s!' % messages[0].content }}"
    )

    text = lowered(ChatTemplate(source).render(HELLO, bos_text="", eos_text="", now=0.0))

    assert text == ('<USER>Hello\n1970{"a": "é"}1UHelloTruenobodyHeLLoa|byesHello!')


def test_text_is_parted_by_who_wrote_it() -> None:
    text = raised("<|im|> é") + cleaned("<|im|> é \U000f0041") + raised("b")

    assert [tuple(run) for run in runs(text)] == [
        ("<|im|>", True),
        (" ", False),
        ("é", True),
        ("<|im|> é \ufffd", False),
        ("b", True),
    ]
