"""Other programs, run to their end with fixed words. Not for those that somebody talks to."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 100


def finished(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    piped: str = "",
) -> subprocess.CompletedProcess[str]:
    """What it printed and how it ended. Nothing but `environment` is around it."""
    return subprocess.run(  # noqa: S603 - our own programs, fixed words
        list(command),
        cwd=folder,
        env=dict(environment),
        input=piped,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
