"""Events leave in order, once, and never behind somebody who closed the attempt."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError

from inference import outbox, pacing, protocol
from inference.outbox import Outbox, Reports
from inference.protocol import End, Piece, Reading, Taken
from inference.waiting import HandBack
from tests.inference.conftest import Portal, Until

Gone = list[tuple[UUID, int, bool]]


@pytest.fixture
def gone() -> Gone:
    return []


@pytest.fixture
def box(redis: Redis, gone: Gone) -> Outbox:
    return Outbox(redis, on_gone=lambda *what: gone.append(what))


@pytest.fixture
def send(box: Outbox, until: Until) -> Iterator[Any]:
    """Let the sender run until nothing is left."""
    is_over = threading.Event()
    thread = threading.Thread(target=box.run, args=(is_over,))

    def act() -> None:
        if not thread.is_alive():
            thread.start()
        box.flush()
        until(lambda: box.is_empty)

    yield act
    is_over.set()
    if thread.is_alive():
        thread.join()


def test_events_are_numbered_from_the_given_number_without_gaps(
    box: Outbox, portal: Portal, send: Any, gone: Gone, redis: Redis
) -> None:
    generation_id = uuid4()
    redis.set(protocol.lease_key(generation_id), "2:me")
    box.open(generation_id, attempt=2, number=1)
    box.put(generation_id, Taken(runner="me"))
    send()
    for text in "abc":
        box.put(generation_id, Piece(text=text))
        send()
    box.put(generation_id, End(why="done"))
    send()

    entries = portal.entries(generation_id)
    assert [entry_id for entry_id, _ in entries] == [(2, n) for n in range(1, 6)]
    assert portal.text(generation_id) == "abc"
    assert gone == [(generation_id, 2, True)]
    assert not redis.exists(protocol.lease_key(generation_id))
    assert redis.xlen(protocol.NEWS) == 1


def test_the_first_word_and_the_end_never_wait_and_what_is_between_travels_together(
    redis: Redis, gone: Gone, portal: Portal, until: Until
) -> None:
    now = [0.0]
    box = Outbox(redis, on_gone=lambda *what: gone.append(what), clock=lambda: now[0])
    generation_id = uuid4()
    box.open(generation_id, attempt=1, number=1)
    box.put(generation_id, Taken(runner="me"))
    is_over = threading.Event()
    thread = threading.Thread(target=box.run, args=(is_over,))
    thread.start()
    try:
        until(lambda: box.is_empty)
        for text in ("first", " a", " b"):
            box.put(generation_id, Piece(text=text))
            box.flush()
            if text == "first":
                until(lambda: box.is_empty)
        assert not box.is_empty

        now[0] += pacing.SENDING_SECONDS
        box.flush()
        until(lambda: box.is_empty)
        box.put(generation_id, Piece(text=" c"))
        box.put(generation_id, End(why="done"))
        box.flush()
        until(lambda: box.is_empty)
    finally:
        is_over.set()
        thread.join()

    said = [event for _, event in portal.entries(generation_id)]
    assert [event.text for event in said if isinstance(event, Piece)] == ["first", " a b", " c"]


def test_what_waits_is_said_in_fewer_words(box: Outbox, portal: Portal, send: Any) -> None:
    generation_id = uuid4()
    box.open(generation_id, attempt=1, number=1)
    box.put(generation_id, Taken(runner="me"))
    for n in range(50):
        box.put(generation_id, Reading(read_tokens=n, prompt_tokens=50))
    box.put(generation_id, Piece(text="hm", kind="thinking"))
    for text in "hello":
        box.put(generation_id, Piece(text=text))
    send()

    assert [event for _, event in portal.entries(generation_id)] == [
        Taken(runner="me"),
        Reading(read_tokens=49, prompt_tokens=50),
        Piece(text="hm", kind="thinking"),
        Piece(text="hello"),
    ]


@pytest.mark.threat("F17")
def test_nothing_is_written_behind_a_closed_attempt(
    box: Outbox, portal: Portal, send: Any, gone: Gone, redis: Redis
) -> None:
    generation_id, other = uuid4(), uuid4()
    for one in (generation_id, other):
        box.open(one, attempt=1, number=1)
        box.put(one, Taken(runner="me"))
    send()
    portal.close(generation_id, attempt=1, end=End(why="interrupted", detail="died"))
    redis.set(protocol.lease_key(generation_id), "2:another")

    for one in (generation_id, other):
        box.put(one, Piece(text="late"))
        box.put(one, End(why="done"))
    send()

    assert [entry_id for entry_id, _ in portal.entries(generation_id)] == [(1, 1), (2, 0)]
    assert portal.text(generation_id) == ""
    assert redis.get(protocol.lease_key(generation_id)) == b"2:another"
    assert portal.text(other) == "late"
    assert gone == [(other, 1, True), (generation_id, 1, False)]


@pytest.mark.threat("G4")
def test_a_stream_that_vanished_does_not_go_on_in_the_middle(
    box: Outbox, portal: Portal, send: Any, gone: Gone, redis: Redis
) -> None:
    generation_id = uuid4()
    box.open(generation_id, attempt=1, number=1)
    box.put(generation_id, Taken(runner="me"))
    send()
    redis.flushall()

    box.put(generation_id, Piece(text="orphan"))
    send()

    assert portal.entries(generation_id) == []
    assert gone == [(generation_id, 1, False)]


@pytest.mark.threat("G7")
def test_a_connection_that_breaks_after_the_write_doubles_nothing(
    box: Outbox,
    portal: Portal,
    send: Any,
    gone: Gone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server did it, and the answer never came: the same again, with the same numbers."""
    generation_id = uuid4()
    execute, broken = Pipeline.execute, [3]

    def breaking(self: Pipeline, raise_on_error: bool = True) -> Any:
        answer = execute(self, raise_on_error)
        if broken[0]:
            broken[0] -= 1
            raise ConnectionError("the answer is lost")
        return answer

    monkeypatch.setattr(Pipeline, "execute", breaking)
    box.open(generation_id, attempt=1, number=1)
    box.put(generation_id, Taken(runner="me"))
    for kind in ("thinking", "answer", "thinking", "answer"):
        box.put(generation_id, Piece(text=kind, kind=kind))
    box.put(generation_id, End(why="done"))
    send()

    numbers = [number for (_, number), _ in portal.entries(generation_id)]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert gone == [(generation_id, 1, True)]


@pytest.mark.threat("G5")
def test_when_redis_is_full_everything_waits_and_arrives_in_order(
    box: Outbox,
    portal: Portal,
    send: Any,
    redis: Redis,
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    generation_id = uuid4()
    box.open(generation_id, attempt=1, number=1)
    box.put(generation_id, Taken(runner="me"))
    send()
    redis.config_set("maxmemory", "1")
    try:
        for n in range(3):
            box.put(generation_id, Piece(text=str(n)))
            box.flush()
        until(lambda: "events wait for Redis" in caplog.text)
        assert len(portal.entries(generation_id)) == 1
    finally:
        redis.config_set("maxmemory", "0")
    send()

    assert portal.text(generation_id) == "012"


def test_when_it_is_full_it_says_so_until_something_left(
    box: Outbox, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING_BYTES", 1_000)
    generation_id = uuid4()
    box.open(generation_id, attempt=1, number=1)
    seen = []
    for text in ("x" * 600, "y" * 600):
        box.put(generation_id, Piece(text=text))
        seen.append(box.is_full)
    send()
    box.wait_for_room(wait_seconds=60)
    seen.append(box.is_full)

    assert seen == [False, True, False]


def test_a_dropped_attempt_says_nothing_more(
    box: Outbox, portal: Portal, send: Any, gone: Gone
) -> None:
    generation_id = uuid4()
    box.open(generation_id, attempt=1, number=1)
    box.put(generation_id, Taken(runner="me"))
    box.drop(generation_id, attempt=1)
    box.put(generation_id, Piece(text="late"))
    box.open(generation_id, attempt=2, number=1)
    box.drop(generation_id, attempt=1)  # of the earlier one: too late, and nothing happens
    box.put(generation_id, Taken(runner="me"))
    send()

    assert [entry_id for entry_id, _ in portal.entries(generation_id)] == [(2, 1)]
    assert gone == []


@pytest.mark.threat("F20")
def test_a_request_handed_back_is_where_it_was_and_held_by_nobody(
    box: Outbox, portal: Portal, send: Any, gone: Gone, redis: Redis
) -> None:
    generation_id = uuid4()
    redis.set(protocol.lease_key(generation_id), "1:me")
    box.open(generation_id, attempt=1, number=1)
    box.put(generation_id, Taken(runner="me"))
    box.put(generation_id, HandBack(queue="q", score=7.5))
    send()

    assert redis.zscore(protocol.queue_key("q"), str(generation_id)) == 7.5
    assert not redis.exists(protocol.lease_key(generation_id))
    assert redis.xlen(protocol.WANTED) == 1
    assert gone == [(generation_id, 1, True)]


def test_reports_of_deaths_wait_for_redis_in_order(
    redis: Redis, portal: Portal, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = Reports(redis, host="here")
    xadd, broken = Redis.xadd, [2]

    def breaking(self: Redis, *args: Any, **more: Any) -> Any:
        if broken[0]:
            broken[0] -= 1
            raise ConnectionError("away")
        return xadd(self, *args, **more)

    monkeypatch.setattr(Redis, "xadd", breaking)
    deaths = [protocol.Death(runner=f"r{n}", queue="q", how="killed") for n in range(3)]
    is_over = threading.Event()
    thread = threading.Thread(target=reports.run, args=(is_over,))
    thread.start()
    for death in deaths:
        reports.death(death)
    reports.state(protocol.HostState(host="here", seen_at=1.0))
    until(lambda: portal.deaths() == deaths)
    until(lambda: redis.get(protocol.host_key("here")))
    is_over.set()
    thread.join()

    assert 0 < redis.ttl(protocol.host_key("here")) <= 5
