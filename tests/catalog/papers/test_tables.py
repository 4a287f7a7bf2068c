"""Tables and blocks on a terminal are laid out as Ollama's, to the blank."""

import pytest

from portal.catalog.papers import tables

DAY = 86_400


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [["llama3.2:1b", "baf6a787fdff", "1.3 GB", "10 minutes ago"]]

    assert tables.table(["NAME", "ID", "SIZE", "MODIFIED"], rows) == (
        "NAME           ID              SIZE      MODIFIED       \n"
        "llama3.2:1b    baf6a787fdff    1.3 GB    10 minutes ago    \n"
    )
    assert tables.table(["NAME", "ID"], []) == "NAME    ID \n"


def test_a_long_cell_goes_on_below_itself() -> None:
    text = tables.table(["A", "B"], [["one two three four five six seven", "x"]])

    assert text.splitlines()[1:] == [
        "one two three four five six    x    ",
        "seven                               ",
    ]
    name = "hf.co/a-very-long-name/that-has-no-blank-in-it:Q4_K_M"
    assert tables.table(["A"], [[name]]).splitlines()[1] == f"{name}    "


def test_a_block_has_a_title_and_an_empty_line_behind_it() -> None:
    rows = [["architecture", "llama"], ["context length", "131072"]]

    assert tables.block("Model", rows) == (
        "  Model\n    architecture      llama     \n    context length    131072    \n\n"
    )
    assert tables.block("Model", []) == ""
    assert tables.block("P", [["a"], ["b", "c"]]) == "  P\n    a         \n    b    c    \n\n"


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        *((0, "0 B"), (999, "999 B"), (1000, "1 KB"), (1500, "1.5 KB"), (1024, "1.0 KB")),
        *((999_999, "999 KB"), (1_234_567_890, "1.2 GB"), (13_500_000_000, "13 GB")),
        *((2_000_000_000_001, "2.0 TB"), (10**7, "10 MB")),
    ],
)
def test_sizes_are_decimal_and_short(size_bytes: int, text: str) -> None:
    assert tables.human_bytes(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.5, "Less than a second"), (1, "1 second"), (59, "59 seconds")),
        *((60, "About a minute"), (119, "About a minute"), (120, "2 minutes")),
        *((59 * 60 + 59, "59 minutes"), (3600, "About an hour"), (5000, "About an hour")),
        *((5400, "2 hours"), (47 * 3600, "47 hours"), (2 * DAY, "2 days"), (13 * DAY, "13 days")),
        *((14 * DAY, "2 weeks"), (59 * DAY, "8 weeks"), (60 * DAY, "2 months")),
        *((729 * DAY, "24 months"), (730 * DAY, "2 years"), (3650 * DAY, "10 years")),
    ],
)
def test_how_long_ago_is_one_number_and_one_unit(seconds: float, text: str) -> None:
    assert tables.ago(seconds) == f"{text} ago"


def test_of_a_long_text_the_first_lines_are_shown() -> None:
    assert tables.first_lines("\n MIT \n\nby us\nand more\n") == [["MIT"], ["by us"], ["..."]]
    assert tables.first_lines("MIT") == [["MIT"]]
