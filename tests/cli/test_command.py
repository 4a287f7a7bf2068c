"""The command of the terminal against the running portal and a real registry, as people type it."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from portal import configuration
from portal.ops.parts import ROOT
from tests.browser.house import House, until
from tests.catalog.gguf_files import chat_gguf
from tests.doubles.real_registry import real_registry

PEOPLE = ROOT / "tests" / "browser" / "people.py"
RULES: list[dict[str, object]] = [
    {"when": "capital of France", "says": ["Paris is the capital", " of France."]},
    {"when": "^Hold on", "says": ["word "] * 3000, "every_ms": 20},
    {"when": "^two\nlines", "says": ["Both lines came."]},
    {"when": "", "says": ["Yes."]},
]
MODEL = "kind:1b"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r")
PATIENCE_SECONDS = 30.0
CTRL_C, CTRL_D = b"\x03", b"\x04"


@dataclass
class Shell:
    """Somebody's terminal: an address, a key, a home."""

    address: str
    key: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "PORTAL_HOST": self.address,
            "PORTAL_KEY": self.key,
            "TERM": "xterm",
            # Nobody answers where the cursor is.
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "LANG": "C.UTF-8",
        }

    def run(
        self, *words: str, piped: str = "", more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own command, fixed words
            [sys.executable, "-m", "cli.main", *words],
            cwd=self.home,
            env={**self.environment, **(more or {})},
            input=piped,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def said(self, *words: str, piped: str = "") -> str:
        done = self.run(*words, piped=piped)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 1
        return done.stderr


class Terminal:
    """A conversation in a terminal of its own: types, and waits for what should appear."""

    def __init__(self, shell: Shell, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self._running = subprocess.Popen(  # noqa: S603 - our own command, fixed words
            [sys.executable, "-m", "cli.main", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=shell.environment,
            start_new_session=True,
        )
        os.close(theirs)
        self._raw = b""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.kill()
        self._running.wait()
        os.close(self._ours)

    def sees(self, words: str) -> str:
        """Waits until these words have appeared since the last look. What came before them."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (at := self._shown.find(words, self._seen)) < 0:
            left = deadline - time.monotonic()
            assert left > 0, f"{words!r} did not come: {self._shown[self._seen :]!r}"
            if select.select([self._ours], [], [], left)[0]:
                self._raw += self._read()
        before, self._seen = self._shown[self._seen : at], at + len(words)
        return before

    def types(self, line: str, *, at: str = ">>> ") -> None:
        self.sees(at)
        os.write(self._ours, f"{line}\r".encode())

    def presses(self, key: bytes) -> None:
        os.write(self._ours, key)

    def ends(self) -> int:
        while self._read():
            pass
        return self._running.wait(timeout=PATIENCE_SECONDS)

    @property
    def _shown(self) -> str:
        return ESCAPES.sub("", self._raw.decode(errors="replace"))

    def _read(self) -> bytes:
        try:
            return os.read(self._ours, 65_536)
        except OSError:  # the other end is gone
            return b""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="module")
def house(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House.build(RULES)
    house.environment |= {"PORTAL_REGISTRIES": registry}
    house.configuration = configuration.read(house.environment)
    weights = tmp_path_factory.mktemp("weights") / "kind.gguf"
    weights.write_bytes(chat_gguf())
    try:
        house.open(people=PEOPLE)
        house.start("jobs")
        house.once("manage.py", "importmodel", str(weights), MODEL, "--publish-to-everyone")
        yield house
    finally:
        if "jobs" in house.running:
            house.kill("jobs")
        house.close()


@pytest.fixture
def carol(house: House, tmp_path: Path) -> Shell:
    """An administrator, once her model has been tried."""
    key = house.once("manage.py", "createkey", "carol@example.com").strip()
    shell = Shell(address=house.address, key=key, home=tmp_path)
    until(lambda: MODEL in shell.said("list"), what="the model may be chosen")
    return shell


@pytest.fixture
def alice(house: House, carol: Shell, tmp_path: Path) -> Shell:
    key = house.once("manage.py", "createkey", "alice@example.com").strip()
    return Shell(address=house.address, key=key, home=tmp_path)


def test_a_question_on_the_command_line_is_answered_on_stdout(alice: Shell) -> None:
    done = alice.run("run", MODEL, "What", "is", "the capital of France?", "--verbose")

    assert done.stdout == "Paris is the capital of France.\n\n"
    assert "eval count:           " in done.stderr
    assert done.returncode == 0


def test_what_is_piped_in_goes_in_front_of_the_prompt(alice: Shell) -> None:
    assert alice.said("run", MODEL, piped="the capital of France?") == (
        "Paris is the capital of France.\n\n"
    )


def test_login_tries_the_key_keeps_it_privately_and_sends_it_nowhere_else(
    house: House, alice: Shell
) -> None:
    bare = {"PORTAL_HOST": "", "PORTAL_KEY": ""}

    wrong = alice.run("login", house.address, piped="not-a-key\n", more=bare)
    kept = alice.run("login", house.address, piped=f"{alice.key}\n", more=bare)
    used = alice.run("list", more=bare)
    elsewhere = alice.run(
        "list", more={**bare, "PORTAL_HOST": house.address.replace("127.0.0.1", "localhost")}
    )
    forgotten = alice.run("logout", more=bare)

    assert wrong.returncode == 1
    assert wrong.stderr.startswith("Error: ")
    assert kept.returncode == 0, kept.stderr
    assert alice.key not in kept.stdout + kept.stderr
    assert MODEL in used.stdout
    assert elsewhere.returncode == 1
    assert forgotten.returncode == 0
    assert not list(alice.home.rglob("login.json"))


def test_the_kept_key_is_readable_by_its_owner_alone(house: House, alice: Shell) -> None:
    alice.run("login", house.address, piped=f"{alice.key}\n")

    (kept,) = alice.home.rglob("login.json")
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.threat("B15")
def test_who_may_not_manage_models_is_told_so(alice: Shell) -> None:
    for words in (("rm", MODEL), ("cp", MODEL, "mine"), ("pull", "other"), ("push", MODEL)):
        assert "manage" in alice.refused(*words), words
    assert MODEL in alice.said("list")


def test_models_are_listed_shown_copied_and_removed(carol: Shell) -> None:
    assert carol.said("cp", MODEL, "copied") == f"copied '{MODEL}' to 'copied'\n"
    header, row = carol.said("ls", "COP").splitlines()
    assert header.split() == ["NAME", "ID", "SIZE", "MODIFIED"]
    assert row.startswith("copied:latest ")
    assert "architecture        llama" in carol.said("show", "copied")
    assert carol.said("show", "copied", "--modelfile").startswith("# Modelfile generated by")
    assert carol.said("rm", "copied") == "deleted 'copied'\n"
    assert "not found" in carol.refused("show", "copied")


def test_a_model_is_made_of_a_modelfile_pushed_removed_and_pulled_again(
    carol: Shell, registry: str
) -> None:
    (carol.home / "Modelfile").write_text(
        f"FROM {MODEL}\nSYSTEM You are kind.\nPARAMETER temperature 0.5\n"
    )
    name = f"{registry}/library/made:1"

    made = carol.run("create", name)
    digest = carol.said("list", name).split()[5]
    pushed = carol.run("push", name, "--insecure")
    carol.said("rm", name)
    pulled = carol.run("pull", name, "--insecure")

    assert made.returncode == pushed.returncode == pulled.returncode == 0, pulled.stderr
    assert made.stderr.splitlines()[-1] == "success"
    assert pulled.stderr.splitlines()[0] == "pulling manifest"
    assert pulled.stderr.splitlines()[-1] == "success"
    assert carol.said("list", name).split()[5] == digest
    assert carol.said("show", name, "--system") == "You are kind."


def test_a_gguf_beside_the_modelfile_is_sent_to_the_server(carol: Shell) -> None:
    (carol.home / "own.gguf").write_bytes(chat_gguf(salt="own"))
    (carol.home / "Modelfile").write_text("FROM ./own.gguf\n")

    made = carol.run("create", "own:1", "-f", "Modelfile")

    assert made.returncode == 0, made.stderr
    assert "own:1" in carol.said("list")


def test_mistakes_read_as_people_know_them(house: House, alice: Shell) -> None:
    nobody = {"PORTAL_HOST": "127.0.0.1:1"}

    assert alice.refused("show") == "Error: accepts 1 arg(s), received 0\n"
    assert alice.refused("lst").startswith('Error: unknown command "lst" for "portal"\n')
    assert alice.refused("show", "nothing") == "Error: model 'nothing:latest' not found\n"
    assert "could not connect to http://127.0.0.1:1" in alice.run("list", more=nobody).stderr


def test_a_conversation_goes_on_in_the_terminal(carol: Shell) -> None:
    with Terminal(carol, "run", MODEL) as terminal:
        terminal.types("What is the capital of France?")
        terminal.sees("Paris is the capital of France.")
        terminal.types('"""two')
        terminal.types('lines"""', at="... ")
        terminal.sees("Both lines came.")
        for line, words in (
            ("/set parameter top_k many", 'Couldn\'t set parameter: "invalid int value [many]"'),
            ("/set system You are short.", "Set system message."),
            ("/save short:1", "Created new model 'short:1'"),
            ("/unknown", "Unknown command '/unknown'. Type /? for help"),
        ):
            terminal.types(line)
            terminal.sees(words)
        terminal.types("/bye")

        assert terminal.ends() == 0
    assert carol.said("show", "short:1", "--system") == "You are short."
    history = next(carol.home.rglob("history"))
    assert "What is the capital of France?" in history.read_text().splitlines()
    assert history.stat().st_mode & 0o777 == 0o600


def test_ctrl_c_stops_an_answer_and_the_conversation_goes_on(alice: Shell) -> None:
    with Terminal(alice, "run", MODEL) as terminal:
        terminal.types("Hold on")
        terminal.sees("word word ")
        terminal.presses(CTRL_C)
        terminal.types("What is the capital of France?")
        terminal.sees("Paris is the capital of France.")
        terminal.sees(">>> ")
        terminal.presses(CTRL_D)

        assert terminal.ends() == 0


def test_a_format_travels_and_a_broken_one_is_refused_here(alice: Shell) -> None:
    schema = json.dumps({"type": "object", "properties": {}})

    assert alice.run("run", MODEL, "--format", schema, "hello").returncode == 0
    assert "neither" in alice.refused("run", MODEL, "--format", "{", "hello")


@pytest.mark.threat("F22")
def test_who_manages_models_stops_one_and_others_are_told_who_decides(
    carol: Shell, alice: Shell
) -> None:
    with Terminal(alice, "run", MODEL) as terminal:
        terminal.sees(">>> ")
        assert MODEL in alice.said("ps")  # it is there before anything was asked
        assert "schedule" in alice.refused("stop", MODEL)
        assert MODEL in alice.said("ps")

        assert carol.said("stop", MODEL) == ""

        until(lambda: MODEL not in alice.said("ps"), what="the model has left memory")
    assert carol.refused("stop", "nothing") == 'Error: couldn\'t find model "nothing" to stop\n'
