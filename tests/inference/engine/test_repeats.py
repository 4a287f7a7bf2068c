"""A model that says one thing again and again is ended; one that only counts is not."""

from hypothesis import given
from hypothesis import strategies as st

from inference.engine.backend import Limits
from inference.engine.repeats import Repeats
from tests.inference.engine.aboard import RecordingBackend, end_of, engine_on, request, run


class Lost(RecordingBackend):
    """A backend that knows when a model has lost its way."""

    @property
    def limits(self) -> Limits:
        limits = super().limits
        return Limits(
            slots=limits.slots,
            context_length=limits.context_length,
            batch_tokens=limits.batch_tokens,
            vocabulary_size=limits.vocabulary_size,
            most_repeats=30,
        )


def ended(script: str, num_predict: int | None = None) -> tuple[str, int]:
    engine = engine_on(Lost(script))
    engine.submit(request(1, num_predict=num_predict))
    end = end_of(run(engine))
    return end.why, end.stats.answer_tokens


def test_the_same_piece_for_ever_ends_the_answer_as_a_limit_does() -> None:
    assert ended('[{"says": "no ", "repeat": 500}]') == ("length", 32)


def test_who_asked_for_so_many_tokens_gets_so_many() -> None:
    assert ended('[{"says": "no ", "repeat": 500}]', num_predict=100) == ("length", 100)


def test_a_longer_refrain_is_a_song() -> None:
    assert ended('[{"says": ["ab ", "cd "], "repeat": 100}]') == ("done", 201)


def test_space_around_a_piece_makes_it_no_other() -> None:
    repeats = Repeats()

    assert [repeats.count(piece, most=2) for piece in (b"a", b" a", b"a\n", b"a")] == [
        False,
        False,
        False,
        True,
    ]


@given(st.lists(st.binary(max_size=2), max_size=50))
def test_without_a_bound_nothing_is_ever_too_much(pieces: list[bytes]) -> None:
    repeats = Repeats()

    assert not any(repeats.count(piece, most=None) for piece in pieces)
