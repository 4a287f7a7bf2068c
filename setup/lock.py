"""`make lock`: resolves the dependencies of pyproject.toml again, with hashes and no addresses."""

import subprocess
import sys
from pathlib import Path

from setup.python_packages import REQUIREMENTS, UV

COMPILE = [
    *(str(UV), "pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-annotate", "--no-header"),
]
# What each list is made from. `dev` contains `run`, at the same versions.
LISTS = {
    "run": ["pyproject.toml"],
    "dev": ["-c", str(REQUIREMENTS / "run.txt"), "pyproject.toml", "--group", "dev"],
    "build": ["--group", "build"],
    "starter": ["--group", "starter", "--no-deps"],
    "minilm": ["--group", "minilm", "--no-deps"],
    "convert": ["--group", "convert"],
    "uv": ["--group", "uv"],
    "node": ["--group", "node", "--no-deps"],
}


def main() -> int:
    for name, sources in LISTS.items():
        target = REQUIREMENTS / f"{name}.txt"
        done = subprocess.run([*COMPILE, *sources, "-o", str(target)], check=False)
        if done.returncode:
            return done.returncode
        sys.stdout.write(f"{target}\n")
    return 0


def faults(listing: Path) -> list[str]:
    """What is wrong with a lock: a package without a hash, or an address in it."""
    text = listing.read_text(encoding="utf-8")
    found = [f"{listing}: an address" for line in text.splitlines() if "://" in line]
    for entry in text.replace("\\\n", " ").splitlines():
        if "==" in entry and "--hash=sha256:" not in entry:
            found.append(f"{listing}: no hash: {entry.split()[0]}")
        elif entry.startswith("-"):
            found.append(f"{listing}: an option: {entry}")
    return found


if __name__ == "__main__":
    sys.exit(main())
