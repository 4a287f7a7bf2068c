"""Sizes, counts, times and durations read as in `ollama list`."""

from datetime import UTC, datetime, timedelta

import pytest

from cli import units

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 KB"),
        (1_024, "1.0 KB"),
        (1_500, "1.5 KB"),
        (999_999, "999 KB"),
        (1_234_567_890, "1.2 GB"),
        (13_900_000_000, "13 GB"),
        (2_040_000_000_000, "2.0 TB"),
    ],
)
def test_a_size_has_one_decimal_below_ten_and_none_above(count: int, words: str) -> None:
    assert units.size(count) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (7_000_000_000, "7B"),
        (7_241_732_096, "7.2B"),
        (133_700_000, "133.70M"),
        (137_000_000, "137M"),
        (12_345, "12K"),
        (999, "999"),
    ],
)
def test_a_number_of_parameters_is_short(count: int, words: str) -> None:
    assert units.number(count) == words


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(milliseconds=400), "Less than a second ago"),
        (timedelta(seconds=1), "1 second ago"),
        (timedelta(seconds=59), "59 seconds ago"),
        (timedelta(seconds=61), "About a minute ago"),
        (timedelta(minutes=10), "10 minutes ago"),
        (timedelta(minutes=61), "About an hour ago"),
        (timedelta(hours=47), "47 hours ago"),
        (timedelta(hours=49), "2 days ago"),
        (timedelta(days=14), "2 weeks ago"),
        (timedelta(days=61), "2 months ago"),
        (timedelta(days=800), "2 years ago"),
        (-timedelta(minutes=4, seconds=30), "4 minutes from now"),
        (-timedelta(days=365 * 30), "Forever"),
    ],
)
def test_a_moment_is_told_as_people_say_it(past: timedelta, words: str) -> None:
    assert units.ago(NOW - past, now=NOW) == words


def test_a_moment_that_never_was_is_never() -> None:
    assert units.ago(datetime(1, 1, 1, tzinfo=UTC), now=NOW) == "Never"


@pytest.mark.parametrize(
    ("nanoseconds", "words"),
    [
        (0, "0s"),
        (999, "999ns"),
        (45_100, "45.1µs"),
        (812_300_000, "812.3ms"),
        (2_100_000_000, "2.1s"),
        (2_345_678_901, "2.345678901s"),
        (62_500_000_000, "1m2.5s"),
        (3_723_000_000_000, "1h2m3s"),
        (3_600_000_000_000, "1h0m0s"),
    ],
)
def test_a_duration_is_written_as_go_writes_it(nanoseconds: int, words: str) -> None:
    assert units.duration(nanoseconds) == words
