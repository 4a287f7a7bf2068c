"""What a runner holds, and when it may take one more."""

import os
from collections.abc import Iterator
from uuid import UUID

import pytest

from inference.holdings import Holdings
from inference.words import Mouth


@pytest.fixture
def holdings() -> Iterator[Holdings]:
    listening, speaking = os.pipe()
    yield Holdings(Mouth(speaking), slots=2)
    os.close(listening)
    os.close(speaking)


def hold(holdings: Holdings, number: int, *, lane: int) -> None:
    holdings.add(UUID(int=number), attempt=1, score=1.0, lane=lane)


@pytest.mark.threat("F11")
def test_one_of_a_better_lane_may_be_taken_although_all_is_full(holdings: Holdings) -> None:
    hold(holdings, 1, lane=0)
    hold(holdings, 2, lane=2)

    assert not holdings.wait_for_room(wait_seconds=0)
    assert holdings.lane_to_beat() == 2


@pytest.mark.threat("F11")
def test_of_equals_none_is_taken_ahead(holdings: Holdings) -> None:
    hold(holdings, 1, lane=0)
    hold(holdings, 2, lane=0)

    assert holdings.lane_to_beat() == 0, "no lane is better than that"


def test_not_more_is_taken_ahead_than_could_ever_run(holdings: Holdings) -> None:
    for number in range(4):
        hold(holdings, number, lane=2)

    assert holdings.lane_to_beat() is None


def test_who_is_answered_has_no_lane_to_beat(holdings: Holdings) -> None:
    hold(holdings, 1, lane=2)
    holdings.finish(UUID(int=1))

    assert holdings.lane_to_beat() is None
