"""A whole portal of the campaign's own: started as `make run` starts it, found again part by part,
and ended with every process it started. Breaks nothing itself; that is in deeds.py.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.faults import checker

PARTS = ("web", "recorder", "supervisor", "runner", "valkey", "celery")
LEASE_SECONDS = 5
WORDS = [f"word{number} " for number in range(1, 151)]


@dataclass(slots=True)
class Portal:
    """A portal that runs as `make run` runs it."""

    home: Path
    port: int
    group: psutil.Popen

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def pid_of(self, part: str) -> int | None:
        """The process of one part now, or None while it is being started again."""
        for process in self.group.children(recursive=True):
            try:
                if _part_of(process.cmdline()) == part:
                    return int(process.pid)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return None

    async def pid_once_it_runs(self, part: str, *, other_than: int | None = None) -> int:
        while True:
            pid = await asyncio.to_thread(self.pid_of, part)
            if pid is not None and pid != other_than:
                return pid
            await asyncio.sleep(0.05)

    async def is_healthy(self) -> bool:
        try:
            async with httpx.AsyncClient(timeout=2) as client:
                return (await client.get(f"{self.base}/healthz")).status_code == 200
        except httpx.HTTPError:
            return False

    async def is_healthy_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if await self.is_healthy():
                return True
            await asyncio.sleep(0.1)
        return False


@contextmanager
def running_portal(say: Callable[[str], None]) -> Iterator[Portal]:
    """A portal in a new home. What it leaves behind at the end is said as a finding."""
    with tempfile.TemporaryDirectory(prefix="portal-faults-") as directory:
        home = Path(directory)
        port = _free_port()
        script = home / "script.json"
        script.write_text(json.dumps([{"when": "", "says": WORDS, "every_ms": 8}]))
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings.development",
            "PORTAL_HOME": str(home),
            "PORTAL_BIND": f"127.0.0.1:{port}",
            "INFERENCE_BACKEND": "scripted",
            "INFERENCE_SCRIPT": str(script),
            "INFERENCE_LEASE_SECONDS": str(LEASE_SECONDS),
            # What nobody asked for would be counted with what people did.
            "PORTAL_TITLES": "no",
        }
        for name in ("DATABASE_URL", "REDIS_URL", "OLLAMA_MODELS"):
            environment.pop(name, None)
        os.environ.clear()
        os.environ.update(environment)
        checker.prepare_database()
        with (home / "group.log").open("wb") as log:
            group = psutil.Popen(
                [sys.executable, "-m", "portal.ops.group"],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
            try:
                yield Portal(home=home, port=port, group=group)
            finally:
                _end(group, say)


def _end(group: psutil.Popen, say: Callable[[str], None]) -> None:
    family = [*group.children(recursive=True), group]
    for process in family:
        if process.is_running():
            process.send_signal(signal.SIGCONT)
    group.send_signal(signal.SIGTERM)
    try:
        group.wait(timeout=60)
    except psutil.TimeoutExpired:
        say("FOUND  the group did not end within 60 s of SIGTERM")
    _, left = psutil.wait_procs(family, timeout=60)
    for process in left:
        say(f"FOUND  left behind: {process}")
        process.kill()


def _part_of(command: list[str]) -> str | None:
    line = " ".join(command)
    signs = (
        ("runner", "inference.runner"),
        ("supervisor", "-m inference"),
        ("valkey", "valkey-server"),
        ("recorder", " recorder"),
        ("web", "daphne"),
        ("jobs", "jobs@"),
        ("celery", " worker"),
    )
    return next((part for part, sign in signs if sign in line), None)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
