"""The worker through its real doors: requests on a queue, events on a stream."""

import time
from uuid import UUID, uuid4

import pytest
from redis import Redis

from inference import protocol
from inference.protocol import End, Piece, Reading, Taken
from tests.inference.conftest import MakeRequest, Portal, StartWorker, Until

# Goes on for longer than any test looks at it.
SLOW = {"when": "slow", "says": ["word "], "repeat": 1_500, "every_ms": 40}


def assert_gapless(portal: Portal, generation_id: UUID, *, attempt: int = 1) -> None:
    ids = [entry_id for entry_id, _ in portal.entries(generation_id) if entry_id[1]]
    assert ids == [(attempt, number) for number in range(1, len(ids) + 1)]


def test_a_request_becomes_numbered_events_and_one_end(
    start_worker: StartWorker,
    portal: Portal,
    redis: Redis,
    make_request: MakeRequest,
    until: Until,
) -> None:
    start_worker([{"when": "capital", "says": ["Paris", " is", " it", "."]}])

    generation_id = portal.submit(make_request("The capital of France?"))
    end = until(lambda: portal.end(generation_id))

    events = [event for _, event in portal.entries(generation_id)]
    assert_gapless(portal, generation_id)
    assert isinstance(events[0], Taken)
    assert any(isinstance(event, Reading) for event in events)
    assert portal.text(generation_id) == "Paris is it."
    assert sum(isinstance(event, End) for event in events) == 1
    assert end.why == "done"
    assert end.stats is not None
    assert end.stats.prompt_tokens > 0
    assert end.stats.answer_tokens > 0
    assert end.stats.load_ns > 0
    until(lambda: not redis.exists(protocol.lease_key(generation_id)))
    assert redis.xlen(protocol.NEWS) == 1


def test_many_requests_are_answered_each_with_its_own_text(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    start_worker()
    asked = {
        portal.submit(make_request(f"number {n}", person=f"person-{n % 5}")): f"number {n}"
        for n in range(40)
    }

    until(lambda: all(portal.end(one) for one in asked))

    for generation_id, text in asked.items():
        assert portal.text(generation_id) == f"You said: {text}"
        assert_gapless(portal, generation_id)


@pytest.mark.threat("F12")
def test_a_stopped_answer_ends_at_once_and_keeps_what_was_said(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    start_worker([SLOW])
    generation_id = portal.submit(make_request("slow please"))
    until(lambda: len(portal.text(generation_id)) > 30)

    portal.stop(generation_id)
    end = until(lambda: portal.end(generation_id))

    assert end.why == "stopped"
    assert len(portal.text(generation_id)) < len("word " * 1_500)
    assert "word word ".startswith(portal.text(generation_id)[:10])
    portal.stop(generation_id)  # again, after the end: nothing happens
    other = portal.submit(make_request("Hi"))
    until(lambda: portal.end(other))
    assert sum(isinstance(event, End) for _, event in portal.entries(generation_id)) == 1


@pytest.mark.threat("F12")
def test_a_request_stopped_before_its_turn_ends_without_a_word(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    generation_id = portal.submit(make_request())
    portal.stop(generation_id)
    start_worker()

    assert until(lambda: portal.end(generation_id)).why == "stopped"
    assert portal.text(generation_id) == ""
    assert_gapless(portal, generation_id)


@pytest.mark.threat("F14")
def test_a_request_nobody_wants_any_more_is_not_begun(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    late = portal.submit(make_request(expires_at=time.time() - 1, so_far="kept"))
    start_worker()

    end = until(lambda: portal.end(late))

    assert (end.why, end.detail) == ("failed", "expired")
    assert portal.text(late) == "kept"


@pytest.mark.threat("G2")
@pytest.mark.threat("G9")
def test_rubbish_goes_to_the_dead_letters_and_the_loop_goes_on(
    start_worker: StartWorker,
    portal: Portal,
    redis: Redis,
    make_request: MakeRequest,
    spec: protocol.ModelSpec,
    until: Until,
) -> None:
    queue = protocol.queue_key(spec.queue)
    broken, foreign, listed, gone = uuid4(), make_request(), uuid4(), uuid4()
    redis.zadd(queue, {b"\xff\x00 not an id": 0.1})
    redis.zadd(queue, {str(broken): 0.2, str(gone): 0.25})
    redis.set(protocol.request_key(broken), b'{"version":9,"text":"SECRET"}')
    redis.zadd(queue, {str(listed): 0.3, str(uuid4()): 0.35})
    redis.lpush(protocol.request_key(listed), "a list")
    other = uuid4()
    redis.zadd(queue, {str(other): 0.4})
    redis.set(protocol.request_key(other), protocol.encode(foreign))
    redis.sadd(protocol.QUEUES, b"\xff", "no-such-queue")
    redis.zadd(protocol.queue_key("no-such-queue"), {"x": 1})
    redis.xadd(protocol.CONTROL, {"stop": "nobody"})
    good = portal.submit(make_request("still there?"))
    worker = start_worker()

    until(lambda: portal.end(good))
    redis.xadd(protocol.CONTROL, {"stop": b"\xff"})
    redis.xadd(protocol.CONTROL, {"rubbish": "x"})
    again = portal.submit(make_request("and now?"))
    until(lambda: portal.end(again))

    assert portal.text(good) == "You said: still there?"
    reasons = {letter[b"reason"] for letter in portal.dead_letters()}
    assert {b"not an id", b"cannot be claimed"} <= reasons
    assert b"request: another generation or queue" in reasons
    assert any(reason.startswith(b"request: Validation") for reason in reasons)
    assert any(reason.startswith(b"spec: ") for reason in reasons)
    assert "SECRET" not in str(portal.dead_letters()) + worker.log


def test_what_an_earlier_attempt_said_is_said_again_and_continued(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    start_worker([{"when": "capital", "says": ["Paris", " is", " it", "."]}])
    generation_id = portal.submit(make_request("The capital?", attempt=3, so_far="Paris is"))

    until(lambda: portal.end(generation_id))

    assert portal.text(generation_id) == "Paris is it."
    first = next(event for _, event in portal.entries(generation_id) if isinstance(event, Piece))
    assert first.text.startswith("Paris is")
    assert_gapless(portal, generation_id, attempt=3)


@pytest.mark.threat("F21")
@pytest.mark.threat("A11")
def test_the_log_holds_no_word_of_question_or_answer(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    rules = [{"when": "marmalade", "says": ["tangerine"], "and": "raise"}]
    worker = start_worker(rules)
    portal.submit(make_request("my marmalade secret"))
    bad = protocol.ModelSpec(weights="cd" * 32, context_length=4096, template="{% marmalade %}")
    failed = portal.submit(make_request("marmalade again", model=bad))

    until(lambda: portal.deaths())
    end = until(lambda: portal.end(failed))

    assert (end.why, end.detail) == ("failed", "template")
    assert "marmalade" not in worker.log
    assert "tangerine" not in worker.log


def test_a_model_that_refuses_its_template_fails_one_request_and_serves_on(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    template = (
        "{% for m in messages %}{% if 'no' in m.content %}{{ raise_exception('no') }}{% endif %}"
        "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}<|im_start|>assistant\n"
    )
    spec = protocol.ModelSpec(weights="cd" * 32, context_length=4096, template=template)
    start_worker()
    refused = portal.submit(make_request("no", model=spec))
    served = portal.submit(make_request("yes", model=spec))

    end = until(lambda: portal.end(refused))
    until(lambda: portal.end(served))

    assert (end.why, end.detail) == ("failed", "template")
    assert portal.text(served) == "You said: yes"
    assert not portal.deaths()


@pytest.mark.threat("F11")
def test_one_person_uses_every_free_slot_and_the_next_one_goes_to_whom_the_queue_puts_first(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    start_worker([SLOW])
    greedy = [portal.submit(make_request("slow one", person="greedy")) for _ in range(12)]
    until(lambda: sum(bool(portal.text(one)) for one in greedy) == 4)

    portal.score = -1  # as the fair queue places somebody who has asked for nothing yet
    modest = portal.submit(make_request("Hi", person="modest"))
    portal.stop(greedy[0])
    until(lambda: portal.end(modest))

    assert not any(portal.end(one) for one in greedy[1:])
    # Who waits is told so: not one event, not even that it was taken.
    assert not portal.entries(greedy[-1])


def test_the_host_tells_what_is_loading_ready_and_running(
    start_worker: StartWorker,
    portal: Portal,
    redis: Redis,
    make_request: MakeRequest,
    until: Until,
) -> None:
    worker = start_worker([SLOW], OLLAMA_KEEP_ALIVE="10m")
    until(lambda: redis.get(protocol.host_key("here")))
    assert redis.smembers(protocol.HOSTS) == {b"here"}
    generation_id = portal.submit(make_request("slow"))

    until(lambda: portal.runners() and portal.runners()[0].state == "loading")
    state = until(lambda: (one := portal.ready_runner()) and one.running and one)
    assert state.queue == make_request().model.queue
    assert state.model_name == "scripted:latest"
    assert state.slots == 4
    assert state.context_length == 4096
    assert state.expires_at is None
    portal.stop(generation_id)
    state = until(lambda: (one := portal.ready_runner()) and one.expires_at and one)
    assert not state.running
    assert state.expires_at is not None
    assert 590 < state.expires_at - time.time() < 610

    worker.end()
    assert not redis.exists(protocol.host_key("here"))
    assert not redis.smembers(protocol.HOSTS)


def test_an_idle_model_is_let_go_and_comes_back_when_asked(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    start_worker(OLLAMA_KEEP_ALIVE="500ms")
    first = portal.submit(make_request("one"))
    until(lambda: portal.end(first))
    until(lambda: not portal.runners())

    second = portal.submit(make_request("two"))

    until(lambda: portal.end(second))
    assert not portal.deaths()


@pytest.mark.threat("F16")
def test_with_room_for_one_model_two_are_served_in_turn_each_by_its_own(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    start_worker(OLLAMA_MAX_LOADED_MODELS="1")
    specs = [protocol.ModelSpec(weights=f"{n}" * 64, context_length=4096) for n in range(2)]
    asked = [portal.submit(make_request(f"n{n}", model=specs[n % 2])) for n in range(6)]

    most = 0

    def are_all_over() -> bool:
        nonlocal most
        most = max(most, len(portal.runners()))
        return all(portal.end(one) for one in asked)

    until(are_all_over)

    assert most == 1
    for n, generation_id in enumerate(asked):
        assert portal.text(generation_id) == f"You said: n{n}"
        taken = portal.entries(generation_id)[0][1]
        assert isinstance(taken, Taken)
        assert specs[n % 2].queue[:8] in taken.runner
