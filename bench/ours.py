"""The whole portal, as `make run` starts it, in a folder of its own with the starter model.

Not the engine alone; that is `inprocess.py`. One folder serves many starts: what is made once
(tables, people, keys, models) is made once.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench import prompts
from bench.load import Dialect, Door
from bench.machine import ended_children_seconds, family, processor_seconds
from bench.servers import (
    Running,
    Shape,
    answers,
    bare_environment,
    free_port,
    let_settle,
    process,
    until,
)

ROOT = Path(__file__).resolve().parents[1]
MODEL = "smollm2:135m"
TWIN = "smollm2-twin:135m"
PEOPLE = 32
# Behind the key: the kind of value in 4 bytes and its length in 8.
NAME_STANDS_AFTER = len(b"general.name") + 12
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A portal's home with everything in it. `tree` is the checkout whose code runs."""

    home: Path
    tree: Path
    keys: tuple[str, ...]


@contextmanager
def house(
    starter: Path, *, tree: Path = ROOT, models: Mapping[str, Path], people: int = 0
) -> Iterator[House]:
    """A new home with models and keys of so many different people (0: enough for everybody).

    `models` are imported beside the starter model.
    """
    home = Path(tempfile.mkdtemp(prefix="portal-bench-"))  # short, since a socket lies in it
    try:
        empty = House(home=home, tree=tree, keys=())
        with Ours(house=empty, shape=Shape(slots=1, context=512), threads=1).running():
            _manage(empty, "starter", str(starter))
            for name, path in models.items():
                _manage(empty, "importmodel", str(path), name, "--publish-to-everyone")
            keys = _people(empty, count=people or PEOPLE)
        yield House(home=home, tree=tree, keys=keys)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """The portal with so many slots. `settings` are further variables of its environment."""

    house: House
    shape: Shape
    threads: int
    model: str = MODEL
    other_model: str = ""
    dialect: Dialect = "openai"
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = "ours"

    @property
    def command(self) -> str:
        words = [f"{name}={value}" for name, value in sorted(self._choices().items())]
        return f"{' '.join(words)} make run"

    @contextmanager
    def running(self) -> Iterator[Running]:
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        log = self.house.home / "group.log"
        environment = {
            **_environment(self.house),
            **self._choices(),
            "PORTAL_BIND": f"127.0.0.1:{port}",
        }
        with process(
            [sys.executable, "-m", "portal.ops.group"],
            environment=environment,
            folder=self.house.tree,
            log=log,
        ) as group:
            until(
                lambda: answers(f"{base}/healthz"),
                seconds=START_SECONDS,
                log=log,
                what="starting the portal",
            )
            let_settle(group.pid)
            yield Running(
                door=Door(
                    base=base,
                    model=self.model,
                    other_model=self.other_model,
                    dialect=self.dialect,
                    keys=self.house.keys,
                ),
                spent=lambda: _spent(group.pid),
            )

    def _choices(self) -> dict[str, str]:
        return {
            "OLLAMA_NUM_PARALLEL": str(self.shape.slots),
            "OLLAMA_CONTEXT_LENGTH": str(self.shape.context),
            "OLLAMA_KEEP_ALIVE": "-1",
            "INFERENCE_THREADS": str(self.threads),
            **self.settings,
        }


def twin(model: Path, folder: Path) -> Path:
    """The same model under another digest: one letter of the name inside it is another one."""
    made = folder / f"twin-{model.name}"
    if not made.exists():
        data = bytearray(model.read_bytes())
        data[data.index(b"general.name") + NAME_STANDS_AFTER] ^= 0x20
        made.write_bytes(data)
    return made


def _spent(pid: int) -> dict[str, float]:
    """Processor seconds of the runners, and of everything else that the portal consists of."""
    runners: list[psutil.Process] = []
    others: list[psutil.Process] = []
    ended = 0.0
    for each in family(pid):
        line = " ".join(each.cmdline()) if each.is_running() else ""
        (runners if "inference.runner" in line else others).append(each)
        if "-m inference" in line:
            ended += ended_children_seconds(each)  # runners of models that made room
    return {"engine": processor_seconds(runners) + ended, "around": processor_seconds(others)}


def _environment(house: House) -> dict[str, str]:
    return {
        **bare_environment(),
        "PYTHONPATH": str(house.tree),
        "DJANGO_SETTINGS_MODULE": "portal.settings.development",
        "PORTAL_HOME": str(house.home),
    }


def _manage(house: House, *arguments: str) -> None:
    _command(house, "manage.py", *arguments)


def _people(house: House, *, count: int) -> tuple[str, ...]:
    """Different people: nobody may profit from what another one asked (DESIGN decision 9)."""
    script = str(Path(__file__).with_name("people.py"))
    return tuple(json.loads(_command(house, "-P", script, str(count), prompts.SYSTEM)))


def _command(house: House, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=house.tree,
        env=_environment(house),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    return done.stdout
