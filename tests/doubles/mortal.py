"""A child for `LimitedChild` that dies when it is told to. Not for any work."""

import os

from inference.engine.limited import serve

DIE = b"die"


def main() -> None:
    serve(_answer, cpu_seconds=5.0, memory_bytes=2 * 1024**3)


def _answer(question: bytes) -> bytes:
    if question == DIE:
        os._exit(1)
    return question + b" by %d" % os.getpid()
