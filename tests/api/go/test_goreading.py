"""Bodies as Go reads them: its words for what is broken, its tolerance for the rest."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.api.go import goreading, goscan
from portal.api.go.goreading import Fields, NoBody, NotReadable, parse


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"model":', "unexpected EOF"),
        (b'{"model":"x"', "unexpected EOF"),
        (b'{"model":"x', "unexpected EOF"),
        (b"x", "invalid character 'x' looking for beginning of value"),
        (b"'", "invalid character '\\'' looking for beginning of value"),
        (b"\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"{1:2}", "invalid character '1' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        (b'{"a":01}', "invalid character '1' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b'"a\nb"', "invalid character '\\n' in string literal"),
        (b'"\\x"', "invalid character 'x' in string escape code"),
        (b'"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"[1.x]", "invalid character 'x' after decimal point in numeric literal"),
        (b"[1ex]", "invalid character 'x' in exponent of numeric literal"),
        (b"trxe", "invalid character 'x' in literal true (expecting 'u')"),
        (b"nulx", "invalid character 'x' in literal null (expecting 'l')"),
        (b"[NaN]", "invalid character 'N' looking for beginning of value"),
        (b"[Infinity]", "invalid character 'I' looking for beginning of value"),
        (b"[-Infinity]", "invalid character 'I' in numeric literal"),
    ],
)
def test_what_is_broken_is_named_in_the_words_clients_know(body: bytes, sentence: str) -> None:
    with pytest.raises(NotReadable) as refused:
        parse(body)

    assert str(refused.value) == sentence


@pytest.mark.parametrize("body", [b"", b"  \r\n\t"])
def test_nothing_at_all_is_told_from_something_broken(body: bytes) -> None:
    with pytest.raises(NoBody):
        parse(body)


def test_what_follows_the_first_value_is_ignored() -> None:
    assert parse(b' {"a":1} trailing {') == {"a": 1}


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_refused_and_does_not_kill(opening: bytes) -> None:
    with pytest.raises(NotReadable, match=r"exceeded max depth|unexpected EOF"):
        parse(opening * 200_000)


def test_numbers_without_end_are_refused() -> None:
    for body in (b"1e999", b"[" + b"9" * 5000 + b"]"):
        with pytest.raises(NotReadable, match=r"json: cannot unmarshal number"):
            parse(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(body: bytes) -> None:
    with contextlib.suppress(NotReadable):
        parse(body)


def test_half_a_character_becomes_the_sign_for_it_and_a_whole_one_stays() -> None:
    assert parse(rb'["\ud83d", "\ud83d\udc4b", {"\uDC4B": 1}]') == ["\ufffd", "👋", {"\ufffd": 1}]


def test_names_match_in_any_case_and_the_last_one_wins() -> None:
    fields = Fields({"Model": "a", "MODEL": "b", "model": None}, struct="ChatRequest")

    assert fields.text("model") == "b"


@pytest.mark.parametrize(
    ("value", "read", "sentence"),
    [
        ({"model": 1}, "text", "number into Go struct field ChatRequest.model of type string"),
        ({"model": []}, "text", "array into Go struct field ChatRequest.model of type string"),
        ({"model": "x"}, "flag", "string into Go struct field ChatRequest.model of type bool"),
        ({"model": True}, "whole", "bool into Go struct field ChatRequest.model of type int"),
        ({"model": 1.5}, "whole", "number 1.5 into Go struct field ChatRequest.model of type int"),
        ({"model": {}}, "real", "object into Go struct field ChatRequest.model of type float64"),
    ],
)
def test_a_wrong_kind_is_refused_in_their_words(
    value: dict[str, object], read: str, sentence: str
) -> None:
    fields = Fields(value, struct="ChatRequest")

    with pytest.raises(NotReadable) as refused:
        getattr(fields, read)("model")

    assert str(refused.value) == f"json: cannot unmarshal {sentence}"


def test_a_body_of_null_is_an_empty_request_and_of_a_list_is_none() -> None:
    assert Fields(None, struct="ChatRequest").text("model") == ""
    with pytest.raises(NotReadable, match=r"array into Go value of type api\.ChatRequest"):
        Fields([], struct="ChatRequest", go_type="api.ChatRequest")


@pytest.mark.threat("C7")
def test_a_long_body_that_is_broken_is_refused_without_a_walk_through_every_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Everybody's streams would stand still for half a minute meanwhile."""
    walked: list[int] = []

    def walk(data: bytes) -> str:
        walked.append(len(data))
        return "unexpected EOF"

    monkeypatch.setattr(goscan, "complaint", walk)
    short, long = (b'{"a":"' + b"a" * count for count in (10, goreading.MAX_EXPLAINED_BYTES))

    for body, words in ((short, "unexpected EOF"), (long, "invalid JSON")):
        with pytest.raises(NotReadable, match=words):
            parse(body)

    assert walked == [len(short)]


@pytest.mark.threat("C7")
def test_more_values_than_any_prompt_has_are_refused_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(goreading, "MAX_VALUES", 100)

    parse(b"[" + b"1," * 99 + b"1]")
    for body in (b"[" + b"1," * 100 + b"1]", b"[[]," * 50, b'[{"a":1},' * 50):
        with pytest.raises(NotReadable, match="more than 100 values"):
            parse(body)


@pytest.mark.threat("C7")
def test_a_list_of_more_than_anybody_asks_is_refused_but_the_tokens_of_a_context_are_not() -> None:
    many = [0] * (goreading.MAX_ITEMS + 1)
    fields = Fields({"messages": many, "context": many}, struct="ChatRequest")

    with pytest.raises(NotReadable, match="messages has more than 20000 items"):
        fields.items("messages", go_type="[]api.Message")
    assert len(fields.items("context", go_type="[]int")) == len(many)
