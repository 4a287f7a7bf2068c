"""Bars and spinners are drawn as people know them, column by column."""

import io

import pytest
from wcwidth import wcswidth

from cli.bars import Bar, Spinner, time_left
from cli.progress import Rows, Screen
from tests.cli.terminal import ESCAPES

SIZE = 1_321_082_688


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bar_fills_the_line_and_says_how_much_how_fast_and_how_long_still() -> None:
    bar = Bar("pulling 74701a8c35f6:", SIZE)
    bar.told(SIZE // 4, now=0.0)
    bar.told(SIZE // 2, now=10.0)

    line = bar.line(columns=80, now=10.0)

    assert line == "pulling 74701a8c35f6:  50% ▕█████████         ▏ 660 MB/1.3 GB   33 MB/s     20s"
    assert wcswidth(line) == 80 - 1


def test_a_bar_whose_rate_nobody_knows_leaves_its_room_blank() -> None:
    bar = Bar("pulling 74701a8c35f6:", SIZE)
    bar.told(SIZE // 2, now=0.0)

    assert bar.line(columns=80, now=0.0) == (
        "pulling 74701a8c35f6:  50% ▕█████████         ▏ 660 MB/1.3 GB" + " " * 18
    )


def test_a_bar_that_is_full_says_its_size_alone() -> None:
    bar = Bar("pulling 74701a8c35f6:", SIZE)
    bar.told(SIZE, now=0.0)

    assert bar.line(columns=80, now=0.0) == (
        f"pulling 74701a8c35f6: 100% ▕{'█' * 18}▏ 1.3 GB" + " " * 25
    )


def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    bar = Bar("x", 10**12)
    for second in range(100):
        bar.told(second * (1_000_000 if second < 90 else 2_000_000), now=float(second))

    assert "2 MB/s" in bar.line(columns=80, now=99.0)


def test_a_terminal_too_narrow_for_a_bar_keeps_its_words() -> None:
    bar = Bar("pulling 74701a8c35f6:", SIZE)
    bar.told(1, now=0.0)

    assert bar.line(columns=10, now=0.0).startswith("pulling 74701a8c35f6:   0% ▕▏ ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "5s"), (65, "1m5s"), (7_380, "2h3m"), (99 * 3600, "99h0m"), (100 * 3600, "99h+")],
)
def test_time_left_is_told_in_two_units(seconds: int, words: str) -> None:
    assert time_left(seconds) == words


def test_a_spinner_turns_ten_times_a_second_until_it_is_over() -> None:
    spinner = Spinner("pulling manifest", began=0.0)

    assert spinner.line(columns=80, now=0.0) == "pulling manifest ⠋ "
    assert spinner.line(columns=80, now=0.15) == "pulling manifest ⠙ "
    assert spinner.line(columns=80, now=1.05) == "pulling manifest ⠋ "
    spinner.is_over = True
    assert spinner.line(columns=80, now=9.0) == "pulling manifest "


def test_each_status_has_a_row_and_a_bar_begins_with_its_first_byte() -> None:
    clock = Clock()
    rows = Rows(clock=clock)
    digest = "sha256:74701a8c35f6"
    for line in (
        {"status": "pulling manifest"},
        {"status": "pulling 74701a8c35f6", "digest": digest, "total": SIZE},
    ):
        rows.take(line)
    assert rows.picture(columns=80, height=24) == ["pulling manifest ⠋ "]

    rows.take({"status": "pulling 74701a8c35f6", "digest": digest, "total": SIZE, "completed": 9})
    rows.take({"status": "verifying sha256 digest"})
    rows.take({"status": "success"})

    manifest, pulled, verifying, success = rows.picture(columns=80, height=24)
    assert manifest == "pulling manifest "
    assert pulled.startswith("pulling 74701a8c35f6:   0% ▕ ")
    assert (verifying, success) == ("verifying sha256 digest ", "success ")
    assert rows.picture(columns=80, height=2) == [verifying, success]


def test_a_picture_is_drawn_over_the_one_before_it() -> None:
    drawn, rows = io.StringIO(), Rows(clock=Clock())
    screen = Screen(drawn)

    for status in ("one", "two"):
        rows.take({"status": status})
        screen.draw(rows)
    rows.end()
    screen.draw(rows)
    screen.end()

    begin, end = "\x1b[?2026h\x1b[?25l", "\x1b[?25h\x1b[?2026l"
    assert drawn.getvalue() == (
        f"{begin}\x1b[1Gone ⠋ \x1b[K{end}"
        f"{begin}\x1b[1Gone \x1b[K\ntwo ⠋ \x1b[K{end}"
        f"{begin}\x1b[1A\x1b[1Gone \x1b[K\ntwo \x1b[K{end}\n"
    )


def test_a_line_too_long_for_the_terminal_is_cut_until_the_last_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("COLUMNS", "30"), ("LINES", "24")):
        monkeypatch.setenv(name, value)
    drawn = io.StringIO()
    screen = Screen(drawn)
    rows = Rows(clock=Clock())
    rows.take({"status": "copying file sha256:" + "a" * 64})
    rows.take({"status": "模型" * 20})

    screen.draw(rows)
    first = drawn.getvalue()
    screen.draw(rows, is_last=True)
    last = drawn.getvalue().removeprefix(first)

    lines = [ESCAPES.sub("", line) for line in first.split("\n")]
    assert [wcswidth(line) for line in lines] == [29, 28]
    assert last.startswith("\x1b[?2026h\x1b[?25l\x1b[1A\x1b[1G")
    assert "a" * 64 in last
    assert "模型" * 20 in last
