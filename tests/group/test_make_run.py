"""The real group, with all its real parts, on a folder of its own; only the model is scripted."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from portal.ops import pulse
from portal.ops.parts import ROOT
from tests.group.test_group import free_port

MARKS = {
    "web": "daphne",
    "recorder": "recorder",
    "inference": "inference",
    "valkey": "valkey-server",
    "celery": "celery@%h",
    "jobs": "jobs@%h",
    "beat": "beat",
}


class Running:
    """A started portal, and what it has printed so far."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.port = free_port()
        passed_on = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.ops.group"],
            cwd=ROOT,
            env={
                **{name: os.environ[name] for name in passed_on if name in os.environ},
                "PORTAL_HOME": str(home),
                "PORTAL_BIND": f"127.0.0.1:{self.port}",
                "INFERENCE_BACKEND": "scripted",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.shown = ""

    @property
    def output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def shows(self, text: str, *, times: int = 1) -> None:
        while self.shown.count(text) < times:
            line = self.output.readline()
            assert line, f"ended without showing {text!r}:\n{self.shown}"
            self.shown += line

    def parts(self) -> dict[str, psutil.Process]:
        """The direct children by name. One that is not there is missing."""
        children = psutil.Process(self.process.pid).children()
        found = {}
        for name, mark in MARKS.items():
            for child in children:
                # Valkey rewrites its own command line.
                if mark in (child.name(), *(Path(word).name for word in child.cmdline())):
                    found[name] = child
        return found

    def everybody(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def is_healthy(self) -> bool:
        return pulse.health("127.0.0.1", self.port) is None


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    # Not in pytest's own folder: a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="run-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run(home: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def _run(**environment: str) -> Running:
        started.append(Running(home, **environment))
        return started[-1]

    yield _run
    for running in started:
        running.process.kill()
        running.process.wait()
        running.output.close()


@pytest.mark.fault
def test_all_parts_run_and_each_comes_back_when_it_is_killed(run):
    portal = run()
    portal.shows("The portal is ready")
    portal.shows("/accounts/first/")
    portal.shows("beat: Starting")
    assert set(portal.parts()) == set(MARKS)

    for name in MARKS:
        portal.parts()[name].kill()
        portal.shows(f"{name} ended (signal 9); started again")
    portal.shows("beat: Starting", times=2)

    while not portal.is_healthy():
        assert portal.process.poll() is None
    assert set(portal.parts()) == set(MARKS)
    everybody = portal.everybody()

    portal.process.send_signal(signal.SIGINT)
    portal.shown += portal.output.read()

    assert portal.process.wait(timeout=60) == 0
    assert not psutil.wait_procs(everybody, timeout=100)[1]
    assert "was killed" not in portal.shown


@pytest.mark.fault
def test_a_killed_portal_leaves_nothing_and_starts_again(run):
    portal = run(PORTAL_OLLAMA_BIND=f"127.0.0.1:{(second := free_port())}")
    portal.shows("The portal is ready")
    connection = http.client.HTTPConnection("127.0.0.1", second, timeout=100)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    portal.shows("beat: Starting")
    everybody = portal.everybody()
    assert len(everybody) >= len(MARKS)

    portal.process.kill()

    assert not psutil.wait_procs(everybody, timeout=100)[1]
    again = run()
    again.shows("The portal is ready")
    assert "Preparing the database" not in again.shown
