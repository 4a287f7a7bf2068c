"""How a runner ended, from its exit status: the words of a death report. Decides nothing."""

import re
import signal
from typing import Literal

EXIT_UNLOADABLE = 3
EXIT_STEP_FAILED = 4
EXIT_DEVICE_LOST = 5
EXIT_NO_MEMORY = 6

DEVICE_LOST = "device-lost"
NO_MEMORY = "out-of-memory"

_KILLED = (0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
_DETAILS = {EXIT_DEVICE_LOST: DEVICE_LOST, EXIT_NO_MEMORY: NO_MEMORY}
_EXITS = {DEVICE_LOST: EXIT_DEVICE_LOST, NO_MEMORY: EXIT_NO_MEMORY}
# What the library prints in the moment before it aborts. A refused allocation is no such line: that
# one is answered, and the step is tried again with less.
_FATAL = (
    (NO_MEMORY, re.compile(r"^(CUDA|ROCm|MUSA) error: .*out of memory", re.IGNORECASE)),
    (NO_MEMORY, re.compile(r"ErrorOutOf(Device|Host)Memory")),
    (DEVICE_LOST, re.compile(r"^(CUDA|ROCm|MUSA) error|device (was )?lost|ErrorDeviceLost", re.I)),
)

How = Literal["killed", "crashed", "stalled"]


def how(status: int, *, is_condemned: bool, is_short_of_memory: bool) -> tuple[How, str]:
    """What happened, and one word on it. `is_short_of_memory`: the kernel has just ended something
    for want of memory; to the one who died of it, that looks like anybody's SIGKILL."""
    if is_condemned:
        return "stalled", status_name(status)
    if status == -signal.SIGKILL and is_short_of_memory:
        return "crashed", NO_MEMORY
    if status in _KILLED:
        return "killed", status_name(status)
    return "crashed", _DETAILS.get(status, status_name(status))


def exit_for(line: str) -> int | None:
    """With what to end at once when the library prints this; None for lines to live on after."""
    for detail, pattern in _FATAL:
        if pattern.search(line):
            return _EXITS[detail]
    return None


def status_name(status: int) -> str:
    """As an administrator knows it: SIGABRT, exit 4."""
    if status >= 0:
        return f"exit {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
