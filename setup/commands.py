"""Runs one command of the set-up, quietly when it succeeds and with its last words when not."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from setup.progress import Progress, last_words
from setup.screen import Screen


class SetupFailed(RuntimeError):
    """A step failed, or something it needs is missing. The message is for a person."""


def run(
    command: Sequence[str],
    *,
    doing: str,
    log: Path,
    screen: Screen,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run to the end, showing progress. The whole output is in `log`."""
    screen.progress(doing)
    log.parent.mkdir(parents=True, exist_ok=True)
    progress = Progress(clock=time.monotonic)
    lines: list[str] = []
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            list(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(environment or {})},
        ) as process,
    ):
        for line in process.stdout or ():
            kept.write(line)
            lines.append(line)
            if sentence := progress.read(line):
                screen.progress(sentence)
    if process.returncode:
        screen.say(f"{doing} failed. The end of what was said:")
        for line in last_words(lines):
            screen.say(f"  {line}")
        raise SetupFailed(f"{doing} failed; everything that was said is in {log}.")


def output_of(command: Sequence[str]) -> str:
    """What a command prints, or nothing if it cannot be run."""
    try:
        done = subprocess.run(
            list(command), capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def complain(error: Exception) -> int:
    sys.stderr.write(f"{error}\n")
    return 1
