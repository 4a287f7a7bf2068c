"""One process of ours: tied to us, in its own session, its lines read. Starts nothing again."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from portal.ops.parts import ROOT

TETHER = Path(__file__).with_name("tether.py")
MAX_LINE_BYTES = 65_536
LAST_WORDS_SECONDS = 1.0


def how_it_ended(return_code: int) -> str:
    if return_code < 0:
        return f"signal {-return_code}"
    return f"exit {return_code}"


class Child(asyncio.SubprocessProtocol):
    """A running command. A protocol and not `asyncio.subprocess.Process`, whose `wait` also waits
    for the pipe, which a grandchild may hold open for ever.
    """

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self._say = say
        self._rest = b""
        self._exited = asyncio.Event()
        self._silent = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        # A line without an end is cut, so that it cannot fill our memory.
        if len(self._rest) > MAX_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._say(line.decode("utf-8", "replace"))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if self._rest:
            self._say(self._rest.decode("utf-8", "replace"))
            self._rest = b""
        self._silent.set()

    def process_exited(self) -> None:
        self._exited.set()

    async def wait(self) -> int:
        """Its return code, once it and everything left in its session has ended."""
        await self._exited.wait()
        self.kill()  # what outlived it would hold sockets, files and our pipe
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._silent.wait(), timeout=LAST_WORDS_SECONDS)
        self._process.close()
        return cast(int, self._process.get_returncode())

    def terminate(self) -> None:
        if not self._exited.is_set():
            self._process.terminate()

    def kill(self) -> None:
        """The whole session, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.get_pid(), signal.SIGKILL)

    @property
    def _process(self) -> asyncio.SubprocessTransport:
        if self._transport is None:
            raise AssertionError("used before it was started")
        return self._transport


async def launch(
    command: Sequence[str], *, environment: Mapping[str, str], say: Callable[[str], None]
) -> Child:
    """Start a command that cannot outlive this process; `say` gets its lines."""
    _, child = await asyncio.get_running_loop().subprocess_exec(
        lambda: Child(say=say),
        *(sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
        cwd=ROOT,
        start_new_session=True,  # Ctrl-C reaches the group alone, which ends the parts in order
    )
    return child
