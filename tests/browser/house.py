"""The whole portal for page tests, as `make run` starts it.

The model behind it follows a script, or it is the real starter model.

Not for tests of the parts themselves: here they are only what stands behind the page.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from portal import configuration
from portal.ops import parts, valkey

PASSWORD = "correct horse battery staple"
PARTS = ("valkey", "web", "recorder", "inference")
LOGS = parts.ROOT / "test-results" / "browser"
START_SECONDS = 240.0
END_SECONDS = 60.0
# An empty database with all its tables, once there is one.
_tables: list[bytes] = []


class NotReady(AssertionError):
    """A part did not come up in time; its last lines are in the message."""


@dataclass
class House:
    """A running portal in a folder of its own. `name` is where its logs are kept afterwards."""

    name: str
    home: Path
    address: str
    configuration: configuration.Configuration
    environment: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @classmethod
    def build(cls, rules: list[dict[str, object]], **settings: str) -> "House":
        """With models that answer what the rules say. `settings` are of its environment."""
        home = _new_home()
        script = home / "script.json"
        script.write_text(json.dumps(rules))
        return cls._at(
            home,
            name="scripted",
            INFERENCE_BACKEND="scripted",
            INFERENCE_SCRIPT=str(script),
            **settings,
        )

    @classmethod
    def build_real(cls) -> "House":
        """With llama.cpp; `open` is told which starter model to import."""
        return cls._at(_new_home(), name="real", INFERENCE_BACKEND="llama")

    @classmethod
    def _at(cls, home: Path, *, name: str, **worker: str) -> "House":
        port = _free_port()
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PYTHONPATH": str(parts.ROOT),
            "DJANGO_SETTINGS_MODULE": "portal.settings.development",
            "PORTAL_HOME": str(home),
            "PORTAL_BIND": f"127.0.0.1:{port}",
            "OLLAMA_KEEP_ALIVE": "-1",
            # A title that changes under a test is a test that fails now and then.
            "PORTAL_TITLES": "no",
            **worker,
        }
        return cls(
            name=name,
            home=home,
            address=f"http://127.0.0.1:{port}",
            configuration=configuration.read(environment),
            environment=environment,
        )

    def open(self, *, people: Path, starter: Path | None = None) -> None:
        """Tables, people and models, then every part; returns when it says it is healthy."""
        valkey.prepare(self.home)
        self.start("valkey")
        until(lambda: valkey.answers(self.home), what="Valkey answers")
        self._make_tables()
        self.once(str(people), PASSWORD)
        if starter is not None:
            self.once("manage.py", "starter", str(starter))
        for name in PARTS[1:]:
            self.start(name)
        until(self.is_healthy, what=lambda: f"the portal is healthy\n{self.last_words()}")

    def _make_tables(self) -> None:
        """By migrating; the next house of this process finds them made."""
        database = self.home / "portal.sqlite3"
        if _tables:
            database.write_bytes(_tables[0])
            return
        self.once("manage.py", "migrate", "--noinput", "-v", "0")
        if not list(self.home.glob("portal.sqlite3-*")):  # all of it is in the one file
            _tables.append(database.read_bytes())

    def start(self, name: str) -> None:
        part = next(
            each
            for each in parts.parts(self.configuration, environment=self.environment)
            if each.name == name
        )
        self.start_beside(name, *part.command, **part.environment)

    def start_beside(self, name: str, *command: str, **environment: str) -> None:
        """Whoever starts what is no part of the portal ends it too."""
        with (self.home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603 - the portal's own commands
                command,
                cwd=parts.ROOT,
                env={**self.environment, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=END_SECONDS)

    def end(self, name: str) -> None:
        """As an operator does: what it holds it gives back."""
        process = self.running.pop(name)
        process.terminate()
        process.wait(timeout=END_SECONDS)

    def restart(self, name: str) -> None:
        self.kill(name)
        self.start(name)

    def kill_runners(self) -> None:
        """As the kernel does when memory is short."""
        for child in psutil.Process(self.running["inference"].pid).children(recursive=True):
            child.kill()

    def is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.address}/healthz", timeout=2.0).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def last_words(self) -> str:
        logs = sorted(self.home.glob("*.log"))
        return "\n".join(f"── {log.name}\n{log.read_text()[-1500:]}" for log in logs)

    def close(self) -> None:
        for name in reversed(PARTS):
            process = self.running.pop(name, None)
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=END_SECONDS)
        for log in self.home.glob("*.log"):
            kept = LOGS / self.name
            kept.mkdir(parents=True, exist_ok=True)
            shutil.copy(log, kept / log.name)
        shutil.rmtree(self.home, ignore_errors=True)

    def once(self, *arguments: str) -> str:
        """One command of the portal's own, run to its end. What it printed."""
        done = subprocess.run(  # noqa: S603 - fixed arguments
            [sys.executable, *arguments],
            cwd=parts.ROOT,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=240,
        )
        return done.stdout


def until(
    holds: Callable[[], bool],
    *,
    what: str | Callable[[], str],
    seconds: float = START_SECONDS,
) -> None:
    """Wait for something outside of the page. Inside of it Playwright's own expectations wait."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            raise NotReady(what if isinstance(what, str) else what())
        pause.wait(0.05)


def _new_home() -> Path:
    """Short, since a socket lies in it."""
    return Path(tempfile.mkdtemp(prefix="portal-page-"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
