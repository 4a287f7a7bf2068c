"""What templates and scripts must never contain (threats D1, J6)."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.code import sources, text, tree

TEMPLATES = sources("templates", "portal", endings=(".html",))
SCRIPTS = sources("static/src", endings=(".ts", ".tsx"))
THE_ONE_PLACE = Path("static/src/chat/markdown.ts")
INTO_HTML = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|"
    r"\beval\(|new Function\(|setTimeout\(\s*[\"'`]|createContextualFragment"
)


def without_comments(script: str) -> str:
    return re.sub(r"/\*.*?\*/|^\s*//.*$", "", script, flags=re.DOTALL | re.MULTILINE)


def without_template_comments(html: str) -> str:
    return re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", html, flags=re.DOTALL)


FORBIDDEN_IN_TEMPLATES = {
    "a script without a file": r"<script\b(?![^>]*(?:\bsrc=|type=\"application/json\"))",
    "a style element": r"<style\b",
    "a handler": r"<[^>]+\son\w+\s*=",
    "a style attribute": r"<[^>]+\sstyle\s*=",
    "an unescaped value": r"\|\s*safe\b|\{%\s*autoescape off",
}


@pytest.mark.threat("D1")
@pytest.mark.parametrize("what", FORBIDDEN_IN_TEMPLATES)
def test_templates_hold_words_and_structure_only(what):
    expression = re.compile(FORBIDDEN_IN_TEMPLATES[what])

    assert not [p for p in TEMPLATES if expression.search(without_template_comments(text(p)))]


@pytest.mark.threat("D1")
def test_text_becomes_html_in_one_place():
    others = [path for path in SCRIPTS if path != THE_ONE_PLACE]

    assert not [path for path in others if INTO_HTML.search(without_comments(text(path)))]


@pytest.mark.threat("J6")
def test_nothing_is_fetched_from_another_origin():
    fetched = re.compile(r"(?:src|href|url\(|fetch\(|import\()\s*=?\s*[\"'(]*(?:https?:)?//")
    pages = [*TEMPLATES, *SCRIPTS, *sources("static/src", endings=(".css",))]

    assert not [path for path in pages if fetched.search(text(path))]


def waited_for(path: Path) -> list[str]:
    """What is handed to `wait_for_function` in this file, by name or at once."""
    named = {
        target.id: node.value
        for node in tree(path).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [
        node.args[0]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "wait_for_function"
    ]
    return [
        ast.unparse(named.get(each.id, each) if isinstance(each, ast.Name) else each)
        for each in calls
    ]


def test_no_test_waits_for_an_expression_which_the_content_policy_forbids():
    """A function is called; an expression would be evaluated: it never comes true, in silence."""
    waits = [each for path in sources("tests", "bench", "docs") for each in waited_for(path)]
    assert waits

    assert not [each for each in waits if "=>" not in each]
