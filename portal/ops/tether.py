"""Becomes the given command, tied to the process that asked for it: they die together.

Run by path, alone and early (`python -I -S tether.py PARENT COMMAND…`), so it imports nothing of
ours. On systems without parent-death signals the command simply runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        # KILL and not TERM: a part that hangs must not outlive the group, and each is made for it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - one of our own parts, and no shell


if __name__ == "__main__":
    main(sys.argv[1:])
