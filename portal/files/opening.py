"""Starts the child that opens a file, and hears what it says (`python -m unpacking`).

Known here by its name and by its closed list of words: by now it may be a hostile program. Decides
nothing about rows.
"""

import os
import selectors
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from portal.files import limits
from unpacking.said import NotSaid, Order, Refused, Said, decode, encode

# The longest text, written in escapes; a picture in base64 is shorter.
MAX_SAID_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_ROOT = Path(__file__).resolve().parents[2]
_PASSED = frozenset({"LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TZ", "VIRTUAL_ENV"})
_OWN_ENVIRONMENT = {
    # One thread before the walls, and nothing written beside the code.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_TOO_MUCH = Refused(problem="limits")


def opened(
    path: Path,
    *,
    cpu_seconds: int = limits.CPU_SECONDS,
    wall_seconds: float = limits.WALL_SECONDS,
    data_bytes: int = limits.DATA_BYTES,
) -> Said:
    """What is in this file. A child that dies of it, or hangs, says so by that.

    Raises FileNotFoundError when the file is not there.
    """
    with path.open("rb") as file:
        order = Order(
            parent_pid=os.getpid(),
            file=file.fileno(),
            cpu_seconds=cpu_seconds,
            data_bytes=data_bytes,
        )
        process = _spawn(file.fileno())
        try:
            with suppress(BrokenPipeError):  # it is gone; its silence is noticed below
                stdin = cast("IO[bytes]", process.stdin)
                stdin.write(encode(order) + b"\n")
                stdin.flush()
            data = _listen(cast("IO[bytes]", process.stdout), wall_seconds=wall_seconds)
        finally:
            process.kill()
            process.communicate()
    try:
        return decode(data) if data else _TOO_MUCH
    except NotSaid:
        return Refused(problem="broken")


def _listen(pipe: IO[bytes], *, wall_seconds: float) -> bytes:
    """All that it says until it ends; nothing when that is too much, or never ends."""
    deadline = time.monotonic() + wall_seconds
    said = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            data = os.read(pipe.fileno(), _PIECE_BYTES)
            if not data:
                return bytes(said)
            said += data
            if len(said) > MAX_SAID_BYTES:
                return b""
    return b""


def _spawn(descriptor: int) -> "subprocess.Popen[bytes]":
    passed = {name: value for name, value in os.environ.items() if name in _PASSED}
    return subprocess.Popen(
        [sys.executable, "-m", "unpacking"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd=_ROOT,
        env={**passed, **_OWN_ENVIRONMENT},
        pass_fds=(descriptor,),
    )
