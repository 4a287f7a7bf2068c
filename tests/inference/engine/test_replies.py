"""Thinking is told from answering, and half a tag is never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.replies.choose import splitter
from inference.engine.replies.pieces import Part, Splitter
from inference.engine.replies.plain import Plain
from inference.engine.replies.think import Think


def _read(reader: Splitter, pieces: list[str]) -> tuple[str, str]:
    parts = [part for piece in pieces for part in reader.feed(piece)] + reader.finish()
    return (
        "".join(part.text for part in parts if part.kind == "thinking"),
        "".join(part.text for part in parts if part.kind == "answer"),
    )


@pytest.mark.parametrize(
    ("reply", "thinking", "answer"),
    [
        ("<think>Hm.</think>Yes.", "Hm.", "Yes."),
        ("\n <think>\nHm.\n</think>\n\nYes.", "Hm.\n", "Yes."),
        ("<think></think>Yes.", "", "Yes."),
        ("<think>Hm <th", "Hm <th", ""),
        ("  Yes, <think> is a tag.</think>", "", "  Yes, <think> is a tag.</think>"),
        ("<thin", "", "<thin"),
        ("", "", ""),
    ],
)
def test_the_reply_is_split_the_same_however_it_arrives(
    reply: str, thinking: str, answer: str
) -> None:
    assert _read(Think(), [reply]) == (thinking, answer)
    assert _read(Think(), list(reply)) == (thinking, answer)


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "th", " ", "a", "/think>", "\n"])))
def test_no_half_tag_is_shown_before_it_is_certain(pieces: list[str]) -> None:
    whole = "".join(pieces)
    thinking, answer = _read(Think(is_open=True), [whole])
    reader = Think(is_open=True)
    shown = {"thinking": "", "answer": ""}

    for letter in whole:
        for part in reader.feed(letter):
            shown[part.kind] += part.text
        assert thinking.startswith(shown["thinking"])
        assert answer.startswith(shown["answer"])

    assert "</think>" not in shown["thinking"]


def test_a_prompt_that_opened_the_tag_begins_in_thinking() -> None:
    reader = splitter("{{ '<think>' }}", is_open=True, has_begun=False)

    assert _read(reader, ["\nHm", ".</thi", "nk>\n\nYes."]) == ("Hm.", "Yes.")


def test_a_model_that_does_not_think_is_left_alone() -> None:
    reader = splitter("{{ message.content }}", is_open=False, has_begun=False)

    assert isinstance(reader, Plain)
    assert reader.feed("<think>x") == [Part("<think>x", "answer")]


def test_an_answer_that_had_begun_goes_on_as_answer() -> None:
    assert isinstance(splitter("<think></think>", is_open=False, has_begun=True), Plain)
