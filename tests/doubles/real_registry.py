"""Debian's docker-registry, the real program, on loopback for one test run. Not a double at all."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

PROGRAM = Path("/usr/bin/docker-registry")
CALLS = 6  # half a second at first, then twice as long each time


@contextmanager
def real_registry(folder: Path) -> Iterator[str]:
    """`host:port` of a registry that keeps everything in `folder`, until the block ends.

    Skips the test where Debian's package of that name is not installed; never where CI runs.
    """
    if not PROGRAM.exists() and not os.environ.get("CI"):
        pytest.skip("docker-registry is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    config = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": host, "secret": "of this test only"},
    }
    (folder / "config.yml").write_text(json.dumps(config))
    with (folder / "registry.log").open("wb") as log:
        server = subprocess.Popen(
            ["/usr/bin/docker-registry", "serve", "config.yml"],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(host)
        yield host
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_for(host: str) -> None:
    """The client tries again, with longer and longer pauses, until somebody takes the call."""
    transport = httpx.HTTPTransport(retries=CALLS)
    with httpx.Client(transport=transport, trust_env=False, timeout=60) as client:
        client.get(f"http://{host}/v2/").raise_for_status()
