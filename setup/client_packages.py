"""The npm packages of tests/clients: published clients, for the suite alone. Not for the page."""

import os
from pathlib import Path

from setup import front_end
from setup.commands import SetupFailed, run
from setup.python_packages import VENV
from setup.screen import Screen
from setup.stamps import Stamps, fingerprint

FOLDER = Path("tests/clients")
INPUTS = [FOLDER / "package-lock.json", FOLDER / "package.json"]
LOG = VENV / "client-packages.log"


def fetch(*, stamps: Stamps, screen: Screen) -> None:
    """As the lock says. Where they cannot be had the suite goes on without them, but not in CI."""
    locked = fingerprint(INPUTS)
    if stamps.is_fresh("client-packages", locked) and (FOLDER / "node_modules").is_dir():
        return
    try:
        node, npm = front_end.find_node(screen)
        run(
            [*npm, "ci", "--prefix", str(FOLDER), "--no-audit", "--no-fund"],
            doing="Fetching published clients for the tests (about 45 MB)",
            log=LOG,
            screen=screen,
            environment={"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"},
        )
    except SetupFailed as error:
        if os.environ.get("CI") == "true":
            raise
        screen.say(f"{error} The tests with clients for Node are left out; all others run.")
        return
    stamps.set("client-packages", locked)
