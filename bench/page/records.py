"""What was measured of the page, a line of JSON each, in var/bench/. Judges nothing."""

from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One round of one work. `browser` is its name and version."""

    work: str
    round: int
    browser: str
    figures: dict[str, float]


def append(path: Path, taken: Taken) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(asdict(taken)) + b"\n")


def read(path: Path) -> list[Taken]:
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Taken) for line in lines if line.strip()]
