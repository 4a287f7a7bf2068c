"""What people wait for, what stays, and what must go, as a worker reads it."""

from redis import Redis

from inference import inbox, protocol
from inference.demand import Demand, Follower, News
from inference.measured import Measured
from tests.doubles.brain import Clock
from tests.inference.conftest import MakeRequest, Portal

SECONDS = 0.05


def pin(redis: Redis, *specs: protocol.ModelSpec) -> None:
    pinned = tuple(protocol.Pinned(spec=spec, model_name="kept:1") for spec in specs)
    redis.set(protocol.PINNED, protocol.encode(protocol.Pins(pinned=pinned)))


class Listener:
    """Hears the news of a follower that is moved by hand."""

    def __init__(self, redis: Redis) -> None:
        self.clock = Clock()
        self.follower = Follower(
            redis, tell=self._hear, measure=lambda _: Measured(), clock=self.clock
        )

    def look(self) -> News:
        self.follower.turn(wait_seconds=SECONDS)
        return self.news

    def _hear(self, news: News) -> None:
        self.news = news


def test_demand_wakes_when_somebody_asks(
    redis: Redis, portal: Portal, make_request: MakeRequest
) -> None:
    demand = Demand(redis)
    demand.wait(wait_seconds=SECONDS)
    assert demand.waiting() == ()
    request = make_request()

    portal.submit(request)
    demand.wait(wait_seconds=60)

    (waiting,) = demand.waiting()
    assert (waiting.queue, waiting.count) == (request.model.queue, 1)
    assert demand.spec(waiting.queue) == request.model
    assert demand.model_name(waiting.queue) == "scripted:latest"


def test_a_model_wanted_in_memory_counts_as_one_who_waits(
    redis: Redis, portal: Portal, make_request: MakeRequest, spec: protocol.ModelSpec
) -> None:
    listener = Listener(redis)
    redis.sadd(protocol.QUEUES, spec.queue)
    redis.set(protocol.spec_key(spec.queue), protocol.encode(spec))
    assert listener.look().wants == ()

    redis.set(protocol.awaited_key(spec.queue), "kind:1b")
    (want,) = listener.look().wants
    assert (want.spec, want.waiting, want.model_name) == (spec, 1, "kind:1b")

    portal.submit(make_request(model=spec))
    (want,) = listener.look().wants
    assert want.waiting == 2

    redis.delete(protocol.awaited_key(spec.queue), protocol.queue_key(spec.queue))
    assert listener.look().wants == ()


def test_a_broken_key_hides_no_other_queue(
    redis: Redis, portal: Portal, make_request: MakeRequest
) -> None:
    request = make_request()
    portal.submit(request)
    redis.sadd(protocol.QUEUES, "broken")
    redis.set(protocol.queue_key("broken"), "no queue")

    assert [each.queue for each in Demand(redis).waiting()] == [request.model.queue]


def test_a_pinned_model_is_wanted_though_nobody_waits(
    redis: Redis, spec: protocol.ModelSpec
) -> None:
    pin(redis, spec)

    (want,) = Listener(redis).look().wants

    assert (want.queue, want.spec, want.waiting) == (spec.queue, spec, 0)
    assert want.is_pinned
    assert want.model_name == "kept:1"


def test_a_pinned_model_that_people_wait_for_is_one_want(
    redis: Redis, portal: Portal, make_request: MakeRequest, spec: protocol.ModelSpec
) -> None:
    listener = Listener(redis)
    pin(redis, spec)
    portal.submit(make_request())

    (want,) = listener.look().wants
    assert (want.waiting, want.is_pinned) == (1, True)

    pin(redis)
    (want,) = listener.look().wants
    assert (want.waiting, want.is_pinned) == (1, False)


def test_an_empty_redis_unpins_nothing_and_an_empty_list_does(
    redis: Redis, spec: protocol.ModelSpec
) -> None:
    listener = Listener(redis)
    pin(redis, spec)
    listener.look()

    redis.delete(protocol.PINNED)
    assert [want.queue for want in listener.look().wants] == [spec.queue]

    pin(redis)
    assert listener.look().wants == ()


def test_pins_that_make_no_sense_are_buried_and_pin_nothing(redis: Redis, portal: Portal) -> None:
    listener = Listener(redis)
    redis.set(protocol.PINNED, b'{"pinned":[{"spec":{}}]}')
    assert listener.look().wants == ()

    redis.delete(protocol.PINNED)
    redis.lpush(protocol.PINNED, "a list")
    assert listener.look().wants == ()

    assert [letter[b"from"] for letter in portal.dead_letters()] == [b"portal:pinned"] * 2


def test_a_model_that_is_to_go_is_told_once_and_what_was_said_earlier_is_not_obeyed(
    redis: Redis,
) -> None:
    redis.xadd(protocol.UNLOAD, {"queue": "long-ago"})
    listener = Listener(redis)
    assert listener.look().unload == ()

    redis.xadd(protocol.UNLOAD, {"queue": "now"})
    redis.xadd(protocol.UNLOAD, {"rubbish": b"\xff"})

    assert "now" in listener.look().unload
    assert listener.look().unload == ()


def test_a_name_that_was_to_go_is_not_forgotten_when_redis_goes_away_meanwhile(
    redis: Redis,
) -> None:
    listener = Listener(redis)
    listener.look()
    redis.xadd(protocol.UNLOAD, {"queue": "now"})
    redis.set(protocol.QUEUES, "not a set")
    try:
        listener.look()
    except inbox.Away:
        redis.delete(protocol.QUEUES)

    assert listener.look().unload == ("now",)
