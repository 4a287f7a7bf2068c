"""Templates speak through the catalogue: no word for people is written straight into one.

The page's own components: static/tests/speaking.test.ts. That each collected word has its Chinese
is what `python -m setup.words check` looks after.
"""

import re
from pathlib import Path

import pytest

from tests.architecture.code import sources, text

# What stands within a tag is markup, though the file that holds it has none.
MARKUP = {Path("templates/html_attributes.html")}
TEMPLATES = [path for path in sources("templates", endings=(".html",)) if path not in MARKUP]
# Names, and what is typed as it stands whatever one's language.
SAME_EVERYWHERE = {
    *(
        "ChatBox",
        "Anthropic",
        "KEY",
        "portal",
        "login",
        "Authorization",
        "Bearer",
        "PORTAL",
        "GGUF",
    ),
    *("assistant", "team", "general", "language"),
}
NOT_READ = re.compile(
    r"\{#.*?#\}|\{%\s*comment\b.*?endcomment\s*%\}|\{%\s*blocktranslate\b.*?endblocktranslate\s*%\}"
    r"|\{%\s*block body_class\b.*?endblock\s*%\}|<(script|style)\b.*?</\1>|<!doctype[^>]*>",
    re.DOTALL,
)
TAG = re.compile(r"<[^>]*>")
CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
NAMED = re.compile(r"\s(?:aria-label|title|placeholder|alt|data-label)=\"([^\"]*)\"")
WORD = re.compile(r"[A-Za-z]{2,}")


def said_in(template: str) -> list[str]:
    """Words that whoever reads the page would meet in English."""
    markup = CODE.sub("", NOT_READ.sub("", template))
    read = " ".join([TAG.sub(" ", markup), *NAMED.findall(markup)])
    return [word for word in WORD.findall(read) if word not in SAME_EVERYWHERE]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ('<p aria-label="Hello">{% translate "You" %}</p>', ["Hello"]),
        ("<p>{% blocktranslate %}Hello <b>you</b>{% endblocktranslate %}{{ name }}</p>", []),
    ],
)
def test_the_search_finds_what_is_not_translated(template: str, words: list[str]) -> None:
    assert said_in(template) == words


def test_no_template_says_a_word_that_is_not_translated() -> None:
    found = {str(path): said_in(text(path)) for path in TEMPLATES}

    assert {path: words for path, words in found.items() if words} == {}
