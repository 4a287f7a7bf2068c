"""`make check`: style, types, laws, settings, migrations, translations and locks, cheapest first.

Stops at the first failure.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from setup import front_end, lock
from setup.python_packages import PYTHON, REQUIREMENTS, VENV
from setup.screen import Screen

BIN = VENV / "bin"
LAWS = ["tests/architecture", "tests/deploy"]


def commands(npm: Sequence[str]) -> dict[str, list[str]]:
    python = str(PYTHON)
    return {
        "style": [str(BIN / "ruff"), "check", "."],
        "format": [str(BIN / "ruff"), "format", "--check", "."],
        "translations": [python, "-m", "setup.words", "check"],
        "laws of the imports": [str(BIN / "lint-imports")],
        "migrations": [python, "manage.py", "makemigrations", "--check", "--dry-run"],
        "production settings": [python, "manage.py", "check", "--deploy", "--fail-level=WARNING"],
        "page: types and style": [*npm, "run", "--silent", "check"],
        "types": [str(BIN / "mypy")],
        "laws": [python, "-m", "pytest", "-q", *LAWS],
    }


def environment_for(step: str, *, home: str) -> dict[str, str]:
    """The sample environment of deploy/, with a secret made for this run, for the settings step."""
    base = {"PORTAL_HOME": home, "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    if step != "production settings":
        return {**os.environ, "PORTAL_HOME": home}
    sample = read_environment_file(Path("deploy/portal.env.example"))
    return {**base, **sample, "PORTAL_SECRET_KEY": os.urandom(48).hex(), "PORTAL_HOME": home}


def read_environment_file(path: Path) -> dict[str, str]:
    """NAME=value lines, as systemd and compose read them."""
    pairs = (
        line.partition("=")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    )
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def main() -> int:
    screen = Screen()
    wrong = [
        fault for listing in sorted(REQUIREMENTS.glob("*.txt")) for fault in lock.faults(listing)
    ]
    if wrong:
        screen.say("\n".join(wrong))
        return 1
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each step would compile everything again
    node, npm = front_end.find_node(screen)
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
    home = tempfile.mkdtemp(prefix="portal-check-")
    try:
        for step, command in commands(npm).items():
            screen.say(f"── {step}")
            if not _passes(command, environment=environment_for(step, home=home)):
                screen.say(f"make check stopped at: {step}")
                return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)
    screen.say("make check: all good")
    return 0


def _passes(command: Sequence[str], *, environment: Mapping[str, str]) -> bool:
    return subprocess.run(list(command), env=dict(environment), check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
