"""What clients saw becomes figures: nothing is flattered, nothing is made up."""

import pytest

from bench.figures import Answer, figures_of, median, percentile, ratio


def answer(*pieces_at: float, first: float = 0.1, tokens: int = 3, later: bool = False) -> Answer:
    return Answer(
        text="",
        first=first,
        pieces_at=pieces_at,
        tokens=tokens,
        prompt_tokens=10,
        is_later_turn=later,
    )


@pytest.mark.parametrize(("share", "value"), [(0.5, 50.0), (0.95, 95.0), (1.0, 100.0), (0.0, 1.0)])
def test_a_percentile_is_a_value_that_was_measured(share, value):
    assert percentile([float(number) for number in range(100, 0, -1)], share) == value


def test_a_percentile_of_nothing_is_nothing():
    assert percentile([], 0.5) is None


def test_tokens_per_second_are_those_that_were_produced_not_those_that_were_asked_for():
    figures = figures_of([answer(tokens=7), answer(tokens=5)], errors=0, seconds=4.0)

    assert figures.tokens == 12
    assert figures.tokens_per_second == 3.0


def test_gaps_lie_within_an_answer_and_never_between_two():
    figures = figures_of([answer(1.0, 1.25), answer(100.0, 100.5)], errors=0, seconds=1.0)

    assert (figures.gap_p50, figures.gap_worst) == (0.25, 0.5)


def test_only_later_turns_count_as_later_turns():
    figures = figures_of([answer(first=9.0), answer(first=2.0, later=True)], errors=0, seconds=1.0)

    assert figures.later_p50 == 2.0
    assert figures.first_p95 == 9.0


def test_a_ratio_to_nothing_is_nothing():
    assert ratio(1.0, 0.0) is None
    assert ratio(None, 1.0) is None
    assert median([None, None]) is None
