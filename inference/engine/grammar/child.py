"""The process in which schemas become grammars: dies past its limits, and is replaced (threat F7).

Never imported by the engine: `compiling.py` starts it.
"""

import os
import sys

import msgspec

from inference.engine import limited
from inference.engine.grammar import schemas
from inference.engine.grammar.compiling import Job, Made, Refused
from inference.engine.grammar.network import NotKeepable

CPU_SECONDS = 0.8
_MEMORY_BYTES = 512 * 1024 * 1024
_MAX_FRAMES = 2_500
# Answers under way go first.
_MANNERS = 5


def main() -> None:
    sys.setrecursionlimit(_MAX_FRAMES)
    _answer(msgspec.msgpack.encode(Job(schema=None)))  # imports what is imported late
    os.nice(_MANNERS)
    limited.serve(_answer, cpu_seconds=CPU_SECONDS, memory_bytes=_MEMORY_BYTES)


def _answer(question: bytes) -> bytes:
    job = msgspec.msgpack.decode(question, type=Job)
    answer: Made | Refused
    try:
        network = schemas.network_of(job.schema, thoughts=job.thoughts, spelt=job.spelt)
        answer = Made(network=network)
    except NotKeepable as refusal:
        answer = Refused(reason=str(refusal))
    return msgspec.msgpack.encode(answer)
