"""`make test`: what touches database and queue on PostgreSQL and Redis, then everything on SQLite
and Valkey. The last line is pytest's.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

from setup import front_end, starter
from setup.commands import SetupFailed, complain
from setup.python_packages import PYTHON, VENV
from setup.screen import Screen
from setup.servers import NoServer, binaries, servers

# What reads or writes the database or the queue. The rest would only be the same again.
SERVED = (
    *("tests/chat", "tests/streams", "tests/access", "tests/accounts", "tests/audit"),
    *("tests/catalog", "tests/api", "tests/inference", "tests/contract"),
)
NOT_SERVED = "not browser and not model"


def main(arguments: list[str]) -> int:
    screen = Screen()
    try:
        model = starter.unpack(screen)
    except SetupFailed as error:
        return complain(error)
    ours = {**os.environ, "PORTAL_STARTER_GGUF": str(model.resolve())}
    if arguments:  # `python -m setup.suite tests/chat -k name`: just that
        return pytest(*arguments, environment=ours)
    page = _page_tests(screen)
    served = _on_servers(screen, environment=ours)
    screen.say("── everything, on SQLite and Valkey")
    everything = pytest("-m", "not postgres and not redis", environment=ours)
    return everything or served or page


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
        return 1 if environment.get("CI") == "true" else 0
    screen.say("── what touches database and queue, on PostgreSQL and Redis")
    there = [path for path in SERVED if (VENV.parent / path).is_dir()]
    with servers() as addresses:
        return pytest(*there, "-m", NOT_SERVED, environment={**environment, **addresses})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
