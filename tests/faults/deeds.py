"""What is done to a running portal: kill parts, pause one past its lease, empty Redis.

A deed is written `web`, `valkey+web` (both at once), `pause:runner` or `empty`. Says nothing about
whether it was survived; that is for checker.py.
"""

import asyncio
import os
import shutil
import signal
import time
from dataclasses import dataclass
from typing import Literal, get_args

import psutil

from tests.faults.whole import LEASE_SECONDS, PARTS, Portal

PAUSE_SECONDS = LEASE_SECONDS + 2.0
# Parts that no answer passes through: while only these are struck, every answer must be complete.
BESIDE_THE_ROAD = frozenset({"web", "recorder", "celery"})

Kind = Literal["kill", "pause", "empty"]


class NoDeed(ValueError):
    """The text names no deed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One blow. `empty` is a Valkey that comes back with nothing in it."""

    kind: Kind
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {'+'.join(self.parts)}"

    @property
    def may_interrupt(self) -> bool:
        return not BESIDE_THE_ROAD.issuperset(self.parts)


def parse(text: str) -> Deed:
    kind, _, names = text.rpartition(":")
    if text == "empty":
        kind, names = "empty", "valkey"
    parts = tuple(names.split("+"))
    if not set(parts) <= set(PARTS) or (kind or "kill") not in get_args(Kind):
        raise NoDeed(f"{text}: the parts are {', '.join(PARTS)}; see deeds.py")
    if kind == "pause":
        return Deed(kind="pause", parts=parts)
    return Deed(kind="empty" if kind == "empty" else "kill", parts=parts)


async def do(deed: Deed, portal: Portal) -> dict[str, int]:
    """Do it, as soon as its parts run. Returns which process each part had."""
    pids = {part: await portal.pid_once_it_runs(part) for part in deed.parts}
    if deed.kind == "pause":
        await _pause(list(pids.values()))
    elif deed.kind == "empty":
        await _empty(pids["valkey"], portal)
    else:
        for pid in pids.values():
            _signal(pid, signal.SIGKILL)
    return pids


async def _pause(pids: list[int]) -> None:
    for pid in pids:
        _signal(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(PAUSE_SECONDS)
    finally:
        for pid in pids:
            _signal(pid, signal.SIGCONT)


async def _empty(pid: int, portal: Portal) -> None:
    """The group sleeps meanwhile, so that Valkey cannot come back before its files are gone."""
    portal.group.send_signal(signal.SIGSTOP)
    try:
        await asyncio.to_thread(_kill_surely, psutil.Process(pid))
        for child in (portal.home / "valkey").iterdir():
            if child.is_dir():
                shutil.rmtree(child)
            else:
                child.unlink()
    finally:
        portal.group.send_signal(signal.SIGCONT)


def _kill_surely(process: psutil.Process) -> None:
    """Until it can write no more. Its parent sleeps, so it stays as a zombie for a while."""
    process.kill()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        # A runner may have died with its supervisor, or been let go, in this very moment.
        return
