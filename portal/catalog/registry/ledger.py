"""Which chunks of a part file are on the disk for good. Not for the bytes themselves.

A line is added after the chunk's bytes were synced, so a kill or a power cut at any moment leaves
either no line, half a line, or a true one.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from portal.catalog.names import Digest
from portal.catalog.storage import files

MAX_LEDGER_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Shape:
    """What a ledger is about. Another size or another chunk means another ledger."""

    digest: Digest
    size_bytes: int
    chunk_bytes: int

    @property
    def chunks(self) -> int:
        return -(-self.size_bytes // self.chunk_bytes)

    def start(self, chunk: int) -> int:
        return chunk * self.chunk_bytes

    def length(self, chunk: int) -> int:
        return min(self.chunk_bytes, self.size_bytes - self.start(chunk))

    @property
    def headline(self) -> str:
        return f"chunks 1 {self.digest} {self.size_bytes} {self.chunk_bytes}"


def path_of(digest: Digest, *, folder: Path) -> Path:
    # Named like the part, so that whoever cleans the folder treats both alike.
    return folder / f"{digest.hex}.part.ledger"


def part_of(digest: Digest, *, folder: Path) -> Path:
    return folder / f"{digest.hex}.part"


def read(shape: Shape, *, folder: Path) -> set[int]:
    """The chunks that are there for good; none when anything about the two files has changed."""
    headline, chunks = _lines(shape.digest, folder=folder)
    if headline != shape.headline or not _is_part_whole(shape, folder=folder):
        return set()
    return {chunk for chunk in chunks if chunk < shape.chunks}


def kept_bytes(digest: Digest, *, size_bytes: int, folder: Path) -> int:
    """How much of this blob is there for good, whatever the chunks it was fetched in."""
    headline, _ = _lines(digest, folder=folder)
    chunk_bytes = headline.rpartition(" ")[2]
    if not chunk_bytes.isdigit() or int(chunk_bytes) == 0:
        return 0
    shape = Shape(digest, size_bytes, int(chunk_bytes))
    return sum(shape.length(chunk) for chunk in read(shape, folder=folder))


def _lines(digest: Digest, *, folder: Path) -> tuple[str, list[int]]:
    try:
        with files.open_regular(path_of(digest, folder=folder)) as file:
            headline, *lines = file.read(MAX_LEDGER_BYTES).decode("ascii").split("\n")
    except (OSError, UnicodeDecodeError):
        return "", []
    # A line that was cut off while it was written lacks its full stop.
    whole = [line[:-1] for line in lines if line.endswith(".")]
    return headline, [int(number) for number in whole if number.isdigit()]


def _is_part_whole(shape: Shape, *, folder: Path) -> bool:
    try:
        return part_of(shape.digest, folder=folder).lstat().st_size == shape.size_bytes
    except OSError:
        return False


def begin(shape: Shape, *, folder: Path) -> None:
    """An empty ledger with its folder entry synced."""
    path = path_of(shape.digest, folder=folder)
    path.unlink(missing_ok=True)
    files.write(path, f"{shape.headline}\n".encode())
    files.sync_folder(folder)


class Ledger:
    """Open for adding."""

    def __init__(self, shape: Shape, *, folder: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path_of(shape.digest, folder=folder), flags)

    def add(self, chunks: list[int]) -> None:
        # The line end comes first: what a full disk cut off must not begin the next number.
        os.write(self._file, "".join(f"\n{chunk}." for chunk in chunks).encode())
        os.fdatasync(self._file)

    def close(self) -> None:
        os.close(self._file)


def remove(digest: Digest, *, folder: Path) -> None:
    """The ledger first: a part without one is fetched again, a ledger without a part would lie."""
    path_of(digest, folder=folder).unlink(missing_ok=True)
    part_of(digest, folder=folder).unlink(missing_ok=True)
