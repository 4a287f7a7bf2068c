"""A worker of the tests' own: requests in, events out, over the real Valkey of this run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import psutil
import pytest
from redis import Redis
from redis.exceptions import ConnectionError

from inference import protocol

ROOT = Path(__file__).parents[2]


class Until(Protocol):
    def __call__(self, condition: Callable[[], Any], *, seconds: float = 120) -> Any: ...


@pytest.fixture
def until() -> Until:
    """Wait for something to become true, never for a time; what it was is in the message."""

    def wait(condition: Callable[[], Any], *, seconds: float = 120) -> Any:
        deadline = time.monotonic() + seconds
        pause = Waiter()
        while not (value := condition()):
            if time.monotonic() > deadline:
                pytest.fail(f"not within {seconds} s")
            pause.shortly()
        return value

    return wait


def answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except ConnectionError:
        return False


class Waiter:
    """Gives the processor away between two looks at a condition."""

    def shortly(self) -> None:
        time.sleep(0.01)


@pytest.fixture
def redis(until: Until) -> Iterator[Redis]:
    client = Redis.from_url(os.environ["REDIS_URL"])
    until(lambda: answers(client))
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def spec() -> protocol.ModelSpec:
    return protocol.ModelSpec(weights="ab" * 32, context_length=4096)


class MakeRequest(Protocol):
    def __call__(self, text: str = "Hello", **changes: Any) -> protocol.Request: ...


@pytest.fixture
def make_request(spec: protocol.ModelSpec) -> MakeRequest:
    def make(text: str = "Hello", **changes: Any) -> protocol.Request:
        fields: dict[str, Any] = {
            "generation_id": uuid4(),
            "attempt": 1,
            "person": "alice",
            "lane": "person",
            "model": spec,
            "model_name": "scripted:latest",
            "messages": (protocol.Message(role="user", content=text),),
            "expires_at": time.time() + 600,
        }
        return protocol.Request(**{**fields, **changes})

    return make


@dataclass
class Portal:
    """The other end of Redis, as small as it can be."""

    redis: Redis
    score: float = field(default=0.0)
    queue: str = ""

    def submit(self, request: protocol.Request) -> UUID:
        self.score += 1
        queue = self.queue = request.model.queue
        self.redis.set(protocol.request_key(request.generation_id), protocol.encode(request))
        self.redis.set(protocol.spec_key(queue), protocol.encode(request.model))
        self.redis.sadd(protocol.QUEUES, queue)
        self.redis.zadd(
            protocol.queue_key(queue), {str(request.generation_id): self.score}, nx=True
        )
        self.redis.xadd(protocol.WANTED, {"queue": queue})
        return request.generation_id

    def stop(self, generation_id: UUID) -> None:
        self.redis.set(protocol.stop_key(generation_id), b"1", ex=600)
        self.redis.xadd(protocol.CONTROL, {"stop": str(generation_id)})

    def entries(self, generation_id: UUID) -> list[tuple[tuple[int, int], protocol.Event]]:
        found: Any = self.redis.xrange(protocol.events_key(generation_id))
        return [
            (protocol.parse_event_id(entry_id), protocol.decode_event(fields[b"e"]))
            for entry_id, fields in found
        ]

    def text(self, generation_id: UUID) -> str:
        pieces = [event for _, event in self.entries(generation_id)]
        return "".join(event.text for event in pieces if isinstance(event, protocol.Piece))

    def end(self, generation_id: UUID) -> protocol.End | None:
        entries = self.entries(generation_id)
        last = entries[-1][1] if entries else None
        return last if isinstance(last, protocol.End) else None

    def close(self, generation_id: UUID, *, attempt: int, end: protocol.End) -> None:
        """As the reaper fences an attempt that it gave up."""
        self.redis.xadd(
            protocol.events_key(generation_id),
            {protocol.EVENT_FIELD: protocol.encode(end)},
            id=protocol.event_id(attempt + 1, 0),
        )

    def deaths(self) -> list[protocol.Death]:
        found: Any = self.redis.xrange(protocol.DEATHS)
        return [protocol.decode_death(fields[b"death"]) for _, fields in found]

    def dead_letters(self) -> list[dict[bytes, bytes]]:
        found: Any = self.redis.xrange(protocol.DEAD_LETTERS)
        return [fields for _, fields in found]

    def runners(self, host: str = "here") -> tuple[protocol.RunnerState, ...]:
        data: Any = self.redis.get(protocol.host_key(host))
        return protocol.decode_host(data).runners if data else ()

    def ready_runner(self) -> protocol.RunnerState | None:
        return next((one for one in self.runners() if one.state == "ready"), None)


@pytest.fixture
def portal(redis: Redis) -> Portal:
    return Portal(redis)


class Worker:
    """`python -m inference`, with short times and the scripted backend."""

    def __init__(self, environment: dict[str, str], *, log: Path) -> None:
        self._log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "inference"],
                cwd=ROOT,
                env={**os.environ, **environment},
                stderr=file,
                stdout=file,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def runner_processes(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def end(self) -> int:
        runners = self.runner_processes()
        for runner in runners:
            if runner.is_running() and runner.status() == psutil.STATUS_STOPPED:
                runner.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        status = self.process.wait(timeout=60)
        _, alive = psutil.wait_procs(runners, timeout=60)
        assert not alive, "a runner outlived its supervisor"
        return status


class StartWorker(Protocol):
    def __call__(self, rules: list[dict[str, Any]] | None = None, **environment: str) -> Worker: ...


@pytest.fixture
def start_worker(tmp_path: Path, redis: Redis) -> Iterator[StartWorker]:
    workers: list[Worker] = []

    def start(rules: list[dict[str, Any]] | None = None, **environment: str) -> Worker:
        script = tmp_path / "script.json"
        script.write_text(json.dumps(rules or []))
        worker = Worker(
            {
                "PORTAL_HOME": str(tmp_path),
                "OLLAMA_MODELS": str(tmp_path / "models"),
                "REDIS_URL": os.environ["REDIS_URL"],
                "INFERENCE_BACKEND": "scripted",
                "INFERENCE_SCRIPT": str(script),
                "INFERENCE_HOST": "here",
                "INFERENCE_STALL_SECONDS": "30",
                "INFERENCE_GRACE_SECONDS": "2",
                "OLLAMA_NUM_PARALLEL": "4",
                **environment,
            },
            log=tmp_path / "worker.log",
        )
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.end()
        sys.stdout.write(worker.log)  # pytest shows it when the test fails
