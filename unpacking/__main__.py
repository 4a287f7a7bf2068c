"""The child that opens one stranger's file: `python -m unpacking`.

Started by the portal's background work, with no address and no secret in its environment. It is
given an open file, says what it found and ends; it can open no other file, write none, reach
nobody, and has so much time and memory. Whoever started it expects it to die.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from inference import confinement, walls
from unpacking import kinds
from unpacking.said import Order, Picture, Refused, Said, Text, Unreadable, decode_order, encode

_MAX_ORDER_BYTES = 4_096
# Libraries map themselves and reserve more than they use.
_ADDRESS_BYTES = 2 * 1024**3


def main() -> int:
    standing = walls.leave_network()
    order = decode_order(os.read(sys.stdin.fileno(), _MAX_ORDER_BYTES))
    mouth = _mouth()
    confinement.die_with(order.parent_pid)
    data = _contents(order)
    confinement.limit_trial(
        data_bytes=order.data_bytes,
        address_bytes=order.data_bytes + _ADDRESS_BYTES,
        cpu_seconds=order.cpu_seconds,
    )
    standing += walls.put_up(readable=_readable())
    confinement.die_with(order.parent_pid)
    _say(mouth, _with_walls(_found(data), standing))
    return 0


def _mouth() -> int:
    """Our output, for our own words alone: what libraries print there goes nowhere."""
    ours = os.dup(sys.stdout.fileno())
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return ours


def _contents(order: Order) -> bytes:
    with os.fdopen(order.file, "rb") as file:
        return file.read()


def _found(data: bytes) -> Said:
    """Whatever a file can make a library raise becomes one word."""
    with suppress(Exception):
        try:
            return _reader_of(data)(data)
        except Unreadable as refusal:
            return Refused(problem=refusal.problem)
        except MemoryError:
            return Refused(problem="limits")
    return Refused(problem="broken")


def _reader_of(data: bytes) -> Callable[[bytes], Text | Picture]:
    """Each brings its library along only when it is needed, behind the walls already."""
    kind = kinds.kind_of(data[: kinds.HEAD_BYTES])
    if kind == "picture":
        from unpacking.pictures import read as picture

        return picture
    if kind == "zip":
        return _office_reader_of(data)
    if kind == "pdf":
        from unpacking.pdf import read as pdf

        return pdf
    if kind == "ole":
        from unpacking.old_office import read as old_office

        return old_office
    from unpacking.plain import read as plain

    return plain


def _office_reader_of(data: bytes) -> Callable[[bytes], Text]:
    from unpacking.archive import office_of

    office = office_of(data)
    if office == "word":
        from unpacking.word import read as word

        return word
    if office == "slides":
        from unpacking.slides import read as slides

        return slides
    from unpacking.sheets import read as sheets

    return sheets


def _with_walls(said: Said, standing: tuple[str, ...]) -> Said:
    return said if isinstance(said, Refused) else msgspec.structs.replace(said, walls=standing)


def _readable() -> list[Path]:
    """What Python and the libraries may still want to open: nothing of anybody's."""
    own = Path(__file__).resolve().parent
    python = {Path(sys.prefix), Path(sys.base_prefix)}
    system = {Path("/lib"), Path("/lib64"), Path("/usr/lib"), Path("/usr/share/zoneinfo")}
    return [own, Path(confinement.__file__).resolve().parent, *python, *system]


def _say(mouth: int, said: Said) -> None:
    data = memoryview(encode(said))
    while data:
        data = data[os.write(mouth, data) :]


def _end(status: int) -> NoReturn:
    """At once: nothing that a library prepared for the exit is run."""
    os._exit(status)


if __name__ == "__main__":
    _end(main())
