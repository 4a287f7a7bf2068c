"""What a process that meets strangers' files may not do: outlive us, grow without end, leave files.

Limits of size and time; the kernel's walls are in `walls.py`. Decides nothing about models.
"""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

from inference import quotas

# Of the whole machine: what a file makes a loader ask for ends the loader, not its neighbours.
MAX_DATA_SHARE = 0.9
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_NICENESS = 10
_OPEN_FILES = 64


def confine(*, supervisor_pid: int) -> None:
    """Die with the supervisor, gain nothing by exec, leave no core file full of prompts.

    Never all of the memory (threat E17): weights that are mapped from their file do not count.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _lower(resource.RLIMIT_DATA, int(quotas.memory_bytes() * MAX_DATA_SHARE))
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    die_with(supervisor_pid)


def die_with(supervisor_pid: int) -> None:
    """The kernel ends us when the supervisor ends. Again after anything that changes our rights,
    which makes the kernel forget it."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != supervisor_pid:  # it died before we could ask to be told
        os._exit(1)


def limit_trial(
    *, data_bytes: int, address_bytes: int, cpu_seconds: int, file_bytes: int = 0
) -> None:
    """For a process that may be lost: the first to go when memory or time is short, and it writes
    no file, or none longer than this."""
    os.nice(_NICENESS)
    if sys.platform == "linux":
        _go_first()
        _lower(resource.RLIMIT_DATA, data_bytes)
        _lower(resource.RLIMIT_AS, address_bytes)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, cpu_seconds)
    _lower(resource.RLIMIT_FSIZE, file_bytes)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)


def _go_first() -> None:
    """When the kernel must end a process for want of memory, it is this one."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    except OSError:  # not allowed here: then the kernel chooses by size
        return


def _lower(kind: int, value: int) -> None:
    """Never higher than it is."""
    _, hard = resource.getrlimit(kind)
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (most, most))
