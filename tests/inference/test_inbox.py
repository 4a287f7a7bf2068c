"""What is taken is taken once, under a lease, in the order of the queue."""

import time
from typing import Any
from uuid import UUID

import msgspec
import pytest
from redis import Redis
from redis.exceptions import ConnectionError

from inference import inbox, protocol
from inference.inbox import Inbox, Keeper
from inference.protocol import End, Piece, Reading, Taken
from tests.inference.conftest import MakeRequest, Portal

SECONDS = 0.05


@pytest.fixture
def announced() -> list[UUID]:
    return []


@pytest.fixture
def make_inbox(redis: Redis, spec: protocol.ModelSpec, announced: list[UUID]) -> Any:
    def make(*, runner: str = "me", wall: Any = time.time, lease_seconds: float = 600) -> Inbox:
        return Inbox(
            redis,
            queue=spec.queue,
            runner=runner,
            lease_seconds=lease_seconds,
            wall=wall,
            about_to_claim=lambda request: announced.append(request.generation_id),
        )

    return make


def test_requests_come_in_the_order_of_the_queue_each_under_a_lease(
    make_inbox: Any, portal: Portal, redis: Redis, make_request: MakeRequest, announced: list[UUID]
) -> None:
    asked = [portal.submit(make_request(str(n))) for n in range(3)]
    box = make_inbox()

    taken = [box.take(wait_seconds=SECONDS) for _ in range(4)]

    assert [claim and claim.request.generation_id for claim in taken] == [*asked, None]
    assert announced == asked
    for claim in taken[:3]:
        key = protocol.lease_key(claim.request.generation_id)
        assert redis.get(key) == b"1:me"
        assert 500_000 < redis.pttl(key) <= 600_000
    queue = make_request().model.queue
    assert redis.get(protocol.virtual_time_key(queue)) == b"3.0"


def test_the_lane_of_the_first_in_the_queue_is_seen_without_taking_it(
    make_inbox: Any, redis: Redis, portal: Portal, make_request: MakeRequest
) -> None:
    box = make_inbox()
    assert box.first_lane() is None
    for score in (2e12 + 3, 1e12 + 40):
        redis.zadd(protocol.queue_key(make_request().model.queue), {str(score): score})

    assert box.first_lane() == 1
    assert redis.zcard(protocol.queue_key(make_request().model.queue)) == 2


def test_the_virtual_time_is_without_the_lane_and_never_goes_back(
    make_inbox: Any, redis: Redis, portal: Portal, make_request: MakeRequest
) -> None:
    queue = make_request().model.queue
    box = make_inbox()
    for lane, score in (("api", 1e12 + 40), ("person", 7.0)):
        generation_id = portal.submit(make_request(lane=lane))
        redis.zadd(protocol.queue_key(queue), {str(generation_id): score})
        assert box.take(wait_seconds=SECONDS)
        assert redis.get(protocol.virtual_time_key(queue)) == b"40.0"


def test_what_another_holds_is_left_to_it(
    make_inbox: Any, portal: Portal, redis: Redis, make_request: MakeRequest
) -> None:
    generation_id = portal.submit(make_request(attempt=2))
    redis.set(protocol.lease_key(generation_id), "2:another")

    assert make_inbox().take(wait_seconds=SECONDS) is None
    assert redis.get(protocol.lease_key(generation_id)) == b"2:another"


def test_a_later_attempt_takes_the_lease_of_an_earlier_one(
    make_inbox: Any, portal: Portal, redis: Redis, make_request: MakeRequest
) -> None:
    generation_id = portal.submit(make_request(attempt=2))
    redis.set(protocol.lease_key(generation_id), "1:another")

    assert make_inbox().take(wait_seconds=SECONDS).request.attempt == 2
    assert redis.get(protocol.lease_key(generation_id)) == b"2:me"


@pytest.mark.parametrize(
    ("events", "number"),
    [
        ([], 1),
        ([((1, 1), Taken(runner="x"))], 2),
        ([((1, 1), Taken(runner="x")), ((1, 2), Reading(read_tokens=1, prompt_tokens=2))], 3),
        ([((1, 1), Piece(text="said"))], None),
        ([((1, 1), End(why="done"))], None),
        ([((2, 0), Taken(runner="portal"))], None),
    ],
)
def test_numbers_go_on_after_a_taker_who_said_nothing_and_stop_after_one_who_did(
    make_inbox: Any,
    portal: Portal,
    redis: Redis,
    make_request: MakeRequest,
    events: list[tuple[tuple[int, int], protocol.Event]],
    number: int | None,
) -> None:
    generation_id = portal.submit(make_request())
    for (attempt, at), event in events:
        redis.xadd(
            protocol.events_key(generation_id),
            {"e": protocol.encode(event)},
            id=protocol.event_id(attempt, at),
        )

    claim = make_inbox().take(wait_seconds=SECONDS)

    assert (claim and claim.first_number) == number


def test_a_new_attempt_counts_from_one_behind_the_fence(
    make_inbox: Any, portal: Portal, redis: Redis, make_request: MakeRequest
) -> None:
    generation_id = portal.submit(make_request(attempt=2))
    for entry_id, event in (("1-1", Piece(text="old")), ("2-0", Taken(runner="portal"))):
        redis.xadd(protocol.events_key(generation_id), {"e": protocol.encode(event)}, id=entry_id)

    assert make_inbox().take(wait_seconds=SECONDS).first_number == 1


def test_an_entry_popped_while_redis_breaks_is_not_forgotten(
    make_inbox: Any,
    portal: Portal,
    redis: Redis,
    make_request: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = portal.submit(make_request("a")), portal.submit(make_request("b"))
    box = make_inbox()
    with monkeypatch.context() as broken:
        broken.setattr(Redis, "pipeline", _breaks)
        for _ in range(2):
            with pytest.raises(ConnectionError):
                box.take(wait_seconds=SECONDS)

    assert box.take(wait_seconds=SECONDS).request.generation_id == first
    with monkeypatch.context() as broken:
        broken.setattr(Redis, "pipeline", _breaks)
        with pytest.raises(ConnectionError):
            box.take(wait_seconds=SECONDS)
    box.put_back()
    assert redis.zscore(protocol.queue_key(make_request().model.queue), str(second)) == 2


def _breaks(*_: object, **__: object) -> None:
    raise ConnectionError("away")


@pytest.mark.threat("F18")
@pytest.mark.parametrize("jump_seconds", [0, 3_600, -3_600, -100_000])
def test_a_jump_of_the_clock_expires_nothing(
    make_inbox: Any, portal: Portal, make_request: MakeRequest, jump_seconds: float
) -> None:
    now = {"wall": 1_000_000.0, "clock": 50.0}
    steady = inbox.steady_wall(wall=lambda: now["wall"], clock=lambda: now["clock"])
    now["wall"] += 10 + jump_seconds
    now["clock"] += 10
    for expires_at in (
        1_000_020,  # asked before the jump
        now["wall"] + 60,  # and since
        1_000_005,
    ):
        portal.submit(make_request(expires_at=expires_at))
    box = make_inbox(wall=steady)

    claims = [box.take(wait_seconds=SECONDS) for _ in range(3)]

    assert [claim.is_expired for claim in claims] == [False, False, jump_seconds >= 0]


@pytest.fixture
def held(make_inbox: Any, portal: Portal, redis: Redis, make_request: MakeRequest) -> UUID:
    """A generation of ours, with its first event written."""
    generation_id = portal.submit(make_request())
    make_inbox().take(wait_seconds=SECONDS)
    redis.xadd(
        protocol.events_key(generation_id), {"e": protocol.encode(Taken(runner="me"))}, id="1-1"
    )
    return generation_id


@pytest.fixture
def keeper(redis: Redis) -> Keeper:
    return Keeper(redis, runner="me", lease_seconds=600)


def test_a_lease_of_ours_is_renewed(keeper: Keeper, held: UUID, redis: Redis) -> None:
    redis.pexpire(protocol.lease_key(held), 100_000)

    assert keeper.renew({held: 1}) == (set(), set())
    assert redis.pttl(protocol.lease_key(held)) > 500_000


def test_a_lease_of_another_is_lost_and_left_alone(
    keeper: Keeper, held: UUID, redis: Redis
) -> None:
    redis.set(protocol.lease_key(held), "2:another", px=100_000)

    assert keeper.renew({held: 1}) == ({held}, set())
    assert redis.get(protocol.lease_key(held)) == b"2:another"
    assert redis.pttl(protocol.lease_key(held)) <= 100_000


def test_a_lease_that_ran_out_unnoticed_is_taken_again(
    keeper: Keeper, held: UUID, redis: Redis
) -> None:
    redis.delete(protocol.lease_key(held))

    assert keeper.renew({held: 1}) == (set(), set())
    assert redis.get(protocol.lease_key(held)) == b"1:me"


@pytest.mark.threat("F17")
@pytest.mark.parametrize("why", ["fenced", "ended", "vanished"])
def test_a_lease_that_ran_out_is_lost_when_the_stream_is_not_ours_any_more(
    keeper: Keeper, held: UUID, portal: Portal, redis: Redis, why: str
) -> None:
    redis.delete(protocol.lease_key(held))
    if why == "fenced":
        portal.close(held, attempt=1, end=End(why="interrupted", detail="lost"))
    elif why == "ended":
        end = protocol.encode(End(why="done"))
        redis.xadd(protocol.events_key(held), {"e": end}, id="1-2")
    else:
        redis.delete(protocol.events_key(held))

    assert keeper.renew({held: 1}) == ({held}, set())
    assert not redis.exists(protocol.lease_key(held))


def test_a_stop_is_heard_at_once_and_seen_again_at_the_renewal(
    keeper: Keeper, held: UUID, portal: Portal
) -> None:
    assert keeper.hear_stops(wait_seconds=SECONDS) == []
    portal.stop(held)

    assert keeper.hear_stops(wait_seconds=60) == [held]
    assert keeper.hear_stops(wait_seconds=SECONDS) == []
    assert keeper.renew({held: 1}) == (set(), {held})


@pytest.mark.threat("F16")
def test_a_request_for_another_model_is_never_answered_by_this_one(
    make_inbox: Any, portal: Portal, redis: Redis, make_request: MakeRequest
) -> None:
    request = make_request()
    other = msgspec.structs.replace(request.model, context_length=8192)
    generation_id = portal.submit(request)
    redis.set(
        protocol.request_key(generation_id),
        protocol.encode(msgspec.structs.replace(request, model=other)),
    )

    assert make_inbox().take(wait_seconds=SECONDS) is None
    assert portal.dead_letters()
