"""One file is quantised where nothing can be lost: `python -m inference.quantising`.

Started by the portal's background work, with no address and no secret in its environment. It reads
one file of the store, writes one other that has no name yet, says how far it is and ends. Not for
judging what it wrote: whoever started it does that.
"""

import importlib
import os
import sys
from pathlib import Path

from inference import confinement, walls
from inference.protocol.quantising import (
    NotQuantised,
    Quantised,
    QuantiseOrder,
    Quantising,
    decode_quantise_order,
)
from inference.words import Ear, Mouth

# The library, its threads, and the buffers of one tensor; weights are mapped from their file.
_ADDRESS_BYTES = 8 * 1024**3


def main() -> int:
    standing = walls.leave_network()
    mouth = _mouth()
    order = decode_quantise_order(Ear(sys.stdin.fileno()).line())
    confinement.die_with(order.parent_pid)
    # Our own modules, before the walls: the library opens what they forbid when it is imported.
    importlib.import_module("inference.engine.llama.quantising")
    source, target = Path(order.source), Path(order.target)
    target.open("xb").close()
    confinement.limit_trial(
        data_bytes=order.data_bytes,
        address_bytes=_ADDRESS_BYTES + 2 * source.stat().st_size,
        cpu_seconds=order.cpu_seconds,
        file_bytes=order.file_bytes,
    )
    standing += walls.put_up(readable=_readable(source), writable=target)
    confinement.die_with(order.parent_pid)
    said = _quantise(order, mouth=mouth)
    mouth.say(said if said is not None else Quantised(walls=standing))
    return 0


def _mouth() -> Mouth:
    """Our output, for our own words alone: what native code prints there goes nowhere."""
    ours = os.dup(sys.stdout.fileno())
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return Mouth(ours)


def _quantise(order: QuantiseOrder, *, mouth: Mouth) -> NotQuantised | None:
    from inference.engine.backend import BackendError
    from inference.engine.llama.quantising import quantise

    try:
        quantise(
            Path(order.source),
            Path(order.target),
            quantisation=order.quantisation,
            threads=order.threads,
            begun=lambda name: mouth.say(Quantising(tensor=name[:200])),
        )
    except BackendError as error:
        return NotQuantised(reason=str(error)[:500])
    return None


def _readable(source: Path) -> list[Path]:
    """What Python and the system's libraries may still want to open, and the file itself."""
    own = Path(__file__).resolve().parent
    python = {Path(sys.prefix), Path(sys.base_prefix)}
    system = {Path("/lib"), Path("/lib64"), Path("/usr/lib"), Path("/usr/share/zoneinfo")}
    return [own, Path("/sys/devices/system"), *python, *system, source.resolve()]


if __name__ == "__main__":
    sys.exit(main())
