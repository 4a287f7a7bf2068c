"""Debian's docker-registry, the real program, on loopback for one test run. Not a double at all."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

PROGRAM = Path("/usr/bin/docker-registry")
START_SECONDS = 20.0


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
        _wait_for(host, server)
        yield host
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait_for(host: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < until and server.poll() is None:
            try:
                if client.get(f"http://{host}/v2/").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
    raise RuntimeError("the registry did not start")
