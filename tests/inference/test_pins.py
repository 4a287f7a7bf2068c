"""Models kept loaded and models let go at once, in a real worker; and loads that hang."""

import signal

import psutil
import pytest
from redis import Redis

from inference import protocol
from tests.inference.conftest import MakeRequest, Portal, StartWorker, Until
from tests.inference.test_demand import pin

SLOW = {"when": "slow", "says": ["word "], "repeat": 100, "every_ms": 10}


def test_a_pinned_model_is_loaded_unasked_stays_and_comes_back_after_a_crash(
    start_worker: StartWorker,
    portal: Portal,
    redis: Redis,
    make_request: MakeRequest,
    spec: protocol.ModelSpec,
    until: Until,
) -> None:
    start_worker(OLLAMA_KEEP_ALIVE="0")
    pin(redis, spec)
    first = until(portal.ready_runner)
    assert (first.model_name, first.expires_at) == ("kept:1", None)
    generation_id = portal.submit(make_request())
    until(lambda: portal.end(generation_id))

    psutil.Process(first.pid).kill()
    second = until(lambda: (one := portal.ready_runner()) and one.runner != first.runner and one)
    assert second.queue == spec.queue

    pin(redis)
    until(lambda: not portal.runners())


def test_with_room_for_one_a_pinned_model_stays_while_others_come_and_go(
    start_worker: StartWorker,
    portal: Portal,
    redis: Redis,
    make_request: MakeRequest,
    spec: protocol.ModelSpec,
    until: Until,
) -> None:
    pin(redis, spec)
    start_worker(OLLAMA_MAX_LOADED_MODELS="1")
    kept = until(portal.ready_runner)
    others = [protocol.ModelSpec(weights=f"{n}" * 64, context_length=4096) for n in range(2)]
    asked = [portal.submit(make_request(f"n{n}", model=others[n % 2])) for n in range(4)]

    until(lambda: all(portal.end(one) for one in asked))

    assert kept.runner in {runner.runner for runner in portal.runners()}
    assert all(portal.text(one) for one in asked)


def test_a_model_is_let_go_at_once_when_an_administrator_says_so(
    start_worker: StartWorker,
    portal: Portal,
    redis: Redis,
    make_request: MakeRequest,
    until: Until,
) -> None:
    start_worker([SLOW])
    generation_id = portal.submit(make_request("slow"))
    runner = until(portal.ready_runner)
    until(lambda: portal.text(generation_id))

    redis.xadd(protocol.UNLOAD, {"queue": runner.queue})
    until(lambda: not portal.runners())

    assert portal.text(generation_id) == "word " * 100, "what it ran was not finished"
    assert not portal.deaths()
    again = portal.submit(make_request("and now?"))
    until(lambda: portal.end(again))


@pytest.mark.fault
@pytest.mark.threat("F16")
def test_a_load_that_hangs_keeps_nobody_elses_model_from_loading(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    worker = start_worker([SLOW])
    specs = [protocol.ModelSpec(weights=f"{n}" * 64, context_length=4096) for n in range(3)]
    hanging = [portal.submit(make_request("slow", model=spec)) for spec in specs[:2]]
    stopped = until(lambda: len(found := worker.runner_processes()) == 2 and found)
    for process in stopped:
        process.send_signal(signal.SIGSTOP)

    served = portal.submit(make_request("three", model=specs[2]))

    until(lambda: portal.end(served))
    assert not any(portal.end(one) for one in hanging)
    for process in stopped:
        process.send_signal(signal.SIGCONT)
    until(lambda: all(portal.end(one) for one in hanging))
