"""Which models stay in memory: pure, so every case is a table, and the laws hold for any world."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gguffile.size import Size
from inference.residency import (
    MAX_LOADING,
    MIN_BUSY_SECONDS,
    STUCK_LOAD_SECONDS,
    UNSERVED_SECONDS,
    Plan,
    Resident,
    Room,
    Wanted,
    decide,
    expires_at,
)
from tests.inference.small_world import SmallWorld

NOW = 1_000.0


def size(ram: int, vram: int = 0) -> Size:
    return Size(ram_bytes=ram, vram_bytes=vram)


ROOM = Room(max_models=2, memory=size(100, 100), keep_alive_seconds=300)


def resident(queue: str, **changes: Any) -> Resident:
    fields: dict[str, Any] = {
        "state": "ready",
        "size": size(10),
        "has_served": True,
        "idle_since": NOW - 10,
        "moved_at": NOW,
    }
    return Resident(queue=queue, **{**fields, **changes})


def wanted(queue: str, **changes: Any) -> Wanted:
    fields: dict[str, Any] = {"size": size(10), "waiting": 1, "since": NOW}
    return Wanted(queue=queue, **{**fields, **changes})


def test_what_is_wanted_is_loaded_when_there_is_room() -> None:
    assert decide(now=NOW, wanted=[wanted("a")], resident=[], room=ROOM) == Plan(load=("a",))


def test_whose_people_have_waited_longest_comes_first_however_many_wait_elsewhere() -> None:
    both = [wanted("crowd", waiting=50, since=NOW - 1), wanted("patient", since=NOW - 9)]
    room = Room(max_models=1, memory=size(100), keep_alive_seconds=300)

    assert decide(now=NOW, wanted=both, resident=[], room=room).load == ("patient",)


def test_two_models_may_load_at_once_and_the_third_has_to_wait() -> None:
    room = Room(max_models=9, memory=size(100), keep_alive_seconds=300)
    three = [wanted(name) for name in "abc"]

    assert decide(now=NOW, wanted=three, resident=[], room=room).load == ("a", "b")
    loading = [resident(name, state="loading") for name in "ab"]
    assert decide(now=NOW, wanted=[wanted("c")], resident=loading, room=room) == Plan()


def test_a_load_that_does_not_move_holds_up_no_other() -> None:
    room = Room(max_models=9, memory=size(100), keep_alive_seconds=300)
    hanging = [resident(name, state="loading", moved_at=NOW - 6) for name in "abc"]

    assert decide(now=NOW, wanted=[wanted("d")], resident=hanging, room=room).load == ("d",)


def test_a_load_that_stands_still_for_long_gives_its_memory_to_who_waits() -> None:
    late = NOW - STUCK_LOAD_SECONDS
    hanging = [resident("a", state="loading", size=size(60), moved_at=late)]
    other = [wanted("b", size=size(60))]

    assert decide(now=NOW - 1, wanted=other, resident=hanging, room=ROOM) == Plan()
    assert decide(now=NOW, wanted=other, resident=hanging, room=ROOM) == Plan(unload=("a",))


def test_a_model_alone_is_tried_even_if_it_seems_too_large() -> None:
    huge = [wanted("a", size=size(10**6))]

    assert decide(now=NOW, wanted=huge, resident=[], room=ROOM).load == ("a",)
    here = [resident("b"), resident("c", state="draining")]
    assert decide(now=NOW, wanted=huge, resident=here, room=ROOM) == Plan(unload=("b",))


def test_when_full_the_longest_idle_model_goes() -> None:
    here = [resident("a", idle_since=NOW - 5), resident("b", idle_since=NOW - 7)]

    assert decide(now=NOW, wanted=[wanted("c")], resident=here, room=ROOM) == Plan(unload=("b",))


def test_a_model_that_needs_the_memory_of_others_evicts_no_more_of_them_than_it_must() -> None:
    room = Room(max_models=9, memory=size(100), keep_alive_seconds=None)
    here = [
        resident("small", size=size(10), idle_since=NOW - 30),
        resident("large", size=size(60), idle_since=NOW - 20),
        resident("recent", size=size(30), idle_since=NOW - 10),
    ]

    plan = decide(now=NOW, wanted=[wanted("d", size=size(60))], resident=here, room=room)

    assert plan == Plan(unload=("large",))


def test_memory_of_one_kind_does_not_stand_in_for_the_other() -> None:
    here = [resident("a", size=size(0, 90))]

    on_processor = decide(now=NOW, wanted=[wanted("b", size=size(90))], resident=here, room=ROOM)
    on_gpu = decide(now=NOW, wanted=[wanted("b", size=size(0, 90))], resident=here, room=ROOM)

    assert (on_processor, on_gpu) == (Plan(load=("b",)), Plan(unload=("a",)))


def test_nothing_more_is_evicted_while_room_is_being_made() -> None:
    here = [resident("a", state="draining"), resident("b")]

    assert decide(now=NOW, wanted=[wanted("c")], resident=here, room=ROOM) == Plan()


def test_what_is_cleared_for_one_is_not_given_to_another() -> None:
    """Else small models would come and go for ever before a large one that waits."""
    room = Room(max_models=9, memory=size(100), keep_alive_seconds=300)
    here = [resident("a", state="draining", size=size(60)), resident("b", running=1, ready_at=NOW)]
    large, small = wanted("large", size=size(90), since=NOW - 9), wanted("small")

    assert decide(now=NOW, wanted=[large, small], resident=here, room=room) == Plan()
    assert decide(now=NOW, wanted=[small], resident=here, room=room).load == ("small",)


def test_a_working_model_is_drained_only_after_a_while() -> None:
    here = [
        resident("a", running=1, ready_at=NOW - 10),
        resident("b", running=1, ready_at=NOW - 2),
    ]

    assert decide(now=NOW, wanted=[wanted("c")], resident=here, room=ROOM) == Plan()
    later = NOW - 10 + MIN_BUSY_SECONDS
    assert decide(now=later, wanted=[wanted("c")], resident=here, room=ROOM).unload == ("a",)


def test_a_model_just_loaded_is_not_evicted_before_it_was_of_use() -> None:
    room = Room(max_models=1, memory=size(100), keep_alive_seconds=300)
    here = [resident("a", has_served=False, ready_at=NOW, idle_since=NOW)]

    assert decide(now=NOW, wanted=[wanted("b")], resident=here, room=room) == Plan()
    later = NOW + UNSERVED_SECONDS
    assert decide(now=later, wanted=[wanted("b")], resident=here, room=room).unload == ("a",)


def test_an_idle_model_goes_when_its_keep_alive_is_over() -> None:
    here = [resident("a", idle_since=100)]

    assert decide(now=399, wanted=[], resident=here, room=ROOM) == Plan()
    assert decide(now=400, wanted=[], resident=here, room=ROOM) == Plan(unload=("a",))


def test_a_working_or_waited_for_model_never_expires() -> None:
    here = [resident("a", running=1), resident("b", waiting=1)]

    assert decide(now=NOW * 10, wanted=[], resident=here, room=ROOM) == Plan()
    assert [expires_at(one, room=ROOM) for one in here] == [None, None]


def test_keep_alive_for_ever_never_expires() -> None:
    room = Room(max_models=2, memory=size(100), keep_alive_seconds=None)

    assert decide(now=10**9, wanted=[], resident=[resident("a")], room=room) == Plan()


def test_keep_alive_zero_waits_for_the_request_it_was_loaded_for() -> None:
    room = Room(max_models=2, memory=size(100), keep_alive_seconds=0)
    fresh = resident("a", idle_since=10, has_served=False)

    assert decide(now=10.1, wanted=[], resident=[fresh], room=room) == Plan()
    assert decide(now=16, wanted=[], resident=[fresh], room=room) == Plan(unload=("a",))
    served = resident("a", idle_since=10)
    assert decide(now=10.1, wanted=[], resident=[served], room=room) == Plan(unload=("a",))


def test_an_expired_model_makes_room_for_the_wanted_one() -> None:
    here = [resident("a", idle_since=0), resident("b", running=1)]

    assert decide(now=NOW, wanted=[wanted("c")], resident=here, room=ROOM) == Plan(unload=("a",))


def test_a_model_that_turned_out_larger_costs_the_longest_idle_one_its_place() -> None:
    here = [
        resident("larger", size=size(95), running=1),
        resident("a", idle_since=NOW - 5),
        resident("b", idle_since=NOW - 9),
    ]
    room = Room(max_models=9, memory=size(110), keep_alive_seconds=300)

    assert decide(now=NOW, wanted=[], resident=here, room=room) == Plan(unload=("b",))


# ── Pinned ──────────────────────────────────────────────────────────────────────────────────────


def test_a_pinned_model_is_loaded_when_nobody_asks_and_never_expires() -> None:
    room = Room(max_models=2, memory=size(100), keep_alive_seconds=0)
    pin = wanted("p", waiting=0, is_pinned=True)

    assert decide(now=NOW, wanted=[pin], resident=[], room=room) == Plan(load=("p",))
    here = [resident("p", is_pinned=True, idle_since=0)]
    assert decide(now=NOW, wanted=[], resident=here, room=room) == Plan()
    assert expires_at(here[0], room=room) is None


def test_a_pinned_model_makes_an_idle_one_go_but_never_a_working_one() -> None:
    room = Room(max_models=1, memory=size(100), keep_alive_seconds=300)
    pin = wanted("p", waiting=0, is_pinned=True)

    idle = decide(now=NOW, wanted=[pin], resident=[resident("a")], room=room)
    busy = decide(now=NOW, wanted=[pin], resident=[resident("a", running=1)], room=room)

    assert (idle, busy) == (Plan(unload=("a",)), Plan())


def test_people_who_wait_come_before_a_pin() -> None:
    room = Room(max_models=1, memory=size(100), keep_alive_seconds=300)
    both = [wanted("p", waiting=0, is_pinned=True, since=0), wanted("a")]

    assert decide(now=NOW, wanted=both, resident=[], room=room).load == ("a",)


def test_a_model_for_which_the_pinned_leave_no_room_is_told_so_and_holds_up_nobody() -> None:
    room = Room(max_models=9, memory=size(100), keep_alive_seconds=300)
    here = [resident("p", is_pinned=True, size=size(60))]
    both = [wanted("large", size=size(60), since=0), wanted("small")]

    plan = decide(now=NOW, wanted=both, resident=here, room=room)

    assert plan == Plan(load=("small",), hopeless=("large",))


def test_pins_beyond_the_most_models_still_leave_a_place_for_one_other() -> None:
    here = [resident(name, is_pinned=True) for name in "pqr"]

    assert decide(now=NOW, wanted=[wanted("a")], resident=here, room=ROOM).load == ("a",)


def test_pinned_models_that_do_not_all_fit_take_turns_when_asked_for() -> None:
    here = [resident("p", is_pinned=True, size=size(60))]
    other = wanted("q", is_pinned=True, size=size(60))
    unasked = wanted("q", is_pinned=True, size=size(60), waiting=0)

    assert decide(now=NOW, wanted=[other], resident=here, room=ROOM) == Plan(unload=("p",))
    assert decide(now=NOW, wanted=[unasked], resident=here, room=ROOM) == Plan()


# ── Laws ────────────────────────────────────────────────────────────────────────────────────────

SIZES = st.builds(size, st.integers(0, 60), st.sampled_from([0, 0, 5, 60]))
STATES = st.sampled_from(["loading", "ready", "ready", "ready", "draining"])
MOMENTS = st.floats(NOW - 100, NOW)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Wanted], list[Resident], Room]:
    names = [f"m{number}" for number in range(draw(st.integers(1, 7)))]
    here, there = [], []
    for name in names:
        if draw(st.booleans()):
            pinned = draw(st.booleans())
            waiting = draw(st.integers(0 if pinned else 1, 3))
            there.append(
                wanted(
                    name,
                    size=draw(SIZES),
                    waiting=waiting,
                    since=draw(MOMENTS),
                    is_pinned=pinned,
                )
            )
        else:
            here.append(
                resident(
                    name,
                    state=draw(STATES),
                    size=draw(SIZES),
                    running=draw(st.integers(0, 2)),
                    waiting=draw(st.integers(0, 1)),
                    ready_at=draw(MOMENTS),
                    idle_since=draw(MOMENTS),
                    moved_at=draw(MOMENTS),
                    has_served=draw(st.booleans()),
                    is_pinned=draw(st.booleans()),
                )
            )
    keep = draw(st.sampled_from([None, 0.0, 50.0]))
    room = Room(max_models=draw(st.integers(1, 4)), memory=size(100, 60), keep_alive_seconds=keep)
    return there, here, room


@given(worlds())
@settings(max_examples=400, deadline=None)
def test_in_any_world_a_plan_keeps_to_the_memory_and_to_what_may_go(
    world: tuple[list[Wanted], list[Resident], Room],
) -> None:
    there, here, room = world

    plan = decide(now=NOW, wanted=there, resident=here, room=room)

    coming = [one for one in there if one.queue in plan.load]
    after = Size.total([*(one.size for one in coming), *(one.size for one in here)])
    assert not coming or after.fits(room.memory) or len(coming) + len(here) == 1
    pinned = sum(one.is_pinned for one in coming) + sum(one.is_pinned for one in here)
    assert not coming or len(coming) + len(here) <= max(room.max_models, pinned + 1)
    assert len(plan.load) <= MAX_LOADING
    by_name = {one.queue: one for one in here}
    for name in plan.unload:
        assert_may_go(by_name[name], there, room=room)
    assert not set(plan.unload) & {one.queue for one in here if one.state == "draining"}
    assert set(plan.hopeless) <= {one.queue for one in there if one.waiting and not one.is_pinned}


def assert_may_go(one: Resident, there: list[Wanted], *, room: Room) -> None:
    moment = expires_at(one, room=room)
    if moment is not None and moment <= NOW:
        return
    if one.is_pinned:
        assert any(other.is_pinned and other.waiting for other in there)
    if one.state == "loading":
        assert NOW - one.moved_at >= STUCK_LOAD_SECONDS
    elif not one.is_idle:
        assert NOW - one.ready_at >= MIN_BUSY_SECONDS
        assert any(other.waiting for other in there)


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_the_same_world_in_another_order_gives_the_same_plan(
    world: tuple[list[Wanted], list[Resident], Room],
) -> None:
    there, here, room = world

    plan = decide(now=NOW, wanted=there, resident=here, room=room)
    again = decide(now=NOW, wanted=there[::-1], resident=here[::-1], room=room)

    assert (plan.load, plan.hopeless) == (again.load, again.hopeless)
    assert set(plan.unload) == set(again.unload)


@pytest.mark.parametrize("max_models", [1, 2, 3])
@given(
    sizes=st.lists(st.integers(5, 130), min_size=2, max_size=6),
    pinned=st.sets(st.integers(0, 5), max_size=1),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=25, deadline=None)
def test_however_much_everybody_asks_every_model_gets_its_turn(
    max_models: int, sizes: list[int], pinned: set[int], seed: int
) -> None:
    room = Room(max_models=max_models, memory=size(100), keep_alive_seconds=300)
    world = SmallWorld(
        sizes, pinned={one for one in pinned if sizes[one % len(sizes)] <= 50}, seed=seed
    )

    world.run(room, seconds=1_500)

    longest = len(sizes) * (MIN_BUSY_SECONDS + world.MOST_ANSWER + world.MOST_LOAD + 1)
    assert world.most_used(room) <= 100
    assert max(world.waits.values()) <= longest
    assert world.switches <= 1_500 / MIN_BUSY_SECONDS * len(sizes) * 2
