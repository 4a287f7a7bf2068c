"""A runner's own limits, and the real model in a real runner."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from inference import protocol
from tests.inference.conftest import ROOT, MakeRequest, Portal, StartWorker, Until

STARTER = Path(
    os.environ.get("PORTAL_STARTER_GGUF")
    or ROOT / "var" / "starter" / "SmolLM2-135M-Instruct.Q4_1.gguf"
)


@pytest.mark.threat("E17")
def test_no_file_can_make_a_runner_ask_for_all_of_the_memory() -> None:
    confined = (
        "import os, resource; from inference.runner import confine;"
        "confine(supervisor_pid=os.getppid());"
        "print(*resource.getrlimit(resource.RLIMIT_DATA))"
    )

    done = subprocess.run(  # noqa: S603 - ourselves, fixed arguments
        [sys.executable, "-c", confined], cwd=ROOT, check=True, capture_output=True, text=True
    )

    soft_bytes, hard_bytes = map(int, done.stdout.split())
    assert 0 < soft_bytes == hard_bytes < psutil.virtual_memory().total


@pytest.mark.model
def test_the_starter_model_knows_the_capital_of_france(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    tmp_path: Path,
    until: Until,
) -> None:
    assert STARTER.exists(), "`make setup` fetches the starter model"
    blobs = tmp_path / "models" / "blobs"
    blobs.mkdir(parents=True)
    weights = "12" * 32  # the worker trusts the name: the portal has checked the bytes
    (blobs / f"sha256-{weights}").symlink_to(STARTER)
    spec = protocol.ModelSpec(weights=weights, context_length=2048)
    start_worker(INFERENCE_BACKEND="llama", OLLAMA_NUM_PARALLEL="2")
    options = protocol.Options(temperature=0, num_predict=40)

    # With this first line it says Paris by far. With that of its own template it babbles in
    # French, and with others it may: then the first word hangs on how the processor rounds.
    messages = (
        protocol.Message(role="system", content="Give short, factual answers."),
        protocol.Message(role="user", content="What is the capital of France?"),
    )

    asked = [
        portal.submit(make_request(messages=messages, model=spec, options=options, person=who))
        for who in ("alice", "bob")
    ]
    until(lambda: all(portal.end(one) for one in asked))

    assert all("Paris" in portal.text(one) for one in asked)
    state = portal.ready_runner()
    assert state is not None
    assert state.size_bytes > 90_000_000
    assert state.context_length == 2048
