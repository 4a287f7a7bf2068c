"""A GGUF that came in parts (`name-00001-of-00003.gguf`, …) becomes one file again.

As it was before it was split, to the byte. Reads files that an operator named; stores nothing.
"""

import os
import re
import struct
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from portal.catalog.papers import gguf
from portal.catalog.papers.entries import entries, tensor_entry
from portal.catalog.storage import files

MAX_PARTS = 1000
DEFAULT_ALIGNMENT = 32
_NAME = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.ASCII | re.DOTALL)
_OF_THE_SPLIT = frozenset(("split.no", "split.count", "split.tensors.count"))


class NotTheseParts(gguf.NotAGguf):
    """The parts are not all there, or not of one model. The message says what is wrong."""


def of(path: Path) -> list[Path]:
    """All parts of the model, when `path` is its first; empty for any other file."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        return []
    stem, number, count = found[1], int(found[2]), int(found[3])
    if number != 1 or not 1 <= count <= MAX_PARTS:
        raise NotTheseParts(f"name the first of its parts, {stem}-00001-of-{count:05d}.gguf")
    paths = [
        path.with_name(f"{stem}-{each:05d}-of-{count:05d}.gguf") for each in range(1, count + 1)
    ]
    missing = [each.name for each in paths if not files.is_regular(each)]
    if missing:
        raise NotTheseParts(f"{missing[0]} is missing beside it")
    return paths


def merge(paths: Sequence[Path], *, target: Path, reserve: Callable[[int], None]) -> None:
    """Write the whole file to `target`, which does not exist yet. Memory stays flat."""
    with ExitStack() as opened:
        parts = [opened.enter_context(files.open_regular(path)) for path in paths]
        headers = [gguf.read_open(part) for part in parts]
        _refuse_strangers(headers)
        reserve(sum(os.fstat(part.fileno()).st_size for part in parts))
        alignment = headers[0].metadata.get("general.alignment", 32)
        with files.create(target) as file:
            _write(
                file, parts, headers, alignment=int(alignment) if isinstance(alignment, int) else 32
            )


def _refuse_strangers(headers: Sequence[gguf.Header]) -> None:
    """Each part says which of how many it is, and together they have every tensor once."""
    for number, header in enumerate(headers):
        if header.number("split.no") != number or header.number("split.count") != len(headers):
            raise NotTheseParts(
                f"part {number + 1} says that it is another part, or of another model"
            )
    names = [tensor.name for header in headers for tensor in header.tensors]
    promised = headers[0].number("split.tensors.count")
    if len(set(names)) != len(names) or promised not in (None, len(names)):
        raise NotTheseParts("together they do not have the tensors of one model")


def _write(
    file: BinaryIO,
    parts: Sequence[BufferedReader],
    headers: Sequence[gguf.Header],
    *,
    alignment: int,
) -> None:
    kept, descriptions, starts = _heads(parts, alignment=alignment)
    tensor_count = sum(len(each) for each in descriptions)
    file.write(b"GGUF" + struct.pack("<IQQ", headers[0].version, tensor_count, len(kept)))
    for start, end in kept:
        files.copy_range(parts[0], start, end - start, file)
    offset = 0
    for header, described in zip(headers, descriptions, strict=True):
        for tensor, description in zip(header.tensors, described, strict=True):
            file.write(description + struct.pack("<Q", offset))
            offset += _padded(tensor.size_bytes, alignment)
    _pad(file, alignment)
    for part, header, start in zip(parts, headers, starts, strict=True):
        for tensor in header.tensors:
            files.copy_range(part, start + tensor.offset, tensor.size_bytes, file)
            _pad(file, alignment)


def _heads(
    parts: Sequence[BufferedReader], *, alignment: int
) -> tuple[list[tuple[int, int]], list[list[bytes]], list[int]]:
    """The first part's metadata without what is about the split; every part's tensors; and where
    its data begin."""
    kept: list[tuple[int, int]] = []
    descriptions, starts = [], []
    for number, part in enumerate(parts):
        for entry in entries(part, with_arrays=False):
            if number == 0 and entry.key not in _OF_THE_SPLIT:
                kept.append((entry.start, entry.end))
        behind = part.tell()
        part.seek(8)
        (count,) = struct.unpack("<Q", part.read(8))
        part.seek(behind)
        descriptions.append([tensor_entry(part)[0] for _ in range(count)])
        starts.append(_padded(part.tell(), alignment))
    return kept, descriptions, starts


def _padded(size_bytes: int, alignment: int) -> int:
    return -(-size_bytes // alignment) * alignment


def _pad(file: BinaryIO, alignment: int) -> None:
    file.write(b"\0" * (-file.tell() % alignment))
