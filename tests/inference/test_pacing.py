"""Pauses of the engine are hidden, and nothing is held back for long. Time is only counted."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from inference.pacing import MOST_HELD_SECONDS, SENDING_SECONDS, Pace, Pauses

STEP, READING = 0.055, 0.25


def left_at(came_at: list[float], *, pauses: Pauses | None = None) -> list[float]:
    """When each piece leaves, if the sender looks whenever it may."""
    pace = Pace(pauses=pauses or Pauses())
    left: list[float] = []
    due, waiting = 0.0, 0
    for at, now in enumerate(came_at):
        pace.heard(now)
        waiting += 1
        due = max(due, now) if waiting == 1 else due
        following = came_at[at + 1] if at + 1 < len(came_at) else float("inf")
        while waiting and due < following:
            count, after = pace.leaving(waiting)
            left += [due] * count
            waiting -= count
            due += after
    return left


def gaps(times: list[float]) -> list[float]:
    return sorted(late - early for early, late in itertools.pairwise(times))


def spoken_among_readers(count: int, *, seed: int) -> list[float]:
    """Pieces of one answer where one step in ten also reads somebody's question."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    times, now = [], 0.0
    for _ in range(count):
        now += READING if chance.random() < 0.1 else STEP
        times.append(now)
    return times


def test_pauses_of_the_engine_are_hidden_once_they_are_known() -> None:
    pauses = Pauses()
    for seed in range(6):  # what was learnt from one answer serves the next
        came = spoken_among_readers(200, seed=seed)
        left = left_at(came, pauses=pauses)

    assert gaps(came)[int(len(came) * 0.95)] >= READING - 1e-9
    assert gaps(left)[int(len(left) * 0.95)] < READING / 2


def test_pieces_that_come_evenly_leave_as_they_come() -> None:
    came = [at * STEP for at in range(100)]

    assert left_at(came) == came


def test_pieces_that_come_faster_than_an_eye_sees_travel_together() -> None:
    left = left_at([at * 0.005 for at in range(400)])

    assert min(gap for gap in gaps(left) if gap > 0) >= SENDING_SECONDS - 1e-9


@given(st.lists(st.floats(min_value=0.0, max_value=2.0), min_size=1, max_size=200))
def test_nothing_is_lost_or_turned_round_or_held_for_long(pauses: list[float]) -> None:
    came, now = [], 0.0
    for pause in pauses:
        now += pause
        came.append(now)

    left = left_at(came)

    assert len(left) == len(came)
    assert left == sorted(left)
    assert left[0] == came[0], "the first does not wait"
    assert all(out >= into for into, out in zip(came, left, strict=True))
    # The hand may hold twice what is wanted, and gives back at the usual pace.
    assert max(out - into for into, out in zip(came, left, strict=True)) < 5 * MOST_HELD_SECONDS
