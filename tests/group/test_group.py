"""The foreground group, driven from outside as a terminal would drive it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from portal.ops.parts import ROOT

WAITS = "import signal, sys; print('here', flush=True); signal.pause()"
SERVES = """
import http.server, sys

class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status":"ok"}')

    def log_message(self, *arguments):
        pass

http.server.HTTPServer(("127.0.0.1", PORT), Healthy).serve_forever()
"""
IS_DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\n"
    "while True: signal.pause()"
)
HAS_A_CHILD = (
    "import signal, subprocess, sys\n"
    "subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
    "print('parent', flush=True); signal.pause()"
)
ENDS_ONCE = (
    "import pathlib, signal, sys\n"
    "mark = pathlib.Path(MARK)\n"
    "if not mark.exists(): mark.touch(); sys.exit(3)\n"
    "print('second life', flush=True); signal.pause()"
)


class Terminal:
    """One `make run` as the person in front of it sees it."""

    def __init__(self, folder: Path, parts: list[dict[str, object]]) -> None:
        self.port = free_port()
        for part in parts:
            part["command"] = str(part["command"]).replace("PORT", str(self.port))
        folder.mkdir(exist_ok=True)
        (folder / "parts.json").write_text(json.dumps(parts))
        self.process = subprocess.Popen(  # noqa: S603 - this test's own program
            [
                *(sys.executable, str(Path(__file__).with_name("fake_group.py"))),
                *(str(folder), f"127.0.0.1:{self.port}"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.shown = ""

    def shows(self, text: str) -> None:
        """Read until the text has been shown. The suite's own limit ends a wait in vain."""
        assert self.process.stdout is not None
        while text not in self.shown:
            line = self.process.stdout.readline()
            assert line, f"ended without showing {text!r}:\n{self.shown}"
            self.shown += line

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def ends(self) -> int:
        assert self.process.stdout is not None
        self.shown += self.process.stdout.read()
        return self.process.wait(timeout=100)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=100)[1]


def web() -> dict[str, object]:
    return {"name": "web", "command": SERVES}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    started: list[Terminal] = []

    def _start(*parts: dict[str, object]) -> Terminal:
        started.append(Terminal(tmp_path / "home", list(parts)))
        return started[-1]

    yield _start
    for terminal in started:
        if terminal.process.poll() is None:
            # What a part of a test started is tethered to nobody.
            everybody = terminal.descendants()
            terminal.process.kill()
            for process in everybody:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        terminal.process.wait()
        if terminal.process.stdout is not None:
            terminal.process.stdout.close()


def test_it_says_where_it_is_and_gives_the_first_link_once_it_is_healthy(start):
    terminal = start(web())

    terminal.shows("Ctrl-C ends it.")

    ready = terminal.shown.index(f"The portal is ready: http://127.0.0.1:{terminal.port}")
    assert ready < terminal.shown.index("Sign in once: the link")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_signals_of_a_terminal_end_everything(start, number):
    terminal = start(web(), {"name": "recorder", "command": HAS_A_CHILD})
    terminal.shows("Ctrl-C ends it.")
    terminal.shows("parent")
    everybody = terminal.descendants()
    assert len(everybody) == 3

    terminal.process.send_signal(number)

    assert terminal.ends() == 0
    assert gone(everybody)
    assert "nothing is left running" in terminal.shown


def test_a_killed_group_takes_its_parts_along(start):
    terminal = start(web(), {"name": "recorder", "command": IS_DEAF})
    terminal.shows("deaf")
    terminal.shows("Ctrl-C ends it.")
    everybody = terminal.descendants()

    terminal.process.kill()

    assert gone(everybody)


def test_the_death_of_the_parent_ends_it(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    port = free_port()
    parts = [{"name": "web", "command": SERVES.replace("PORT", str(port))}]
    (home / "parts.json").write_text(json.dumps(parts))
    group = [sys.executable, str(Path(__file__).with_name("fake_group.py")), str(home)]
    parent = subprocess.Popen(  # noqa: S603 - this test's own program
        [
            *(sys.executable, "-c"),
            f"import subprocess; subprocess.run({[*group, f'127.0.0.1:{port}']!r})",
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    for line in parent.stdout:
        if "Ctrl-C ends it." in line:
            break
    everybody = psutil.Process(parent.pid).children(recursive=True)
    assert len(everybody) == 2

    parent.kill()
    parent.wait()

    assert gone(everybody)
    parent.stdout.close()


def test_a_part_that_dies_is_started_again_and_it_is_said(start):
    terminal = start(web(), {"name": "recorder", "command": WAITS})
    terminal.shows("Ctrl-C ends it.")
    terminal.shows("here")
    [victim] = [process for process in terminal.descendants() if "pause" in process.cmdline()[-1]]

    victim.kill()

    terminal.shows("recorder ended (signal 9); started again")
    terminal.shown = ""
    terminal.shows("here")


def test_the_status_of_a_part_that_ended_is_said(start, tmp_path):
    command = ENDS_ONCE.replace("MARK", repr(str(tmp_path / "mark")))

    terminal = start(web(), {"name": "recorder", "command": command})

    terminal.shows("recorder ended (exit 3); started again")
    terminal.shows("second life")


def test_children_of_a_dead_part_do_not_stay(start):
    terminal = start(web(), {"name": "inference", "command": HAS_A_CHILD})
    terminal.shows("parent")
    [victim] = [process for process in terminal.descendants() if process.children()]
    [orphan] = victim.children()

    victim.kill()

    assert gone([orphan])


def test_a_part_that_does_not_hear_is_killed_within_its_time(start):
    terminal = start(web(), {"name": "recorder", "command": IS_DEAF, "stop_seconds": 0.2})
    terminal.shows("deaf")
    terminal.shows("Ctrl-C ends it.")
    everybody = terminal.descendants()

    terminal.process.terminate()

    assert terminal.ends() == 0
    assert "recorder did not end within 0.2 s and was killed" in terminal.shown
    assert gone(everybody)


def test_a_second_press_does_not_wait(start):
    terminal = start(web(), {"name": "recorder", "command": IS_DEAF, "stop_seconds": 100})
    terminal.shows("deaf")
    terminal.shows("Ctrl-C ends it.")

    terminal.process.terminate()
    terminal.shows("Ending")
    terminal.process.terminate()

    assert terminal.ends() == 0


def test_each_line_is_kept_in_the_file_of_its_part(start, tmp_path):
    terminal = start(web(), {"name": "recorder", "command": WAITS})
    terminal.shows("Ctrl-C ends it.")
    terminal.shows("here")
    terminal.process.terminate()
    terminal.ends()

    logs = tmp_path / "home" / "logs"
    assert (logs / "recorder.log").read_text() == "here\n"
    assert "The portal is ready" in (logs / "group.log").read_text()
