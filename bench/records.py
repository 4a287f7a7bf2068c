"""What was measured, a line of JSON each, in var/bench/. Judges nothing."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from bench.figures import Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run of one work on one server. `command` says how that server was started."""

    work: str
    server: str
    command: str
    round: int
    seed: int
    figures: Figures


def append(path: Path, record: Record) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(asdict(record)) + b"\n")


def read(path: Path) -> list[Record]:
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Record) for line in lines if line.strip()]


def of(records: Iterable[Record], *, work: str, server: str) -> list[Record]:
    return [each for each in records if each.work == work and each.server == server]
