"""Guesses from what was read before: right ones only, and only where they are worth it."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from inference.engine.lookup import Lookup

TOKENS = st.lists(st.integers(0, 3), max_size=60)


def followed(given_tokens: Sequence[int], said: Sequence[int]) -> Lookup:
    lookup = Lookup()
    tokens = list(given_tokens)
    lookup.follow(tokens, said=0)
    for count, token in enumerate(said, start=1):
        tokens.append(token)
        lookup.follow(tokens, said=count)
    return lookup


def test_what_followed_the_last_three_tokens_before_is_guessed() -> None:
    lookup = followed([1, 2, 3, 4, 5, 6, 7, 9, 1, 2, 3], [])

    assert lookup.guess(most=3, price=0.0) == [4, 5, 6]


def test_the_latest_place_counts() -> None:
    lookup = followed([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3], [])

    assert lookup.guess(most=1, price=0.0) == [5]


def test_nothing_is_guessed_where_nothing_is_quoted() -> None:
    assert followed([1, 2, 3, 4, 5, 6], [7]).guess(most=4, price=0.0) == []
    assert followed([], []).guess(most=4, price=0.0) == []


def test_a_quotation_is_followed_while_it_lasts() -> None:
    document = list(range(10, 40))
    lookup = followed(document, [12, 13, 14, 15, 16])

    assert lookup.guess(most=4, price=0.0) == [17, 18, 19, 20]


def test_guesses_stop_where_they_are_not_worth_their_price() -> None:
    document = list(range(10, 60))
    sure, new = followed(document, document[:25]), followed(document, document[:8])
    unsure = followed([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3, 6, 1, 2, 3], [7, 1, 2, 3, 8, 1, 2, 3])

    assert len(sure.guess(most=8, price=0.5)) == 8
    assert 0 < len(new.guess(most=8, price=0.5)) < 8
    assert sure.guess(most=8, price=1.0) == []
    assert unsure.guess(most=8, price=0.5) == [], "it was wrong twice"
    assert sure.guess(most=0, price=0.0) == []
    assert len(sure.guess(most=8, price=0.5, start_price=2.0)) == 8
    assert sure.guess(most=3, price=0.5, start_price=2.0) == [], "three cannot earn so much"


@given(given_tokens=TOKENS, said=TOKENS)
def test_a_guess_is_what_followed_the_same_tokens_before(
    given_tokens: list[int], said: list[int]
) -> None:
    lookup = followed(given_tokens, said)
    tokens = [*given_tokens, *said]

    guess = lookup.guess(most=8, price=0.0)

    places = [at for at in range(3, len(tokens)) if tokens[at - 3 : at] == tokens[-3:]]
    assert not guess or any(tokens[at : at + len(guess)] == guess for at in places)
    assert bool(guess) == bool(places)


@given(given_tokens=TOKENS, said=TOKENS)
def test_following_late_is_following_at_once(given_tokens: list[int], said: list[int]) -> None:
    late = Lookup()
    late.follow(given_tokens, said=0)
    late.follow([*given_tokens, *said], said=len(said))

    at_once = followed(given_tokens, said)

    for price in (0.0, 0.3, 0.6):
        assert late.guess(most=8, price=price) == at_once.guess(most=8, price=price)


def test_a_place_between_two_tokens_is_no_place() -> None:
    shifted = [0x01000000, 0x02000000, 0x03000000, 0x04000000]  # the bytes of 1, 2, 3, moved on
    lookup = followed([*shifted, 1, 2, 3], [])

    assert lookup.guess(most=4, price=0.0) == []
