"""Which models stay in memory: pure, so every case is a table."""

from typing import Any

from inference.residency import Plan, Resident, Room, Wanted, decide, expires_at

ROOM = Room(max_models=2, memory_bytes=100, keep_alive_seconds=300)


def resident(queue: str, **changes: Any) -> Resident:
    fields: dict[str, Any] = {"state": "ready", "size_bytes": 10, "has_served": True}
    return Resident(queue=queue, **{**fields, **changes})


def wanted(queue: str, *, size_bytes: int = 10, waiting: int = 1) -> Wanted:
    return Wanted(queue=queue, waiting=waiting, size_bytes=size_bytes)


def test_what_is_wanted_is_loaded_when_there_is_room() -> None:
    plan = decide(now=1, wanted=[wanted("a")], resident=[], room=ROOM)

    assert plan == Plan(load="a")


def test_one_model_is_loaded_at_a_time_and_the_most_wanted_first() -> None:
    both = [wanted("a"), wanted("b", waiting=5)]

    assert decide(now=1, wanted=both, resident=[], room=ROOM).load == "b"
    loading = [resident("b", state="loading")]
    assert decide(now=1, wanted=[wanted("a")], resident=loading, room=ROOM) == Plan()


def test_a_model_alone_is_tried_even_if_it_seems_too_large() -> None:
    assert decide(now=1, wanted=[wanted("a", size_bytes=10**6)], resident=[], room=ROOM).load == "a"


def test_when_full_the_longest_idle_model_goes() -> None:
    here = [resident("a", idle_since=5), resident("b", idle_since=3)]

    plan = decide(now=10, wanted=[wanted("c")], resident=here, room=ROOM)

    assert plan == Plan(unload=("b",))


def test_a_model_that_needs_the_memory_of_another_evicts_it() -> None:
    here = [resident("a", size_bytes=60)]

    plan = decide(now=10, wanted=[wanted("b", size_bytes=60)], resident=here, room=ROOM)

    assert plan == Plan(unload=("a",))


def test_nothing_more_is_evicted_while_room_is_being_made() -> None:
    here = [resident("a", state="draining"), resident("b")]

    assert decide(now=10, wanted=[wanted("c")], resident=here, room=ROOM) == Plan()


def test_a_working_model_is_drained_only_after_a_while() -> None:
    here = [resident("a", running=1, ready_at=0), resident("b", running=1, ready_at=8)]

    assert decide(now=10, wanted=[wanted("c")], resident=here, room=ROOM) == Plan()
    assert decide(now=25, wanted=[wanted("c")], resident=here, room=ROOM) == Plan(unload=("a",))


def test_an_idle_model_goes_when_its_keep_alive_is_over() -> None:
    here = [resident("a", idle_since=100)]

    assert decide(now=399, wanted=[], resident=here, room=ROOM) == Plan()
    assert decide(now=400, wanted=[], resident=here, room=ROOM) == Plan(unload=("a",))


def test_a_working_or_waited_for_model_never_expires() -> None:
    here = [resident("a", running=1), resident("b", waiting=1)]

    assert decide(now=10_000, wanted=[], resident=here, room=ROOM) == Plan()
    assert [expires_at(one, room=ROOM) for one in here] == [None, None]


def test_keep_alive_for_ever_never_expires() -> None:
    room = Room(max_models=2, memory_bytes=100, keep_alive_seconds=None)

    assert decide(now=10**9, wanted=[], resident=[resident("a")], room=room) == Plan()


def test_keep_alive_zero_waits_for_the_request_it_was_loaded_for() -> None:
    room = Room(max_models=2, memory_bytes=100, keep_alive_seconds=0)
    fresh = resident("a", idle_since=10, has_served=False)

    assert decide(now=10.1, wanted=[], resident=[fresh], room=room) == Plan()
    assert decide(now=16, wanted=[], resident=[fresh], room=room) == Plan(unload=("a",))
    served = resident("a", idle_since=10)
    assert decide(now=10.1, wanted=[], resident=[served], room=room) == Plan(unload=("a",))


def test_an_expired_model_makes_room_for_the_wanted_one() -> None:
    here = [resident("a", idle_since=0), resident("b", running=1)]

    plan = decide(now=1000, wanted=[wanted("c")], resident=here, room=ROOM)

    assert plan == Plan(unload=("a",))
