"""`python -m inference.devices DESCRIPTOR` says as JSON which accelerators this machine has.

A process of its own, since the library may end the one that asks it, and since the memory that a
driver takes of each process is given back with it. The supervisor asks once, as it starts.
"""

import logging
import os
import select
import sys
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from inference.child import spawn

log = logging.getLogger(__name__)

ASK_SECONDS = 60.0  # a driver may need long to wake up
_MAX_ANSWER_BYTES = 65_536


class Device(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`free_bytes` is of the moment we asked. Shared memory is the machine's own."""

    name: str
    free_bytes: int
    total_bytes: int
    is_shared: bool = False


def ask(environment: Mapping[str, str], *, wait_seconds: float = ASK_SECONDS) -> tuple[Device, ...]:
    """What the child says; none if it does not answer: then everything runs on the processor."""
    ear, mouth = os.pipe()
    with os.fdopen(ear, "rb") as pipe:
        try:
            child = spawn("inference.devices", mouth=mouth, environment=environment)
        except OSError as error:
            log.error("the accelerators cannot be asked: %s", type(error).__name__)
            return ()
        finally:
            os.close(mouth)
        is_saying, _, _ = select.select([pipe], [], [], wait_seconds)
        answer = pipe.read(_MAX_ANSWER_BYTES) if is_saying else b""
    with child:  # it has nothing more to say
        child.kill()
    try:
        return decode(answer)
    except msgspec.MsgspecError:
        log.error("the accelerators cannot be asked: no answer")
        return ()


def decode(answer: bytes) -> tuple[Device, ...]:
    return msgspec.json.decode(answer, type=tuple[Device, ...])


def main(arguments: list[str]) -> int:
    from inference.engine.llama import devices  # in this process only

    os.write(int(arguments[1]), msgspec.json.encode(devices.listed()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
