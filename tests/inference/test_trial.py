"""New model files are first loaded where nothing can be lost (threat E17)."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import gguf
import psutil
import pytest
from msgspec.structs import replace
from redis import Redis

from inference import protocol, settings, trial, trials
from inference.trials import Trials
from tests.doubles.bert import random_bert, write_gguf
from tests.doubles.lora import random_pairs, write_lora
from tests.doubles.tinymodels import write_llama
from tests.doubles.tinyvision import write_projector
from tests.inference.conftest import ROOT, StartWorker, Until, Worker

SPEC = protocol.ModelSpec(weights="ab" * 32, context_length=2048)
SECRETS = {
    "DATABASE_URL": "postgres://secret",
    "INFERENCE_HOST": "here",
    "OLLAMA_MODELS": "/models",
    "PORTAL_HOME": "/home/portal",
    "PORTAL_SECRET_KEY": "secret",
    "REDIS_URL": "redis://worker:secret@redis",
}

pytestmark = pytest.mark.threat("E17")


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    """Where the file of `SPEC` is looked for."""
    path = tmp_path / "models" / "blobs" / f"sha256-{SPEC.weights}"
    path.parent.mkdir(parents=True)
    return path


Judge = Callable[..., protocol.Verdict]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Try the file of `SPEC`, as a host with these settings does."""

    def judge(
        spec: protocol.ModelSpec = SPEC,
        *,
        clock: Callable[[], float] = time.monotonic,
        **environment: str,
    ) -> protocol.Verdict:
        config = settings.read(
            {"PORTAL_HOME": str(tmp_path), "INFERENCE_HOST": "here", **environment}
        )
        host = Trials(config, environment={**os.environ, **SECRETS}, clock=clock)
        return host.judge(spec, still_here=lambda: None)

    return judge


@pytest.fixture
def long_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Callable[[], float]]:
    """A clock that stands still until the trial says this stage, and hurries from then on."""

    def of(stage: str) -> Callable[[], float]:
        said: list[Any] = []
        read = trial.decode

        def heard(line: bytes) -> object:
            said.append(read(line))
            return said[-1]

        monkeypatch.setattr(trial, "decode", heard)
        hours = itertools.count(step=3600.0)
        return lambda: next(hours) if trial.Stage(name=stage) in said else 0.0

    return of


def test_a_sound_model_passes_and_says_what_it_is(judge: Judge, blob: Path) -> None:
    write_llama(blob, layers=3, width=64, vocabulary=512, context=1024)

    verdict = judge()

    assert (verdict.outcome, verdict.detail) == ("passed", "")
    assert verdict.facts is not None
    assert verdict.facts.layers == 3
    assert verdict.facts.trained_context == 1024
    assert verdict.facts.embedding_length == 64
    assert verdict.facts.vocabulary_size == 512
    assert verdict.facts.template == "sound"
    assert verdict.facts.model_bytes > 0
    assert (verdict.queue, verdict.host) == (SPEC.queue, "here")


def test_a_model_that_computes_nothing_that_can_be_compared_is_refused(
    judge: Judge, blob: Path
) -> None:
    """Any token of it would be as good as any other, and people would read that."""
    write_llama(blob)
    for tensor in gguf.GGUFReader(blob, "r+").tensors:
        if tensor.name == "output_norm.weight":
            tensor.data[:] = float("nan")

    verdict = judge()

    assert (verdict.outcome, verdict.detail) == ("refused", "NotANumber")


def test_a_model_that_embeds_is_tried_at_what_it_is_for(judge: Judge, blob: Path) -> None:
    write_gguf(random_bert(), blob, pooling=gguf.PoolingType.RANK)

    tried = {task: judge(replace(SPEC, task=task)) for task in ("embed", "rerank", "answer")}

    assert {task: verdict.outcome for task, verdict in tried.items()} == {
        "embed": "passed",
        "rerank": "passed",
        "answer": "refused",
    }
    facts = tried["rerank"].facts
    assert facts is not None
    assert facts.pooling == "rank"


def test_an_adapter_is_tried_with_its_model(judge: Judge, blob: Path) -> None:
    write_llama(blob, kind="f32")
    good, stranger = "cd" * 32, "ef" * 32
    pairs = random_pairs(blob, "blk.0.attn_q.weight")
    write_lora(blob.with_name(f"sha256-{good}"), pairs)
    write_lora(blob.with_name(f"sha256-{stranger}"), pairs, architecture="qwen2")

    outcomes = [
        judge(replace(SPEC, adapters=adapters)).outcome
        for adapters in ((good,), (good, stranger), ("00" * 32,))
    ]

    assert outcomes == ["passed", "refused", "absent"]


def test_a_projector_is_tried_with_its_model(judge: Judge, blob: Path) -> None:
    write_llama(blob, width=64)
    good, too_narrow, broken = "c1" * 32, "c2" * 32, "c3" * 32
    write_projector(blob.with_name(f"sha256-{good}"), width=64)
    write_projector(blob.with_name(f"sha256-{too_narrow}"), width=32)
    blob.with_name(f"sha256-{broken}").write_bytes(b"GGUF and nothing else")

    outcomes = [
        judge(replace(SPEC, projector=projector)).outcome
        for projector in (good, too_narrow, broken, "00" * 32)
    ]

    assert outcomes == ["passed", "refused", "refused", "absent"]


@pytest.mark.skipif(sys.platform != "linux", reason="these walls are Linux's own")
def test_something_stands_between_it_and_the_network(judge: Judge, blob: Path) -> None:
    write_llama(blob)

    assert {"namespace", "seccomp"} & set(judge().walls)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('never') }}", "refused"),
        ("{{ messages[0].content }}", "sound"),
        (None, "absent"),
    ],
)
def test_a_template_that_refuses_is_noted_and_costs_nothing_else(
    judge: Judge, blob: Path, template: str | None, said: str
) -> None:
    write_llama(blob, template=template)

    verdict = judge()

    assert verdict.outcome == "passed"
    assert verdict.facts is not None
    assert verdict.facts.template == said


@pytest.mark.threat("E18")
def test_a_template_that_never_ends_is_ended(
    judge: Judge, blob: Path, long_once: Callable[[str], Callable[[], float]]
) -> None:
    forever = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    write_llama(blob, template=forever)

    verdict = judge(clock=long_once("writing"))

    assert (verdict.outcome, verdict.detail) == ("hung", "writing")


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"GGUF\x03\x00\x00\x00" + b"\xff" * 4096, b"\0" * 4096]
)
def test_what_is_no_model_is_refused(judge: Judge, blob: Path, content: bytes) -> None:
    blob.write_bytes(content)

    verdict = judge()

    assert verdict.outcome in ("refused", "memory")
    assert verdict.facts is None
    assert verdict.detail


def test_a_file_that_is_read_for_ever_is_given_up(
    judge: Judge, blob: Path, long_once: Callable[[str], Callable[[], float]]
) -> None:
    os.mkfifo(blob)

    verdict = judge(clock=long_once("loading"))

    assert (verdict.outcome, verdict.detail) == ("hung", "loading")


def test_a_host_without_the_file_does_not_judge_it(judge: Judge) -> None:
    assert judge().outcome == "absent"


def test_the_scripted_backend_has_nothing_to_try(judge: Judge) -> None:
    assert judge(INFERENCE_BACKEND="scripted").outcome == "passed"


def test_it_is_told_no_address_no_place_and_no_secret() -> None:
    passed = trials.passed_environment({**SECRETS, "PATH": "/bin", "LC_ALL": "C"})

    assert not SECRETS.keys() & passed.keys()
    assert not [value for value in passed.values() if "secret" in value]
    assert passed["PATH"] == "/bin"


# ── What it may not do ──────────────────────────────────────────────────────────────────────────

ATTEMPTS = """
import ctypes, json, os, signal, socket, subprocess, sys, threading
from pathlib import Path
from inference import confinement, walls

parent, places = os.getppid(), json.loads(os.environ["PLACES"])
home = Path(places[0])
standing = walls.leave_network()
confinement.limit_trial(data_bytes=2**30, address_bytes=2**40, cpu_seconds=60)
standing += walls.put_up(readable=[home / "weights", *map(Path, (sys.prefix, sys.base_prefix))])
done = []

def attempt(name, act):
    try:
        act()
    except (OSError, MemoryError, subprocess.SubprocessError):
        return
    done.append(name)

attempt("connect", lambda: socket.create_connection(("127.0.0.1", places[1]), timeout=5))
attempt("unix socket", lambda: socket.socket(socket.AF_UNIX).connect(places[2]))
attempt("program", lambda: subprocess.run(["/bin/true"], check=True))
attempt("fork", os.fork)
attempt("new file", lambda: (home / "new").write_bytes(b"x"))
attempt("change the weights", lambda: (home / "weights").open("r+b"))
attempt("remove the weights", (home / "weights").unlink)
attempt("rename the weights", lambda: (home / "weights").rename(home / "other"))
attempt("signal", lambda: os.kill(parent, 0))
attempt("limit another", lambda: __import__("resource").prlimit(parent, 7, (1, 1)))
attempt("all memory", lambda: bytearray(2**31))
if "landlock" in standing:
    attempt("read a secret", lambda: (home / "secret").read_bytes())
    attempt("read an environment", lambda: Path(f"/proc/{parent}/environ").read_bytes())
thread = threading.Thread(target=lambda: done.append("thread"))
thread.start()
thread.join()
(home / "weights").read_bytes()
print(json.dumps([standing, done]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="these walls are Linux's own")
@pytest.mark.threat("J3")
def test_behind_the_walls_it_can_read_its_file_and_compute_and_nothing_else(
    tmp_path: Path, redis: Redis
) -> None:
    import socket

    home = tmp_path / "home"
    home.mkdir()
    (home / "weights").write_bytes(b"weights")
    (home / "secret").write_bytes(b"secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        valkey = redis.connection_pool.connection_kwargs.get("path", "/nowhere")
        done = subprocess.run(
            [sys.executable, "-"],
            input=ATTEMPTS,
            env={**os.environ, "PLACES": json.dumps([str(home), port, valkey])},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    standing, did = json.loads(done.stdout)
    assert standing
    assert did == ["thread"]
    assert (home / "weights").read_bytes() == b"weights"


# ── Through Redis ───────────────────────────────────────────────────────────────────────────────


def ask(redis: Redis, spec: protocol.ModelSpec = SPEC) -> None:
    redis.set(protocol.trial_key(spec.queue), protocol.encode(protocol.Trial(spec=spec)))
    redis.zadd(protocol.TRIALS, {spec.queue: 1.0})


def verdict_on(redis: Redis, spec: protocol.ModelSpec = SPEC) -> protocol.Verdict | None:
    data: Any = redis.get(protocol.verdict_key(spec.queue))
    return protocol.decode_verdict(data) if data else None


@pytest.mark.fault
def test_a_worker_answers_what_it_is_asked(
    start_worker: StartWorker, redis: Redis, blob: Path, until: Until
) -> None:
    write_llama(blob)
    start_worker(INFERENCE_BACKEND="llama")
    ask(redis)

    verdict = until(lambda: verdict_on(redis))

    assert verdict.outcome == "passed"
    assert not redis.exists(protocol.trying_key(SPEC.queue))
    assert not redis.zcard(protocol.TRIALS)


@pytest.mark.fault
def test_what_was_asked_before_the_worker_came_is_tried_too_and_nonsense_is_passed_over(
    start_worker: StartWorker, redis: Redis, until: Until
) -> None:
    redis.zadd(protocol.TRIALS, {b"\xff\xfe": 0.5, b"nothing": 0.6})
    redis.set(protocol.trial_key("wrong"), protocol.encode(protocol.Trial(spec=SPEC)))
    redis.zadd(protocol.TRIALS, {"wrong": 0.7})
    ask(redis)

    start_worker()

    verdict = until(lambda: verdict_on(redis))
    assert verdict.outcome == "passed"
    assert not redis.exists(protocol.verdict_key("wrong"))


@pytest.mark.fault
def test_a_worker_that_dies_in_the_middle_leaves_no_mark_for_long_and_no_process(
    start_worker: StartWorker, redis: Redis, blob: Path, until: Until
) -> None:
    os.mkfifo(blob)
    worker = start_worker(INFERENCE_BACKEND="llama")
    ask(redis)
    (process,) = until(lambda: _trials_of(worker))
    assert 0 < redis.ttl(protocol.trying_key(SPEC.queue)) <= trials.TRYING_SECONDS

    worker.process.kill()
    worker.process.wait(timeout=60)

    until(lambda: not is_alive(process))


def _trials_of(worker: Worker) -> list[psutil.Process]:
    found = []
    for process in worker.runner_processes():
        with suppress(psutil.NoSuchProcess):
            if "inference.trial" in process.cmdline():
                found.append(process)
    return found


def is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
