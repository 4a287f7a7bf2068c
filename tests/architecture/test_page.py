"""What templates and scripts must never contain (threats D1, J6)."""

import re
from pathlib import Path

import pytest

from tests.architecture.code import sources, text

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
