"""A PostgreSQL and a Redis for one run of the suite: on loopback, in a folder thrown away."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

STARTS_WITHIN_SECONDS = 60
# Who waits for a moment in vain is told so at the next of these looks; usually there are ten.
LOOKS_A_SECOND = "250"


class NoServer(RuntimeError):
    """A server's program is not installed. The message names it."""


def binaries() -> tuple[Path, Path, Path]:
    """initdb, postgres and redis-server, from the PATH or from where Debian keeps them."""
    return find("initdb"), find("postgres"), find("redis-server")


def find(name: str) -> Path:
    debian = [
        str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    ]
    found = shutil.which(name, path=os.pathsep.join([*debian, os.environ.get("PATH", "")]))
    if found is None:
        raise NoServer(name)
    return Path(found)


@contextlib.contextmanager
def servers(queues: int = 1) -> Iterator[dict[str, str]]:
    """Both running, and of Redis as many as tests run side by side; yields their addresses. All
    gone and their data removed at the end."""
    initdb, postgres, redis = binaries()
    folder = Path(tempfile.mkdtemp(prefix="portal-servers-", dir="/tmp"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        as_whom = _as_nobody(folder)
        database_port, *redis_ports = (free_port() for _ in range(1 + queues))
        data = folder / "postgres"
        subprocess.run(
            [
                *(*as_whom, str(initdb), "-D", str(data), "-U", "portal", "--auth=trust"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        stack.enter_context(
            _running(
                [
                    *(*as_whom, str(postgres), "-D", str(data), "-p", str(database_port)),
                    *(
                        "-c",
                        "listen_addresses=127.0.0.1",
                        "-c",
                        f"unix_socket_directories={folder}",
                    ),
                    # Nothing here has to outlive a power cut, and nobody copies it.
                    *("-c", "fsync=off", "-c", "synchronous_commit=off"),
                    *("-c", "full_page_writes=off", "-c", "log_min_messages=fatal"),
                    *("-c", "wal_level=minimal", "-c", "max_wal_senders=0"),
                ],
                port=database_port,
                folder=folder,
            )
        )
        for redis_port in redis_ports:
            stack.enter_context(
                _running(
                    [
                        *(*as_whom, str(redis), "--port", str(redis_port), "--bind", "127.0.0.1"),
                        *("--dir", str(folder), "--save", "", "--appendonly", "no"),
                        *("--maxmemory-policy", "noeviction", "--hz", LOOKS_A_SECOND),
                    ],
                    port=redis_port,
                    folder=folder,
                )
            )
        yield {
            "DATABASE_URL": f"postgres://portal@127.0.0.1:{database_port}/postgres",
            "PORTAL_TEST_QUEUES": " ".join(f"redis://127.0.0.1:{port}/0" for port in redis_ports),
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _as_nobody(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root; then it runs as the least of users."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    identity = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return [str(find("setpriv")), *identity, "--pdeathsig", "INT", "--"]


@contextlib.contextmanager
def _running(command: Sequence[str], *, port: int, folder: Path) -> Iterator[None]:
    with (folder / f"{port}.log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(list(command), stdout=log, stderr=log, cwd=folder)
        try:
            _wait_for(port, process, log=Path(log.name))
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", *, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(
        f"{log.read_text(encoding='utf-8')[-2000:]}\nA server of the suite did not start."
    )
