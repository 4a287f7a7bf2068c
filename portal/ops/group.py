"""`make run`: all parts as one foreground group. The order of starting and ending; nothing else.

Nothing is left behind: the parts end in order at Ctrl-C, SIGTERM or the death of our parent, and
the kernel kills them when this process itself is killed (see tether.py).
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby
from pathlib import Path

import psutil
from rich.console import Console

from portal import configuration
from portal.configuration import BadConfiguration, Configuration
from portal.ops import pulse, steps, valkey
from portal.ops.journal import Journal
from portal.ops.keeper import Keeper
from portal.ops.parts import Part, Wave, parts, portal_environment

HEALTHY_WITHIN_SECONDS = 20.0
VALKEY_WITHIN_SECONDS = 120.0  # it reads its whole append-only file first
PARENT_LOOK_SECONDS = 0.5


class CannotStart(RuntimeError):
    """One sentence to the operator: why not, and what to do."""


def main() -> int:
    console = Console(stderr=False, highlight=False)
    try:
        with prepared(configuration.read(), environment=os.environ) as (settings, wanted):
            journal = Journal(settings.home / "logs", console=console)
            with contextlib.closing(journal):
                before_serving = partial(
                    steps.prepare,
                    settings,
                    environment=portal_environment(settings, environment=os.environ),
                    journal=journal,
                )
                group = Group(settings, wanted, journal=journal, before_serving=before_serving)
                return asyncio.run(group.run())
    except (CannotStart, BadConfiguration, valkey.PathTooLong) as error:
        console.print(str(error), style="bold red", soft_wrap=True, markup=False)
        return 1


@contextlib.contextmanager
def prepared(
    settings: Configuration, *, environment: Mapping[str, str]
) -> Iterator[tuple[Configuration, tuple[Part, ...]]]:
    """The folder made and locked for us, the addresses free. Raises `CannotStart` otherwise."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.home.stat().st_uid == os.geteuid():
        settings.home.chmod(0o700)  # set-up may have made it; database and secret key lie in it
    with locked(settings.home):
        for host, port in filter(
            None, ((settings.bind_host, settings.bind_port), settings.ollama_bind)
        ):
            check_free(host, port)
        yield settings, parts(settings, environment=environment)


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """One group a folder. The kernel drops the lock with us, however we end."""
    with (home / "group.lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            raise CannotStart(
                f"The portal already runs on {home} (process {holder}). "
                "Stop it first, or choose another folder with PORTAL_HOME."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"Cannot listen on {host}:{port}: {error.strerror or error}{_who_listens(port)}. "
                "Choose another address with PORTAL_BIND=host:port."
            ) from None


def _who_listens(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            is_it = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if is_it and connection.pid:
                return f" by {psutil.Process(connection.pid).name()}, process {connection.pid}"
    return ""


class Group:
    """The parts of one start, from the first to the last."""

    def __init__(
        self,
        settings: Configuration,
        wanted: Iterable[Part],
        *,
        journal: Journal,
        before_serving: Callable[[], Awaitable[list[str]]],
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._stopping = asyncio.Event()
        self._parent = os.getppid()
        self._begun = time.monotonic()
        self._keepers = [
            Keeper(part, journal=journal, before_start=self._preparation(part)) for part in wanted
        ]
        self._before_serving = before_serving
        self._link: list[str] = []

    async def run(self) -> int:
        """Start everything, wait for a reason to end, end everything. The exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop_or_hurry)
        watching = asyncio.create_task(self._watch_parent())
        working = asyncio.create_task(self._start())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done() and (error := working.exception()) is not None:
                if not isinstance(error, CannotStart | steps.StepFailed):
                    raise error
                self._journal.say(f"{error} The logs are in {self._settings.home / 'logs'}.")
                return 1
            await stopping
            return 0
        finally:
            for task in (watching, working, stopping):
                task.cancel()
            await asyncio.gather(watching, working, stopping, return_exceptions=True)
            await self._end()

    async def _start(self) -> None:
        self._start_wave("data")
        await self._valkey_answers()
        self._link = await self._before_serving()
        self._start_wave("serving")
        await self._announce()
        self._start_wave("background")

    def _start_wave(self, wave: Wave) -> None:
        for keeper in self._keepers:
            if keeper.part.wave == wave:
                keeper.start()

    async def _valkey_answers(self) -> None:
        if not any(keeper.part.name == "valkey" for keeper in self._keepers):
            return
        try:
            async with asyncio.timeout(VALKEY_WITHIN_SECONDS):
                await pulse.until(lambda: valkey.answers(self._settings.home), every_seconds=0.02)
        except TimeoutError:
            raise CannotStart("Valkey did not start.") from None

    async def _announce(self) -> None:
        host, port = self._settings.bind_host, self._settings.bind_port
        reason = await pulse.first_health(host, port, within_seconds=HEALTHY_WITHIN_SECONDS)
        address = f"http://{pulse.reachable(host)}:{port}"
        if reason is None:
            seconds = time.monotonic() - self._begun
            self._journal.say(f"\nThe portal is ready: {address} (after {seconds:.1f} s)")
        else:
            self._journal.say(f"\nThe portal is up but not healthy yet ({reason}): {address}")
        if self._link:
            self._journal.say("First administrator:")
        for line in self._link:
            self._journal.say(f"  {line}")
        self._journal.say("Ctrl-C ends it.\n")

    async def _watch_parent(self) -> None:
        """End when whoever started us is gone: nobody would ever press Ctrl-C."""
        await pulse.until(lambda: os.getppid() != self._parent, every_seconds=PARENT_LOOK_SECONDS)
        self._journal.say("The process that started the portal is gone; ending.")
        self._stopping.set()

    def _stop_or_hurry(self) -> None:
        if self._stopping.is_set():
            for keeper in self._keepers:
                keeper.kill()
        self._stopping.set()

    async def _end(self) -> None:
        self._journal.say("Ending")
        by_rank = sorted(self._keepers, key=lambda keeper: keeper.part.end_rank)
        for _, rank in groupby(by_rank, key=lambda keeper: keeper.part.end_rank):
            await asyncio.gather(*(keeper.end() for keeper in rank))
        self._journal.say("Ended; nothing is left running.")

    def _preparation(self, part: Part) -> "_Preparation | None":
        return _Preparation(self._settings.home) if part.name == "valkey" else None


class _Preparation:
    def __init__(self, home: Path) -> None:
        self._home = home

    def __call__(self) -> None:
        valkey.prepare(self._home)


if __name__ == "__main__":
    sys.exit(main())
