"""What the figures were taken on, and what processes cost. No name that tells whose machine."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from inference.engine.cores import physical_cores

GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Enough to know whether two tables may be compared."""

    processor: str
    cores: int
    memory_gib: int
    system: str
    python: str
    llama_cpp_python: str


def this_machine() -> Machine:
    return Machine(
        processor=_processor(),
        cores=physical_cores(),
        memory_gib=round(psutil.virtual_memory().total / GIB),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        llama_cpp_python=version("llama-cpp-python"),
    )


def processor_seconds(processes: Iterable[psutil.Process]) -> float:
    """What these processes have computed so far, without what they started."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def ended_children_seconds(process: psutil.Process) -> float:
    """What those that it started, and saw ending, had computed."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.children_user + times.children_system)


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it started, itself first. Empty when it is gone."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def own_seconds() -> float:
    """What the load itself cost."""
    times = os.times()
    return times.user + times.system


def busy_seconds() -> float:
    """What the whole machine computed or was kept from, whoever it was for."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - _counted_twice(times))


def _counted_twice(times: object) -> float:
    """Guests' time is in user time already."""
    return float(getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0))


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
