"""Running slots become neighbours when that pays, and everybody keeps what they had."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.backend import Chunk
from inference.engine.gathering import Gatherer, plan
from inference.engine.slots import Slot, Slots
from tests.inference.engine.aboard import Clock, RecordingBackend, engine_on, request, run, text_of

HOLE_SECONDS = 0.004


class Slow(RecordingBackend):
    """Moving a token takes time."""

    seconds_per_moved = 0.00001

    def save(self, slot: int) -> bytes:
        self.clock.pass_seconds(self.seconds_per_moved * self.length(slot))
        return super().save(slot)


def house(
    lengths: Sequence[int], running: set[int], *, backend: RecordingBackend
) -> tuple[Slots, list[Slot]]:
    """Slots that hold so many tokens each; those of `running` are held by somebody."""
    slots = Slots(backend, park_bytes=0)
    for index, length in enumerate(lengths):
        backend.decode([_chunk(index, length)] if length else [])
        slot = slots.all[index]
        slot.tokens = list(backend._memories[index].tokens)
        slot.person = f"person {index}" if length else None
        slot.holder = UUID(int=index) if index in running else None
    return slots, [slots.all[index] for index in sorted(running)]


def _chunk(index: int, length: int) -> Chunk:
    return Chunk(sequence=UUID(int=index), slot=index, start=0, tokens=[1_000 + index] * length)


def gather(slots: Slots, running: list[Slot], *, clock: Clock, times: int = 2) -> None:
    gatherer = Gatherer(slots, clock=clock, most_seconds=0.05)
    for _ in range(times):
        gatherer.gather(running, seconds_each=HOLE_SECONDS)


@pytest.mark.threat("B13")
@pytest.mark.parametrize("lengths", [[5, 9, 7, 0, 6, 0, 0, 8], [7] * 8])
def test_those_who_run_become_neighbours_and_keep_what_they_had(lengths: list[int]) -> None:
    backend = Slow(slots=8)
    slots, running = house(lengths, {0, 2, 7}, backend=backend)
    before = {slot.person: list(slot.tokens) for slot in slots.all}

    gather(slots, running, clock=backend.clock)

    indexes = sorted(slot.index for slot in running)
    assert indexes == list(range(indexes[0], indexes[0] + 3))
    assert {slot.person: list(slot.tokens) for slot in slots.all} == before
    for slot in slots.all:
        assert backend._memories[slot.index].tokens == slot.tokens
        assert slots.all[slot.index] is slot


def test_nothing_moves_where_moving_costs_more_than_it_saves() -> None:
    backend = Slow(slots=4)
    backend.seconds_per_moved = 1.0
    slots, running = house([50, 50, 50, 50], {0, 2}, backend=backend)
    gatherer = Gatherer(slots, clock=backend.clock, most_seconds=0.05)
    gatherer.gather(running, seconds_each=HOLE_SECONDS)  # what it costs is learnt here
    running[0].holder, running[1].holder = None, None
    others = [slots.all[0], slots.all[3]]
    now = backend.clock.now

    gatherer.gather(others, seconds_each=HOLE_SECONDS)

    assert backend.clock.now == now
    assert sorted(slot.index for slot in others) == [0, 3]


@given(
    held=st.lists(st.integers(0, 50), min_size=1, max_size=12),
    running=st.sets(st.integers(0, 11), max_size=12),
)
def test_the_plan_makes_neighbours_and_moves_no_more_than_it_must(
    held: list[int], running: set[int]
) -> None:
    running = {index for index in running if index < len(held)}

    pairs = plan(running, held=held)

    after = (running - {one for one, _ in pairs}) | {other for _, other in pairs}
    assert len(after) == len(running)
    assert not after or max(after) - min(after) == len(after) - 1
    assert all(one in running and other not in running for one, other in pairs)
    assert not pairs or max(running) - min(running) != len(running) - 1


def test_an_answer_that_was_moved_goes_on_as_if_nothing_had_been() -> None:
    backend = Slow(slots=4, seconds_per_step=0.004, seconds_per_token=0.004)
    engine = engine_on(backend)
    for number in range(1, 5):
        text = f"{number}: " + "word " * (10 if number == 2 else 40)
        engine.submit(request(number, person=str(number), text=text))

    updates = run(engine)

    for number in range(1, 5):
        text = f"{number}: " + "word " * (10 if number == 2 else 40)
        assert text_of(updates, number) == "You said: " + text
    last = backend.batches[-30]
    assert max(c.slot for c in last) - min(c.slot for c in last) == len(last) - 1
