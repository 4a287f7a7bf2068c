"""Where `portal` begins. Not for what it does: `commands.py`."""

import os
import sys

from cli import arguments
from cli.commands import portal


def main() -> int:
    try:
        return arguments.run(portal, sys.argv[1:])
    except BrokenPipeError:
        # Whoever read has gone, as with `portal list | head -1`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
