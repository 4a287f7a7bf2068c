"""A server under measurement: started on loopback, found ready, ended by its process id.

What both servers have in common; `ours.py` and `peer.py` say how each is started.
"""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx
import psutil

from bench.load import Door
from bench.machine import family, processor_seconds

END_SECONDS = 20.0
LOOK_SECONDS = 0.05
IDLE_SHARE = 0.04
IDLE_LOOK_SECONDS = 0.5
IDLE_WITHIN_SECONDS = 20.0


class NotReady(RuntimeError):
    """A server did not start, or did not end. The message shows its last lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Memory for conversations: `slots` at once, `context` tokens each. Equal cells, equal KV."""

    slots: int
    context: int

    @property
    def cells(self) -> int:
        return self.slots * self.context


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that answers. `spent` is processor time so far, by part."""

    door: Door
    spent: Callable[[], dict[str, float]] = field(default=dict)


class Server(Protocol):
    """One way of serving a model."""

    @property
    def name(self) -> str: ...
    @property
    def command(self) -> str:
        """How it is started, for whoever wants to repeat it."""
        ...

    def running(self) -> AbstractContextManager[Running]: ...


@contextmanager
def process(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
) -> Iterator[psutil.Popen]:
    """The command in the background; at the end it and all it started are gone."""
    with log.open("wb") as file:
        started = psutil.Popen(
            list(command), env=dict(environment), cwd=folder, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield started
    finally:
        _end(started)


def until(holds: Callable[[], bool], *, seconds: float, log: Path, what: str) -> None:
    """Wait for a server. Raises `NotReady` with its last words."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            words = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise NotReady(f"{what} took longer than {seconds:g} s\n{words}")
        time.sleep(LOOK_SECONDS)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def let_settle(pid: int) -> None:
    """Until what was started in the background has stopped starting, or long enough."""
    deadline = time.monotonic() + IDLE_WITHIN_SECONDS
    before = processor_seconds(family(pid))
    while time.monotonic() < deadline:
        time.sleep(IDLE_LOOK_SECONDS)
        now = processor_seconds(family(pid))
        if (now - before) / IDLE_LOOK_SECONDS < IDLE_SHARE:
            return
        before = now


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bare_environment() -> dict[str, str]:
    """What every server starts from: nothing of the operator's own settings."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _end(started: psutil.Popen) -> None:
    all_of_it = family(started.pid)
    started.terminate()
    try:
        started.wait(timeout=END_SECONDS)
    except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
        started.kill()
    _, left = psutil.wait_procs(all_of_it, timeout=5)
    for survivor in left:
        survivor.kill()
    psutil.wait_procs(left, timeout=5)
