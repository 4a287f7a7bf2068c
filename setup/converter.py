"""`make converter`: llama.cpp's own converter of safetensors, an extra in a folder of its own.

Its scripts come out of the source distribution of llama-cpp-python whose hash the lock names, so
that they write what our library reads; its packages from `requirements/convert.txt`. Nothing of it
enters the portal's own environment.
"""

import os
import re
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from setup.commands import SetupFailed, complain, run
from setup.python_packages import REQUIREMENTS, UV, mirror
from setup.screen import Screen

PACKAGE = "llama-cpp-python"
LISTING = REQUIREMENTS / "convert.txt"
# Below the folder of llama.cpp: the script and what it imports.
WANTED = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/gguf/", "LICENSE")


def folder() -> Path:
    return Path(os.environ.get("PORTAL_HOME") or "var") / "converter"


def install(screen: Screen) -> Path:
    """Bring all of it, or what is missing. A second time finds it done."""
    target = folder()
    requirement = locked_requirement((REQUIREMENTS / "run.txt").read_text(encoding="utf-8"))
    mark = requirement + LISTING.read_text(encoding="utf-8")
    done = target / "done"
    if done.exists() and done.read_text(encoding="utf-8") == mark:
        return target
    done.unlink(missing_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    _packages(target, screen=screen)
    _scripts(target, requirement, screen=screen)
    done.write_text(mark, encoding="utf-8")
    return target


def locked_requirement(listing: str) -> str:
    """The lines of the lock that name the package and its hashes."""
    begun = re.search(rf"^{PACKAGE}==.*?(?=^\S|\Z)", listing, flags=re.MULTILINE | re.DOTALL)
    if begun is None:
        raise SetupFailed(f"{PACKAGE} is not in the lock; `make lock` writes it.")
    lines = (line for line in begun.group(0).splitlines() if not line.lstrip().startswith("#"))
    return "\n".join(lines).rstrip().rstrip("\\").rstrip() + "\n"


def members(archive: tarfile.TarFile) -> Iterator[tuple[Path, tarfile.TarInfo]]:
    """Regular files that are wanted, with their place below the folder of llama.cpp."""
    for member in archive:
        _, found, below = member.name.partition("/vendor/llama.cpp/")
        if found and member.isfile() and below.startswith(WANTED) and ".." not in below:
            yield Path(below), member


def _packages(target: Path, *, screen: Screen) -> None:
    venv = target / "venv"
    if not (venv / "bin" / "python").exists():
        run(
            [sys.executable, "-m", "venv", "--without-pip", str(venv)],
            doing="Making an environment for the converter",
            log=target / "venv.log",
            screen=screen,
        )
    run(
        [
            *(str(UV), "pip", "sync", "-v", "--no-progress", "--require-hashes"),
            str(LISTING),
        ],
        doing="Fetching the converter's packages (1 to 5 GB)",
        log=target / "packages.log",
        screen=screen,
        environment={"VIRTUAL_ENV": str(venv.resolve()), **mirror()},
    )


def _scripts(target: Path, requirement: str, *, screen: Screen) -> None:
    listing = target / "requirement.txt"
    listing.write_text(requirement, encoding="utf-8")
    run(
        [
            *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check"),
            *("--no-deps", "--no-binary", PACKAGE, "--require-hashes"),
            *("-r", str(listing), "-d", str(target)),
        ],
        doing=f"Fetching the sources of {PACKAGE} (about 77 MB)",
        log=target / "sources.log",
        screen=screen,
    )
    archive = next(iter(sorted(target.glob("llama_cpp_python-*.tar.gz"))))
    scripts = target / "llama.cpp"
    shutil.rmtree(scripts, ignore_errors=True)
    with tarfile.open(archive) as packed:
        for place, member in members(packed):
            source = packed.extractfile(member)
            if source is not None:
                (scripts / place).parent.mkdir(parents=True, exist_ok=True)
                (scripts / place).write_bytes(source.read())
    archive.unlink()


def main() -> int:
    screen = Screen()
    try:
        target = install(screen)
    except SetupFailed as error:
        return complain(error)
    screen.say(f"The converter is in place, in {target}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
