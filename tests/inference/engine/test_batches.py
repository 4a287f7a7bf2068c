"""What a batch brings is proved to belong to whoever is told it."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine import batches
from inference.engine.backend import BackendError, Chosen, Chunk
from inference.engine.scripted import ScriptedBackend

ONE, OTHER = UUID(int=1), UUID(int=2)


class Sampling:
    def close(self) -> None:
        return None


def chunk(slot: int = 0, *, count: int = 1, sequence: UUID = ONE) -> Chunk:
    return Chunk(sequence=sequence, slot=slot, start=5, tokens=[9] * count)


def guessing(*guesses: int, sequence: UUID = ONE, slot: int = 0) -> Chunk:
    """One certain token at 5, then guesses: what is chosen first stands at 6."""
    return Chunk(
        sequence=sequence,
        slot=slot,
        start=5,
        tokens=[1, *guesses],
        sampler=Sampling(),
        drafted=len(guesses),
    )


def row(position: int, token: int, *, sequence: UUID = ONE, slot: int = 0) -> Chosen:
    return Chosen(sequence=sequence, slot=slot, position=position, token=token)


@pytest.mark.threat("B14")
@pytest.mark.parametrize(
    "tokens", [[7], [3, 7], [3, 4, 7]], ids=["none right", "one right", "all right"]
)
def test_tokens_behind_right_guesses_belong(tokens: list[int]) -> None:
    rows = [row(6 + at, token) for at, token in enumerate(tokens)]

    assert batches.by_sequence(rows, [guessing(3, 4)]) == {ONE: rows}


@pytest.mark.threat("B14")
@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(6, 7), row(7, 8)],
        [row(6, 3)],
        [row(6, 3), row(7, 4), row(8, 5), row(9, 6)],
        [row(7, 3), row(8, 7)],
        [row(6, 3), row(6, 7)],
        [row(6, 7, slot=1)],
        [row(6, 7, sequence=OTHER)],
        [row(6, 7), row(6, 7, sequence=OTHER)],
        [row(7, 7), row(6, 3)],
    ],
    ids=[
        "missing",
        "behind a wrong guess",
        "none behind a right guess",
        "one too many",
        "shifted",
        "doubled",
        "of another slot",
        "of another sequence",
        "of a sequence not in the batch",
        "out of order",
    ],
)
def test_any_other_row_stops_the_engine(rows: list[Chosen]) -> None:
    with pytest.raises(BackendError):
        batches.by_sequence(rows, [guessing(3, 4)])


@pytest.mark.threat("B14")
def test_rows_of_two_that_changed_places_stop_the_engine() -> None:
    batch = [guessing(3), guessing(3, sequence=OTHER, slot=1)]
    own = [row(6, 3), row(7, 8), row(6, 4, sequence=OTHER, slot=1)]

    assert batches.by_sequence(own, batch) == {ONE: own[:2], OTHER: own[2:]}
    with pytest.raises(BackendError):
        batches.by_sequence([own[0], own[2], row(7, 8, sequence=OTHER, slot=1)], batch)


@pytest.mark.threat("B14")
@given(guesses=st.lists(st.sampled_from([0, 1, 2]), max_size=5))
def test_what_the_scripted_model_chooses_belongs(guesses: list[int]) -> None:
    """Guess 0 is what it says, the others are not."""
    backend = ScriptedBackend([], context_length=64, slots=1)
    encode = backend.vocabulary.encode
    said = encode("You said: x")
    prompt = encode("x")
    drafted = [said[at] if guess == 0 else encode("no")[0] for at, guess in enumerate(guesses[:4])]
    asked = Chunk(
        sequence=ONE,
        slot=0,
        start=0,
        tokens=[*prompt, *drafted],
        sampler=backend.new_sampler((), history=[]),
        drafted=len(drafted),
    )

    rows = batches.by_sequence(backend.decode([asked]), [asked])[ONE]

    right = next((at for at, guess in enumerate(guesses[:4]) if guess), len(drafted))
    assert len(rows) == right + 1
    assert backend.length(0) == len(asked.tokens), "all guesses are held until they are cut off"


@pytest.mark.parametrize(
    ("batch", "count"),
    [
        ([chunk(0), chunk(1), chunk(2)], 1),
        ([chunk(2), chunk(1), chunk(0)], 1),
        ([chunk(0), chunk(2)], 2),
        ([chunk(0), chunk(1, count=30)], 2),
        ([chunk(0, count=4), chunk(1, count=4)], 1),
        ([chunk(0, count=2), chunk(1, count=3), chunk(5)], 3),
        ([chunk(7, count=99)], 1),
    ],
)
def test_a_batch_falls_apart_where_slots_are_no_neighbours_or_lengths_differ(
    batch: list[Chunk], count: int
) -> None:
    assert batches.computations(batch) == count
