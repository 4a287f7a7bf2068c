"""The yardstick: `llama-server`, built once from the llama.cpp inside the locked llama-cpp-python.

The same sources, compiler and processor flags as the library the portal runs on, so that what is
compared is the serving. Not started by anything but the benchmark.
"""

import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Door
from bench.machine import family, processor_seconds
from bench.servers import (
    Running,
    Shape,
    answers,
    bare_environment,
    free_port,
    process,
    until,
)
from setup.commands import SetupFailed, run
from setup.python_packages import REQUIREMENTS
from setup.screen import Screen

CACHE = Path("var") / "bench"
PACKAGE = "llama-cpp-python"
TARGET = "llama-server"
START_SECONDS = 60.0
SWITCHES = {
    "CMAKE_BUILD_TYPE": "Release",
    "BUILD_SHARED_LIBS": "ON",
    "GGML_NATIVE": "ON",
    "LLAMA_BUILD_SERVER": "ON",
    "LLAMA_BUILD_TOOLS": "ON",
    "LLAMA_BUILD_UI": "OFF",
    "LLAMA_USE_PREBUILT_UI": "OFF",
    "LLAMA_BUILD_APP": "OFF",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_OPENSSL": "OFF",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """llama-server with so many slots, all else as it comes."""

    binary: Path
    model: Path
    shape: Shape
    threads: int
    name: str = "peer"

    @property
    def command(self) -> str:
        return " ".join((TARGET, "-m", "MODEL.gguf", *self._choices()))

    @contextmanager
    def running(self) -> Iterator[Running]:
        port = free_port()
        log = CACHE / "peer.log"
        with process(
            [
                *(str(self.binary), "-m", str(self.model), *self._choices()),
                *("--host", "127.0.0.1", "--port", str(port), "--offline"),
            ],
            environment=bare_environment(),
            folder=Path.cwd(),
            log=log,
        ) as server:
            base = f"http://127.0.0.1:{port}"
            until(
                lambda: answers(f"{base}/health"),
                seconds=START_SECONDS,
                log=log,
                what=f"starting {TARGET}",
            )
            yield Running(
                door=Door(base=base, model=self.model.stem),
                spent=lambda: {"engine": processor_seconds(family(server.pid))},
            )

    def _choices(self) -> tuple[str, ...]:
        threads = str(self.threads)
        return (
            *("-np", str(self.shape.slots), "-c", str(self.shape.cells)),
            *("-t", threads, "-tb", threads),
        )


def build(screen: Screen) -> Path:
    """The program, built if this version has not been yet."""
    requirement = locked_requirement((REQUIREMENTS / "run.txt").read_text(encoding="utf-8"))
    found = re.match(r"[\w-]+==(\S+)", requirement)
    release = found.group(1) if found else "unknown"
    built = CACHE / f"peer-{release}"
    program = built / "bin" / TARGET
    if (built / "done").exists() and program.exists():
        return program.resolve()
    CACHE.mkdir(parents=True, exist_ok=True)
    sources = _sources(requirement, release=release, screen=screen)
    screen.say(
        f"Building {TARGET} of {PACKAGE} {release}: once, about 8 minutes on two cores. "
        f"What is said lies in {CACHE / 'build.log'}."
    )
    _compile(sources, built, screen=screen)
    (built / "done").touch()
    return program.resolve()


def locked_requirement(listing: str) -> str:
    """The lines of the lock that name the package and its hashes."""
    begun = re.search(rf"^{PACKAGE}==.*?(?=^\S|\Z)", listing, flags=re.MULTILINE | re.DOTALL)
    if begun is None:
        raise SetupFailed(f"{PACKAGE} is not in the lock; `make lock` writes it.")
    lines = (line for line in begun.group(0).splitlines() if not line.lstrip().startswith("#"))
    return "\n".join(lines).rstrip().rstrip("\\").rstrip() + "\n"


def _sources(requirement: str, *, release: str, screen: Screen) -> Path:
    """The folder of llama.cpp, out of the source distribution whose hash the lock names."""
    unpacked = CACHE / f"llama_cpp_python-{release}"
    folder = unpacked / "vendor" / "llama.cpp"
    if (unpacked / "unpacked").exists():
        return folder
    shutil.rmtree(unpacked, ignore_errors=True)
    listing = CACHE / "requirement.txt"
    listing.write_text(requirement, encoding="utf-8")
    run(
        [
            *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check"),
            *("--no-deps", "--no-binary", PACKAGE, "--require-hashes"),
            *("-r", str(listing), "-d", str(CACHE)),
        ],
        doing=f"Fetching the sources of {PACKAGE} (about 77 MB)",
        log=CACHE / "download.log",
        screen=screen,
    )
    archive = next(iter(sorted(CACHE.glob(f"llama_cpp_python-{release}*.tar.gz"))))
    with tarfile.open(archive) as packed:
        packed.extractall(CACHE, filter="data")
    (unpacked / "unpacked").touch()
    return folder


def _compile(sources: Path, built: Path, *, screen: Screen) -> None:
    cmake, switches = _cmake(screen)
    log = CACHE / "build.log"
    run(
        [
            *(cmake, "-G", "Ninja", "-S", str(sources), "-B", str(built), *switches),
            *(f"-D{name}={value}" for name, value in SWITCHES.items()),
        ],
        doing=f"Looking at the compiler for {TARGET}",
        log=log,
        screen=screen,
    )
    run(
        [cmake, "--build", str(built), "--target", TARGET, "--parallel"],
        doing=f"Building {TARGET}",
        log=log,
        screen=screen,
    )


def _cmake(screen: Screen) -> tuple[str, tuple[str, ...]]:
    """cmake and ninja of this machine, or the locked ones in a folder of the benchmark's own."""
    if (found := shutil.which("cmake")) and shutil.which("ninja"):
        return found, ()
    tools = CACHE / "tools"
    if not (tools / "bin" / "ninja").exists():
        subprocess.run([sys.executable, "-m", "venv", str(tools)], check=True, timeout=120)
        run(
            [
                *(str(tools / "bin" / "python"), "-m", "pip", "install"),
                *("--disable-pip-version-check", "--require-hashes", "--no-deps"),
                *("-r", str(REQUIREMENTS / "build.txt")),
            ],
            doing="Fetching cmake and ninja",
            log=CACHE / "tools.log",
            screen=screen,
        )
    folder = (tools / "bin").resolve()
    return str(folder / "cmake"), (f"-DCMAKE_MAKE_PROGRAM={folder / 'ninja'}",)
