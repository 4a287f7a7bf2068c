"""A group of short programs instead of the portal's parts. Run by test_group.py, never imported.

The only argument is a folder. In it, `parts.json` says which programs to run.
"""

import asyncio
import json
import sys
from pathlib import Path

from rich.console import Console

from portal import configuration
from portal.ops.group import Group, locked
from portal.ops.journal import Journal
from portal.ops.parts import Part


async def nothing_to_prepare() -> list[str]:
    return ["Sign in once: the link"]


def main(folder: Path) -> int:
    settings = configuration.read({"PORTAL_HOME": str(folder), "PORTAL_BIND": sys.argv[2]})
    wanted = [
        Part(**{**part, "command": (sys.executable, "-c", part["command"])})
        for part in json.loads((folder / "parts.json").read_text())
    ]
    journal = Journal(folder / "logs", console=Console(width=200))
    group = Group(settings, wanted, journal=journal, before_serving=nothing_to_prepare)
    with locked(folder):
        return asyncio.run(group.run())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
