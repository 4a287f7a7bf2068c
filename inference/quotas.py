"""What this process may use of the machine: the bounds of the groups that the kernel counts it in.

Containers and service managers set them, and what else tells of a machine says nothing of them.
Not for what is free at this moment.
"""

from collections.abc import Iterator
from pathlib import Path

import psutil

_OWN = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")


def memory_bytes(*, own: Path = _OWN, root: Path = _ROOT) -> int:
    """All of the machine's, or as much as the narrowest group around us may have."""
    bounds = [psutil.virtual_memory().total]
    for group in _groups("memory", own=own, root=root):
        bounds += _numbers(group / "memory.max") or _numbers(group / "memory.limit_in_bytes")
    return min(bounds)


def processors(*, own: Path = _OWN, root: Path = _ROOT) -> float | None:
    """How many processors' time the narrowest group may have; None where no group is bound."""
    bounds = []
    for group in _groups("cpu", own=own, root=root):
        times = _numbers(group / "cpu.max")
        times = times or [
            *_numbers(group / "cpu.cfs_quota_us"),
            *_numbers(group / "cpu.cfs_period_us"),
        ]
        if len(times) == 2 and all(times):
            bounds.append(times[0] / times[1])
    return min(bounds, default=None)


def _groups(controller: str, *, own: Path, root: Path) -> Iterator[Path]:
    """The group we are in and all around it, in either way the kernel shows them.

    A container may be told a path that it cannot see: then the outermost is its own.
    """
    for line in _text(own).splitlines():
        number, controllers, inside = line.split(":", 2)
        if number != "0" and controller not in controllers.split(","):
            continue
        top = root if number == "0" else root / controller
        path = Path(inside.lstrip("/"))
        yield from (top / group for group in (path, *path.parents))


def _numbers(file: Path) -> list[int]:
    """Nothing where the file is missing, or begins with a word that means without bound."""
    words = _text(file).split()
    return [int(word) for word in words] if all(word.isdigit() for word in words) else []


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
