"""How long a place in the queue takes: told only where it is known, and as what it is."""

from typing import Literal

import pytest

from inference import protocol
from portal.chat.estimates import FEWEST, REMEMBERED, Durations
from portal.streams.places import Place, place_of, slots_by_queue


def known(*seconds: float) -> Durations:
    durations = Durations()
    for each in seconds:
        durations.note("q", each)
    return durations


@pytest.mark.threat("I2")
def test_a_place_takes_its_share_of_an_answer() -> None:
    durations = known(60, 90, 120)

    assert durations.wait_seconds("q", position=1, slots=1) == 90
    assert durations.wait_seconds("q", position=4, slots=1) == 360
    assert durations.wait_seconds("q", position=4, slots=8) == 45


def test_where_nobody_can_say_nothing_is_said() -> None:
    durations = known(60, 90, 120)

    assert known(60, 90).wait_seconds("q", position=1, slots=1) is None
    assert durations.wait_seconds("other", position=1, slots=1) is None
    assert durations.wait_seconds("q", position=None, slots=1) is None
    assert durations.wait_seconds("q", position=1, slots=0) is None
    assert known(*[0.0] * FEWEST).wait_seconds("q", position=1, slots=1) is None


def test_only_the_last_answers_count() -> None:
    durations = known(*[1_000.0] * REMEMBERED, *[10.0] * REMEMBERED)

    assert durations.wait_seconds("q", position=1, slots=1) == 10


def test_all_hosts_that_have_the_model_ready_answer_together() -> None:
    def runner(
        state: Literal["loading", "ready"], slots: int, queue: str = "q"
    ) -> protocol.RunnerState:
        return protocol.RunnerState(
            runner="r", queue=queue, model_name="m", pid=1, state=state, slots=slots
        )

    hosts = [
        protocol.HostState(host="a", seen_at=0, runners=(runner("ready", 4), runner("ready", 2))),
        protocol.HostState(host="b", seen_at=0, runners=(runner("ready", 3), runner("loading", 9))),
        protocol.HostState(host="c", seen_at=0, runners=(runner("ready", 5, "other"),)),
    ]

    assert slots_by_queue(hosts) == {"q": 9, "other": 5}
    assert place_of(2, progress=None, slots=9) == Place(state="queued", position=3, slots=9)
    assert place_of(None, progress=None, slots=9) == Place(state="queued")
