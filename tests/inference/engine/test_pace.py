"""What a step costs is learnt from steps, on machines of every kind."""

import pytest

from inference.engine.pace import Load, Pace

# Seconds for a computation, a written and a read token: a small processor, a large accelerator.
PROCESSOR, ACCELERATOR = (0.004, 0.0037, 0.0037), (0.012, 0.0001, 0.00003)


def learnt(prices: tuple[float, float, float], *, noise: float = 0.0) -> Pace:
    pace = Pace()
    for step in range(400):
        writing = step * 7 % 13
        reading = (0, 16, 0, 40, 90)[step % 5] if writing else 40
        load = Load(computations=1 + (step % 3 == 0), writing=writing, reading=reading)
        luck = (step * 37 % 21 - 10) / 10
        pace.learn(load, seconds=cost(prices, load) * (1 + noise * luck))
    return pace


def cost(prices: tuple[float, float, float], load: Load) -> float:
    return prices[0] * load.computations + prices[1] * load.writing + prices[2] * load.reading


@pytest.mark.parametrize("prices", [PROCESSOR, ACCELERATOR])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_step_is_foreseen(prices: tuple[float, float, float], noise: float) -> None:
    pace = learnt(prices, noise=noise)

    for load in (
        Load(computations=1, writing=8, reading=0),
        Load(computations=2, writing=4, reading=60),
        Load(computations=1, writing=0, reading=90),
    ):
        assert pace.seconds(load) == pytest.approx(cost(prices, load), rel=0.05 + 2 * noise)


def test_what_fits_into_a_time_is_read_and_no_more() -> None:
    pace = learnt(PROCESSOR)

    count = pace.readable(writing=8, seconds=0.15)

    assert cost(PROCESSOR, Load(computations=2, writing=8, reading=count)) <= 0.155
    assert count > 20


def test_one_slow_step_changes_little() -> None:
    pace = learnt(PROCESSOR)
    before = pace.readable(writing=4, seconds=0.15)

    pace.learn(Load(computations=2, writing=4, reading=30), seconds=30.0)

    assert pace.readable(writing=4, seconds=0.15) > before / 3


def test_a_first_step_that_was_slow_is_believed_until_the_next_one_only() -> None:
    pace, load = Pace(), Load(computations=1, writing=0, reading=16)
    pace.learn(Load(computations=1, writing=0, reading=32), seconds=30.0)

    pace.learn(load, seconds=cost(PROCESSOR, load))

    assert pace.readable(writing=0, seconds=0.25) > 30


def test_guesses_are_dear_where_every_token_costs_and_cheap_where_only_steps_do() -> None:
    assert learnt(PROCESSOR).price_of_guesses(writing=8).each > 0.8
    assert learnt(ACCELERATOR).price_of_guesses(writing=8).each < 0.2
    assert Pace().price_of_guesses(writing=1).each == 1.0, "nothing is known yet"


def test_only_beside_others_a_guess_costs_one_more_computation() -> None:
    pace = learnt(PROCESSOR)

    assert pace.price_of_guesses(writing=1).start == 0.0
    assert pace.price_of_guesses(writing=4).start == pytest.approx(
        PROCESSOR[0] / (PROCESSOR[0] / 4 + PROCESSOR[1]), rel=0.1
    )
