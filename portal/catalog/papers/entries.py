"""The metadata of a GGUF entry by entry: where each lies in the file, and what its arrays hold.

Only for files whose header `gguf.read` has found sound a moment ago: nothing is doubted again here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

_STRING, _ARRAY = 8, 9
# Number of the type in the file → how struct reads it.
_LETTERS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
_HEAD_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key and its value: the bytes from `start` to `end`. `value` is None when passed over."""

    key: str
    start: int
    end: int
    value: Any


def entries(file: BinaryIO, *, with_arrays: bool) -> Iterator[Entry]:
    """All of them in order; the file stands behind the last one afterwards."""
    file.seek(0)
    (count,) = struct.unpack("<16xQ", file.read(_HEAD_BYTES))
    for _ in range(count):
        start = file.tell()
        key = _text(file)
        (kind,) = _numbers(file, "I")
        value = _array(file, with_arrays=with_arrays) if kind == _ARRAY else _single(file, kind)
        yield Entry(key=key, start=start, end=file.tell(), value=value)


def tensor_entry(file: BinaryIO) -> tuple[bytes, int]:
    """The description of one tensor without its place, and its place."""
    start = file.tell()
    _text(file)
    (dimensions,) = _numbers(file, "I")
    file.seek(dimensions * 8 + 4, 1)
    size = file.tell() - start
    file.seek(start)
    description = file.read(size)
    (offset,) = _numbers(file, "Q")
    return description, int(offset)


def _array(file: BinaryIO, *, with_arrays: bool) -> list[Any] | None:
    kind, length = _numbers(file, "IQ")
    if kind == _STRING:
        texts = [_text(file) for _ in range(length)]
        return texts if with_arrays or not texts else None
    letter = _LETTERS[kind]
    data = file.read(length * struct.calcsize(f"<{letter}"))
    if length and not with_arrays:
        return None
    return list(struct.unpack(f"<{length}{letter}", data))


def _single(file: BinaryIO, kind: int) -> Any:
    return _text(file) if kind == _STRING else _numbers(file, _LETTERS[kind])[0]


def _text(file: BinaryIO) -> str:
    (length,) = _numbers(file, "Q")
    return file.read(length).decode("utf-8", errors="replace")


def _numbers(file: BinaryIO, letters: str) -> tuple[Any, ...]:
    return struct.unpack(f"<{letters}", file.read(struct.calcsize(f"<{letters}")))
