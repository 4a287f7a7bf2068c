"""A process that begins children which do jobs, and may die at a named point. Started by a test.

It reads one order a line, begins a child for it, and writes how that ended. Loading Django once and
then forking makes a death cost a tenth of a second, so that a test can afford many.
"""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil


class Puller:
    """The test's end of it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def paused_child(self) -> psutil.Process:
        """The child that stopped itself; waits until it has."""
        while True:
            for child in psutil.Process(self._process.pid).children():
                if child.status() == psutil.STATUS_STOPPED:
                    return child

    def work(
        self,
        job_id: UUID | None,
        *,
        name: str,
        database: str,
        models: Path,
        registry: str,
        chunk_bytes: int,
        faults: str,
    ) -> int:
        """Let a child do this job, or ask for one; its exit status, -9 when it was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "job": str(job_id or ""),
            "name": name,
            "database": database,
            "models": str(models),
            "registry": registry,
            "chunk_bytes": chunk_bytes,
            "faults": faults,
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def puller() -> Iterator[Puller]:
    """Ends with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.doubles.mortal_puller"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Puller(process)
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.test"
    django.setup()
    from portal.catalog.jobs import pulling

    assert pulling
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _work(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _work(order: Mapping[str, Any]) -> None:
    from django.conf import settings
    from django.db import connections

    from portal import faults
    from portal.catalog import jobs
    from portal.catalog.jobs import pulling
    from portal.catalog.registry import Rules

    connections["default"].settings_dict["NAME"] = order["database"]
    settings.PORTAL = dataclasses.replace(
        settings.PORTAL, models=Path(order["models"]), registries=(order["registry"],)
    )
    rules = dataclasses.replace(Rules.of(settings.PORTAL), chunk_bytes=order["chunk_bytes"])
    vars(pulling)["Rules"] = type("TheseRules", (), {"of": staticmethod(lambda _: rules)})
    vars(faults)["_schedule"].update(faults.parse(order["faults"]))
    if order["job"]:
        jobs.work(UUID(order["job"]))
    else:
        jobs.start(None, "pull", name=order["name"])


if __name__ == "__main__":
    main()
