"""Run by the converter's own Python: puts limits on itself, then becomes the converter.

`child.py PARENT DATA_BYTES FILE_BYTES CPU_SECONDS SCRIPT ARGUMENTS…`. Standard library only: that
interpreter knows nothing of the portal. Not for importing.
"""

import ctypes
import os
import resource
import runpy
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38


def limit(*, parent: int, data_bytes: int, file_bytes: int, cpu_seconds: int) -> None:
    """What it cannot have, however the files it reads were made."""
    os.nice(10)
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask to go with it
            os.kill(os.getpid(), signal.SIGKILL)
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, data_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
    ):
        resource.setrlimit(kind, (most, most))


def main(arguments: list[str]) -> None:
    parent, data_bytes, file_bytes, cpu_seconds = (int(each) for each in arguments[1:5])
    limit(parent=parent, data_bytes=data_bytes, file_bytes=file_bytes, cpu_seconds=cpu_seconds)
    script = arguments[5]
    sys.argv = arguments[5:]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv)
