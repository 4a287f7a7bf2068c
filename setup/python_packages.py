"""The virtual environment and what is in it: from hashed lists, with our own uv."""

import os
import shutil
import sys
from pathlib import Path

from setup.commands import SetupFailed, output_of, run
from setup.screen import Screen
from setup.stamps import Stamps, fingerprint

VENV = Path(".venv")
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
COMMAND = VENV / "bin" / "portal"
REQUIREMENTS = Path("requirements")
LOG = VENV / "setup.log"


def make_environment(screen: Screen) -> None:
    """Create `.venv` when it is not there."""
    if PYTHON.exists():
        return
    try:
        run(
            [sys.executable, "-m", "venv", str(VENV)],
            doing="Making the virtual environment",
            log=Path("var") / "venv.log",
            screen=screen,
        )
    except SetupFailed:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupFailed(
            "Python could not make a virtual environment. "
            "On Debian or Ubuntu: apt install python3-venv"
        ) from None


def bring_uv(stamps: Stamps, screen: Screen) -> None:
    mark = fingerprint([REQUIREMENTS / "uv.txt"], also=sys.version)
    if UV.exists() and stamps.is_fresh("uv", mark):
        return
    run(
        [
            *(str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"),
            *("--require-hashes", "--no-deps", "-r", str(REQUIREMENTS / "uv.txt")),
        ],
        doing="Fetching uv, the installer",
        log=LOG,
        screen=screen,
    )
    stamps.set("uv", mark)


def install(kind: str, *, stamps: Stamps, screen: Screen) -> None:
    """Bring the environment to `run` or `dev`, exactly. `dev` contains `run`."""
    if any(stamps.is_fresh("packages", _mark(done)) for done in {kind, "dev"}):
        return
    if (VENV / "bin" / "pytest").exists():
        kind = "dev"  # whoever has the tools keeps them
    make_environment(screen)
    _need_compiler()
    bring_uv(stamps, screen)
    run(
        [
            *(str(UV), "pip", "sync", "-v", "--no-progress", "--require-hashes"),
            *("--build-constraints", str(REQUIREMENTS / "build.txt")),
            str(REQUIREMENTS / f"{kind}.txt"),
        ],
        doing="Fetching the Python packages",
        log=LOG,
        screen=screen,
        environment={"VIRTUAL_ENV": str(VENV.resolve()), **mirror()},
    )
    stamps.set("packages", _mark(kind))
    screen.say("The Python packages are in place.")


def add(listing: str, *, screen: Screen) -> None:
    """Install one more hashed list beside what is there."""
    run(
        [
            *(str(UV), "pip", "install", "-v", "--no-progress", "--require-hashes", "--no-deps"),
            *("-r", str(REQUIREMENTS / listing)),
        ],
        doing=f"Fetching {listing.removesuffix('.txt')}",
        log=LOG,
        screen=screen,
        environment={"VIRTUAL_ENV": str(VENV.resolve()), **mirror()},
    )


def write_command() -> None:
    """`.venv/bin/portal`, the command of the terminal, which runs the code of this checkout."""
    root = Path.cwd()
    text = (
        f"#!{(root / PYTHON)}\n"
        "import sys\n\n"
        f"sys.path.insert(0, {str(root)!r})\n"
        "from cli.main import main\n\n"
        "sys.exit(main())\n"
    )
    if COMMAND.exists() and COMMAND.read_text(encoding="utf-8") == text:
        return
    # A copied environment may share the file with the one that it was copied from.
    COMMAND.unlink(missing_ok=True)
    COMMAND.write_text(text, encoding="utf-8")
    COMMAND.chmod(0o755)


def mirror() -> dict[str, str]:
    """The company's package mirror as pip knows it, told to uv, which does not read pip's files."""
    if any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE")):
        return {}
    told: dict[str, str] = {}
    for line in output_of([str(PYTHON), "-m", "pip", "config", "list"]).splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        if key == "index-url":
            told["UV_DEFAULT_INDEX"] = value.strip("'\"")
        elif key == "cert":
            told["SSL_CERT_FILE"] = value.strip("'\"")
    return told


def _mark(kind: str) -> str:
    listings = [REQUIREMENTS / f"{kind}.txt", REQUIREMENTS / "build.txt"]
    return fingerprint(listings, also=f"{kind} {sys.version_info[:2]}")


def _need_compiler() -> None:
    compilers = (os.environ.get("CXX", ""), "c++", "g++", "clang++")
    if not any(shutil.which(name) for name in compilers if name):
        raise SetupFailed(
            "A C++ compiler is needed once, for the inference library, and none was found. "
            "On Debian or Ubuntu: apt install g++"
        )
