"""Crafted model files, cut from the real one: whatever they do to a loader, others run on (E17)."""

import math
import os
import struct
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis

from inference import protocol
from tests.inference.conftest import ROOT, MakeRequest, Portal, StartWorker, Until, Worker

STARTER = Path(
    os.environ.get("PORTAL_STARTER_GGUF")
    or ROOT / "var" / "starter" / "SmolLM2-135M-Instruct.Q4_1.gguf"
)
HEADER_BYTES = 4 * 1024 * 1024
# Long for a slow machine; short for what never ends.
LOAD_SECONDS, ENDLESS_SECONDS = 100, 10
# A number of its header and what it becomes: the first lies to the end of every computation and
# aborts the process, the others ask for more than there is, or for shapes the weights do not have.
NOT_A_NUMBER = ("llama.attention.layer_norm_rms_epsilon", "<f", math.nan)
CRAFTED = (
    NOT_A_NUMBER,
    ("llama.embedding_length", "<I", 2**31 - 1),
    ("llama.attention.head_count_kv", "<I", 2**32 - 1),
    ("llama.block_count", "<I", 7),
    ("llama.rope.dimension_count", "<I", 0),
)

pytestmark = [pytest.mark.model, pytest.mark.fault, pytest.mark.threat("E17")]


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "blobs"
    folder.mkdir(parents=True)
    return folder


def spec_of(number: int) -> protocol.ModelSpec:
    return protocol.ModelSpec(weights=f"{number:064x}", context_length=2048)


def path_of(blobs: Path, spec: protocol.ModelSpec) -> Path:
    return blobs / f"sha256-{spec.weights}"


def craft(path: Path, change: tuple[str, str, float]) -> None:
    """The real header with one number changed, over weights of nothing but zeros: no disk space."""
    key, shape, value = change
    with STARTER.open("rb") as file:
        header = bytearray(file.read(HEADER_BYTES))
    at = header.index(key.encode()) + len(key) + 4  # behind the name stands its type
    header[at : at + 4] = struct.pack(shape, value)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(STARTER.stat().st_size)


def test_crafted_files_are_given_up_while_another_model_goes_on_talking(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    blobs: Path,
    until: Until,
) -> None:
    worker, chatting, runner = _a_chat_in_the_middle(
        start_worker, portal, make_request, blobs=blobs, until=until
    )
    queues = set()
    for number, change in enumerate(CRAFTED, start=1):
        spec = spec_of(number)
        craft(path_of(blobs, spec), change)
        queues.add(spec.queue)
        portal.submit(make_request(model=spec))

    until(lambda: {death.queue for death in portal.deaths()} == queues)

    assert {(death.how, death.held) for death in portal.deaths()} == {("unloadable", ())}
    assert all(death.detail for death in portal.deaths())
    assert "SIGABRT" in {death.detail for death in portal.deaths()}, "none killed its loader"
    assert worker.log.count("is loading") <= 1 + 2 * len(CRAFTED)
    _still_talking(portal, chatting, runner, until=until)


def test_a_trial_finds_every_crafted_file_out_while_another_model_goes_on_talking(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    redis: Redis,
    blobs: Path,
    until: Until,
) -> None:
    _, chatting, runner = _a_chat_in_the_middle(
        start_worker, portal, make_request, blobs=blobs, until=until
    )
    specs = [spec_of(number) for number in range(1, len(CRAFTED) + 1)]
    for spec, change in zip(specs, CRAFTED, strict=True):
        craft(path_of(blobs, spec), change)
        redis.set(protocol.trial_key(spec.queue), protocol.encode(protocol.Trial(spec=spec)))
        redis.zadd(protocol.TRIALS, {spec.queue: 1.0})

    def verdicts() -> list[protocol.Verdict]:
        found: Any = redis.mget([protocol.verdict_key(spec.queue) for spec in specs])
        return [protocol.decode_verdict(data) for data in found if data]

    until(lambda: len(verdicts()) == len(CRAFTED))

    assert {verdict.outcome for verdict in verdicts()} <= protocol.SETTLED - {"passed"}
    assert "crashed" in {verdict.outcome for verdict in verdicts()}, "none killed its process"
    assert not portal.deaths()
    _still_talking(portal, chatting, runner, until=until)


def test_a_file_that_a_loader_waits_on_for_ever_is_given_up_in_time(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    blobs: Path,
    until: Until,
) -> None:
    _, chatting, runner = _a_chat_in_the_middle(
        start_worker,
        portal,
        make_request,
        blobs=blobs,
        until=until,
        load_seconds=ENDLESS_SECONDS,
    )
    endless = spec_of(1)
    os.mkfifo(path_of(blobs, endless))
    portal.submit(make_request(model=endless))

    (death,) = until(portal.deaths)

    assert (death.queue, death.how, death.held) == (endless.queue, "unloadable", ())
    _still_talking(portal, chatting, runner, until=until)


def _a_chat_in_the_middle(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    *,
    blobs: Path,
    until: Until,
    load_seconds: int = LOAD_SECONDS,
) -> tuple[Worker, protocol.Request, int]:
    """A worker, a long answer of the sound model that has begun, and the process that writes it."""
    sound = spec_of(0)
    path_of(blobs, sound).symlink_to(STARTER)
    worker = start_worker(
        INFERENCE_BACKEND="llama",
        INFERENCE_THREADS="1",
        OLLAMA_NUM_PARALLEL="1",
        OLLAMA_MAX_LOADED_MODELS="4",  # room for two that load beside the one that talks
        OLLAMA_LOAD_TIMEOUT=f"{load_seconds}s",
    )
    chatting = make_request("Tell me a long story.", model=sound)
    portal.submit(chatting)
    until(lambda: portal.text(chatting.generation_id))
    state = portal.ready_runner()
    assert state is not None
    return worker, chatting, state.pid


def _still_talking(
    portal: Portal, chatting: protocol.Request, runner: int, *, until: Until
) -> None:
    generation_id = chatting.generation_id
    end = portal.end(generation_id)
    if end is None:  # once it has ended, its model may have had to make room
        assert psutil.pid_exists(runner)
        said = len(portal.text(generation_id))
        until(lambda: portal.end(generation_id) or len(portal.text(generation_id)) > said)
        portal.stop(generation_id)
        end = until(lambda: portal.end(generation_id))
    assert end.why in ("stopped", "done", "length")
    assert {place[0] for place, _ in portal.entries(generation_id)} == {1}, "it was begun again"
