"""Options become sampling stages in the order of llama.cpp, within what the library bears."""

import math

from hypothesis import given
from hypothesis import strategies as st

from inference.engine.sampling import (
    Draw,
    Greedy,
    MinP,
    Penalties,
    Recipe,
    Temperature,
    TopK,
    TopP,
    Typical,
    recipe,
)
from inference.protocol import Options


def _recipe(options: Options) -> Recipe:
    return recipe(options, seed=7, context_length=4096)


def test_the_stages_come_in_one_order() -> None:
    options = Options(repeat_penalty=1.1, typical_p=0.9, min_p=0.05, seed=3)

    assert _recipe(options) == (
        Penalties(last_tokens=64, repeat=1.1, frequency=0.0, presence=0.0),
        TopK(40),
        Typical(0.9),
        TopP(0.9),
        MinP(0.05),
        Temperature(0.8),
        Draw(3),
    )


def test_temperature_zero_is_greedy_after_the_penalties() -> None:
    assert _recipe(Options(temperature=0.0)) == (Greedy(),)
    assert isinstance(_recipe(Options(temperature=0.0, presence_penalty=1.0))[0], Penalties)


def test_without_a_seed_one_is_drawn() -> None:
    assert _recipe(Options())[-1] == Draw(7)


def test_the_seed_that_the_library_reads_as_none_reproduces_too() -> None:
    assert _recipe(Options(seed=2**32 - 1))[-1] != Draw(2**32 - 1)


@given(
    st.builds(
        Options,
        temperature=st.floats(0, 100),
        top_k=st.integers(0, 1_000_000),
        top_p=st.floats(0, 1),
        min_p=st.floats(0, 1),
        typical_p=st.floats(0, 1),
        repeat_last_n=st.integers(-1, 1_000_000),
        repeat_penalty=st.floats(0, 100),
        presence_penalty=st.floats(-100, 100),
        frequency_penalty=st.floats(-100, 100),
    )
)
def test_whatever_is_asked_the_library_can_bear_it(options: Options) -> None:
    stages = _recipe(options)

    assert isinstance(stages[-1], Draw | Greedy)
    for stage in stages:
        match stage:
            case Penalties(last_tokens=last, repeat=repeat):
                assert 0 < last <= 4096
                assert 0.01 <= repeat <= 100
            case Temperature(value):
                assert value >= 1e-3
                assert math.isfinite(1 / value)
