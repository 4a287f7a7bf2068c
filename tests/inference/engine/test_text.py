"""Token bytes become text that never splits a character and never shows a stop string (F10)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.templates.origin import cleaned, raised
from inference.engine.text import TextStream

pytestmark = pytest.mark.threat("F10")

_bytes = st.one_of(st.binary(max_size=5), st.text("aß👋</ST>OP é", max_size=4).map(str.encode))


@given(pieces=st.lists(_bytes, max_size=40))
def test_pieces_joined_are_the_whole_decoded(pieces: list[bytes]) -> None:
    stream = TextStream()

    shown = [stream.feed(piece) for piece in pieces] + [stream.finish()]

    whole = cleaned(b"".join(pieces).decode("utf-8", errors="replace"))
    assert whole.removeprefix("".join(shown)) in ("", "\ufffd"), "but half a character at the end"
    for text in shown:
        text.encode("utf-8")


@given(text=st.text("ab👋é", max_size=60), cuts=st.lists(st.integers(0, 200), max_size=30))
def test_a_character_is_shown_whole_or_not_yet(text: str, cuts: list[int]) -> None:
    data = text.encode()
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    stream = TextStream()

    shown = "".join(stream.feed(data[a:b]) for a, b in itertools.pairwise(edges))

    assert "\ufffd" not in shown
    assert text.startswith(shown)


@given(
    pieces=st.lists(st.text("STOP abé", max_size=5), max_size=30),
    stops=st.lists(st.text("STOP", min_size=1, max_size=6), min_size=1, max_size=4),
)
def test_no_stop_string_is_ever_shown(pieces: list[str], stops: list[str]) -> None:
    whole = "".join(pieces)
    found = [at for at in (whole.find(stop) for stop in stops) if at >= 0]
    stream = TextStream(stop=stops)

    shown = "".join([*(stream.feed(piece.encode()) for piece in pieces), stream.finish()])

    assert not any(stop in shown for stop in stops)
    assert stream.is_stopped == bool(found)
    if not found:
        assert shown == whole
    else:
        assert whole.startswith(shown)


@given(
    pieces=st.lists(_bytes, max_size=40),
    stops=st.lists(st.text("aß👋</ST>OP é", min_size=1, max_size=4), max_size=4),
)
def test_any_bytes_and_any_stop_strings_give_whole_text_and_no_stop(
    pieces: list[bytes], stops: list[str]
) -> None:
    stream = TextStream(stop=stops)

    shown = [*(stream.feed(piece) for piece in pieces), stream.finish()]

    whole = b"".join(pieces).decode("utf-8", errors="replace")
    joined = "".join(shown)
    for text in shown:
        text.encode("utf-8")
    assert whole.startswith(joined)
    assert not any(stop in joined for stop in stops)
    assert stream.is_stopped or whole.removeprefix(joined) in ("", "\ufffd")
    if stream.is_stopped:
        assert any(whole.startswith(stop, len(joined)) for stop in stops)


def test_a_stop_string_across_tokens_is_cut_out_with_what_follows() -> None:
    stream = TextStream(stop=["</answer>"])

    shown = "".join(stream.feed(piece) for piece in (b"Yes.</an", b"swe", b"r> and more"))

    assert shown == "Yes."
    assert stream.is_stopped
    assert stream.feed(b"again") == stream.finish() == ""


def test_what_only_looked_like_a_stop_string_is_shown() -> None:
    stream = TextStream(stop=["</answer>"])

    assert stream.feed(b"1 </an") == "1 "
    assert stream.feed(b"t>") == "</ant>"
    assert stream.feed(b"<") == ""
    assert stream.finish() == "<"


@pytest.mark.threat("E19")
@given(cuts=st.lists(st.integers(0, 40), max_size=8))
def test_letters_kept_for_marks_come_from_marks_alone(cuts: list[int]) -> None:
    mark = raised("<tag>")
    data = f"a{mark}b\U00100000".encode()
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    stream = TextStream()

    said = "".join(stream.feed(data[a:b]) for a, b in itertools.pairwise(edges))

    assert said == "a\ufffd\ufffd\ufffd\ufffd\ufffdb\ufffd"
    assert stream.feed_mark(mark.encode()) == mark


def test_half_a_character_before_a_mark_does_not_spoil_it() -> None:
    stream = TextStream()
    mark = raised("<tag>")

    assert stream.feed("é".encode()[:1]) == ""
    assert stream.feed_mark(mark.encode()) == "\ufffd" + mark
    assert stream.feed(b"b") == "b"
