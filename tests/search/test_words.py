"""Texts as tokens: what is looked for is found, in any script (pure; no database)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.search.words import MAX_TOKENS_BYTES, Query, fold, terms_in, tokens_of


def is_found(words: str, text: str) -> bool:
    """As searching does it: the index narrows, the text decides."""
    query, tokens = Query.parse(words), tokens_of(text)
    is_narrowed = all(each in tokens for each in query.exact) and all(
        any(token.startswith(each) for token in tokens) for each in query.prefixes
    )
    return is_narrowed and terms_in(fold(text), query) is not None


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("plan", "The plans for May"),
        ("PLAN may", "The plans for May"),
        ("groesse", "Die Groesse"),
        ("grosse", "Die Größe des Büros"),
        ("büro", "Buro und BÜRO"),
        ("cafe", "Le cafe\u0301 est fermé"),
        ("数据", "我们的数据库在北京"),
        ("数据库", "我们的数据库在北京"),
        ("京", "我们的数据库在北京"),
        ("数据库 backup", "数据库的 backup 在哪里"),
        ("iphone手机", "新的iPhone手机壳"),
        ("ＡＢＣ", "abc"),
        ("한국", "한국어를 배우다"),
        ("ねこ", "これはねこです"),
        ("แมว", "ฉันมีแมวสองตัว"),
        ("नमस्ते", "नमस्ते दुनिया"),
        ("привет", "Привет, мир"),
        ("3.11", "Python 3.11 is out"),
        ("c++", "I write C++ at work"),
        ('"black cat"', "A black  cat sat"),
        ("“black cat”", "A black\ncat sat"),
        ("foo_bar", "call foo_bar()"),
        ("user@example", "mail user@example.com"),
        ("\U00020000\U00020001", "\U00020000\U00020001\U00020002"),
    ],
)
def test_it_is_found(words, text):
    assert is_found(words, text)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("lan", "The plans for May"),
        ("数库", "我们的数据库在北京"),
        ("据数", "数据"),
        ("库京", "数据库在北京"),
        ('"cat black"', "A black cat sat"),
        ("plan june", "The plans for May"),
        ("a", "apples and pears"),
    ],
)
def test_it_is_not_found(words, text):
    assert not is_found(words, text)


@pytest.mark.parametrize("words", ["", "  ", "!!!", '""', "->", "…", "\n\t"])
def test_what_holds_no_letter_is_no_search(words):
    assert Query.parse(words).is_empty


LETTERS = st.text("aäbßÉe\u0301 1２.-_\"'数据库京 かな한국กิ\n", max_size=40)


@given(text=LETTERS, start=st.integers(0, 40), length=st.integers(1, 6))
def test_whatever_a_text_holds_the_index_does_not_hide(text, start, length):
    query = Query.parse('"' + text[start : start + length].replace('"', " ") + '"')
    tokens = tokens_of(text)

    if terms_in(fold(text), query) is not None and not query.is_empty:
        assert all(each in tokens for each in query.exact)
        assert all(any(token.startswith(each) for token in tokens) for each in query.prefixes)


@given(text=st.text(max_size=200))
def test_tokens_are_words_and_nothing_that_an_index_would_read_as_its_own(text):
    for token in tokens_of(text):
        assert token
        assert not {char for char in token if char.isascii() and not char.isalnum()}
        assert not any(char.isspace() for char in token)


@given(text=st.text(max_size=120))
def test_places_in_the_folded_text_lead_back_to_the_original(text):
    folded = fold(text)

    origins = [folded.origin(at, end=len(text)) for at in range(len(folded.text) + 1)]
    assert origins == sorted(origins)
    assert origins[-1] == len(text) or folded.text == "" or origins[-1] <= len(text)


def test_a_text_of_nothing_but_new_words_is_indexed_as_far_as_there_is_room():
    text = " ".join(f"word{number}" for number in range(100_000))

    tokens = tokens_of(text)

    assert sum(len(token) for token in tokens) <= MAX_TOKENS_BYTES
    assert len(tokens) > 70_000
