"""The queue: fair by person, idempotent, and closed to attempts that are past."""

import time
from uuid import UUID, uuid4

import pytest

from inference import protocol
from portal.streams import requests
from portal.streams import transcript as streams
from tests.doubles.worker import Worker

SPEC = protocol.ModelSpec(weights="a" * 64, context_length=2048)


def request_from(
    person: str, *, lane: protocol.Lane = "person", attempt: int = 1, id_: UUID | None = None
) -> protocol.Request:
    return protocol.Request(
        generation_id=id_ or uuid4(),
        attempt=attempt,
        person=person,
        lane=lane,
        model=SPEC,
        model_name="scripted",
        messages=(protocol.Message(role="user", content="Hi"),),
        expires_at=time.time() + 60,
    )


@pytest.mark.threat("F11")
def test_ten_of_one_stand_behind_the_first_of_each_other(worker: Worker) -> None:
    greedy = [request_from("greedy") for _ in range(10)]
    modest = [request_from(f"modest-{number}") for number in range(9)]
    for request in [*greedy, *modest]:
        assert requests.submit(request)

    order = worker.waiting_ids()

    assert order.index(greedy[0].generation_id) < 10
    first_ten = set(order[:10])
    assert {request.generation_id for request in modest} < first_ten
    assert order[10:] == [request.generation_id for request in greedy[1:]]


@pytest.mark.threat("F11")
def test_at_equal_shares_the_older_request_comes_first(worker: Worker) -> None:
    waiting = [request_from(f"person-{number}") for number in range(50)]
    for request in waiting:
        requests.submit(request)

    assert worker.waiting_ids() == [request.generation_id for request in waiting]


def test_people_come_before_programs_and_those_before_background(worker: Worker) -> None:
    background = request_from("a", lane="background")
    program = request_from("b", lane="api")
    person = request_from("c", lane="person")
    for request in (background, program, person):
        requests.submit(request)

    assert worker.waiting_ids() == [each.generation_id for each in (person, program, background)]
    assert requests.position(program.generation_id, queue=SPEC.queue) == 2


def test_submitting_twice_changes_nothing(worker: Worker) -> None:
    request = request_from("a")
    requests.submit(request)
    before = worker.redis.zrange(protocol.queue_key(SPEC.queue), 0, -1, withscores=True)
    requests.submit(request)

    after = worker.redis.zrange(protocol.queue_key(SPEC.queue), 0, -1, withscores=True)
    assert after == before
    assert requests.waiting(SPEC.queue) == 1


def test_what_is_held_or_begun_or_closed_is_not_queued_again(worker: Worker) -> None:
    request = request_from("a")
    requests.submit(request)
    held = worker.takes()
    assert not requests.submit(request)

    held.loses_its_lease()
    assert not requests.submit(request)

    again = request_from("a", attempt=2, id_=request.generation_id)
    assert streams.reopen(request.generation_id, attempt=2)
    assert requests.submit(again)
    second = worker.takes()
    second.ends()
    assert not requests.submit(again)
    assert not requests.submit(request)


@pytest.mark.threat("F17")
def test_a_closed_attempt_accepts_nothing_more(worker: Worker) -> None:
    requests.submit(request_from("a"))
    held = worker.takes().says("one")

    end = protocol.End(why="interrupted", detail="died")
    assert streams.close(held.id, attempt=1, end=end)
    assert not streams.close(held.id, attempt=1, end=end)
    held.says("late")

    transcript = streams.Transcript(attempt=1)
    streams.read_on(held.id, transcript)
    assert (transcript.text, transcript.end) == ("one", end)
    assert transcript.number == 3
    assert held.refused


def test_host_states_of_another_version_are_passed_over(worker: Worker) -> None:
    good = protocol.HostState(host="good", seen_at=1.0)
    worker.redis.sadd(protocol.HOSTS, "good", "bad", "gone")
    worker.redis.set(protocol.host_key("good"), protocol.encode(good))
    worker.redis.set(protocol.host_key("bad"), b'{"version":9}')

    assert requests.host_states() == [good]
