"""Where `portal` begins. Not for what it does: `commands.py`."""

import io
import os
import sys

from cli import arguments
from cli.commands import portal


def main() -> int:
    _open_streams()
    try:
        code = arguments.run(portal, _readable(sys.argv[1:]))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has gone, as with `portal list | head -1`.
        _drop_the_rest()
        return 0
    except OSError as error:  # a full disk behind `>`, most often
        _drop_the_rest()
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return code


def _open_streams() -> None:
    """A letter that a pipe or a terminal cannot carry is replaced, and the rest goes on."""
    sys.stdin = sys.stdin or _nothing("r")
    sys.stdout = sys.stdout or _nothing("w")
    sys.stderr = sys.stderr or _nothing("w")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _nothing(mode: str) -> io.TextIOWrapper:
    """For a stream that was closed before we began (`<&-`)."""
    return io.TextIOWrapper(io.FileIO(os.devnull, mode), encoding="utf-8")


def _readable(words: list[str]) -> list[str]:
    """Bytes that are no letters here have none in a request either."""
    return [word.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for word in words]


def _drop_the_rest() -> None:
    """What is still to be written would fail once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
