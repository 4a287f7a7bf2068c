"""Words that arrive in pieces are broken between words, whatever the pieces are."""

import re

from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from cli.wrapping import Wrapper

COLUMNS = 25
WORDS = st.text(alphabet="abc 模型\n", max_size=200)


def screen(written: str) -> list[str]:
    """What a terminal shows after this."""
    lines = [""]
    for part in re.findall(r"\x1b\[\d+D\x1b\[K|\n|[^\x1b\n]", written):
        if part == "\n":
            lines.append("")
        elif part.startswith("\x1b"):
            for _ in range(int(part[2 : part.index("D")])):
                lines[-1] = lines[-1][:-1]
        else:
            lines[-1] += part
    return lines


@given(text=WORDS, pieces=st.lists(st.integers(1, 9), min_size=1))
def test_no_line_crosses_the_edge_and_no_word_is_lost(text: str, pieces: list[int]) -> None:
    wrapper, written, place, turn = Wrapper(COLUMNS), "", 0, 0
    while place < len(text):
        size = pieces[turn % len(pieces)]
        written += wrapper.feed(text[place : place + size])
        place, turn = place + size, turn + 1

    shown = screen(written)

    assert all(wcswidth(line) <= COLUMNS for line in shown)
    assert "".join(shown).replace(" ", "") == text.replace(" ", "").replace("\n", "")


def test_a_word_moves_to_the_next_line_as_a_whole() -> None:
    wrapper = Wrapper(COLUMNS)

    shown = screen(wrapper.feed("one two three four five six seven"))

    assert shown == ["one two three four ", "five six seven"]


def test_a_word_longer_than_a_line_is_cut() -> None:
    assert screen(Wrapper(COLUMNS).feed("x" * 45)) == ["x" * 20, "x" * 20, "x" * 5]
