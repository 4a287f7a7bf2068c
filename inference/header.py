"""Reads of a GGUF file what its memory depends on, with suspicion. Loads nothing, keeps no text.

Every count is checked against the size of the file and a fixed bound before it is believed, so
that neither memory nor time depends on what a file claims (threat E17). Not the portal's reader:
the worker may run on another host, and wants only numbers.
"""

import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_KEYS = 65_536
MAX_TENSORS = 65_536
MAX_NAME_BYTES = 65_535
MAX_STRINGS = 4_000_000
MAX_STRING_BYTES = 16 * 1024 * 1024
MAX_HEADER_BYTES = 512 * 1024 * 1024
KEPT_NUMBERS = 4_096  # one for each layer; longer lists are counted and skipped
KEPT_STRING_BYTES = 256

_BUFFER_BYTES = 1024 * 1024
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
_SCALARS[12] = "d"
_MAX_DIMENSIONS = 4

Value = int | float | bool | str | tuple[int, ...] | None


class BadHeader(ValueError):
    """Not a GGUF that could be loaded. The message says where it went wrong, never its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """`values` holds numbers, short texts and lists of whole numbers; None for what was skipped.

    `lengths` says how long each list is. `tensors` is name and bytes, in the order of the file.
    """

    values: Mapping[str, Value]
    lengths: Mapping[str, int]
    tensors: tuple[tuple[str, int], ...]

    @property
    def architecture(self) -> str:
        name = self.values.get("general.architecture")
        return name if isinstance(name, str) else ""

    def number(self, key: str, default: int = 0) -> int:
        """A whole number of this architecture that is not negative; a list gives its largest."""
        value = self.values.get(f"{self.architecture}.{key}")
        if isinstance(value, tuple):
            value = max(value, default=default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            return default
        return value

    def numbers(self, key: str, *, count: int, default: int = 0) -> tuple[int, ...]:
        """One for each of `count` layers, whether the file says one for all or lists them."""
        value = self.values.get(f"{self.architecture}.{key}")
        if not isinstance(value, tuple):
            return (self.number(key, default),) * count
        listed = tuple(max(0, int(one)) for one in value[:count])
        return listed + (default,) * (count - len(listed))


def read(path: Path) -> Header:
    """The header of this file. Raises `BadHeader` for whatever is in it, `OSError` for the disk."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        raise BadHeader("not a file")
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        return _read(_Reader(file, file_bytes=status.st_size))


def _read(reader: "_Reader") -> Header:
    if reader.take(4) != b"GGUF" or reader.number("I") not in (2, 3):
        raise BadHeader("not a GGUF of version 2 or 3")
    tensor_count, key_count = reader.number("Q"), reader.number("Q")
    if tensor_count > MAX_TENSORS or key_count > MAX_KEYS:
        raise BadHeader("too many keys or tensors")
    values: dict[str, Value] = {}
    lengths: dict[str, int] = {}
    for _ in range(key_count):
        key = reader.string(limit_bytes=MAX_NAME_BYTES).decode("utf-8", "replace")
        values[key] = reader.value()
        if reader.list_length is not None:
            lengths[key] = reader.list_length
    return Header(values=values, lengths=lengths, tensors=_tensors(reader, tensor_count, values))


def _tensors(
    reader: "_Reader", count: int, values: Mapping[str, Value]
) -> tuple[tuple[str, int], ...]:
    """What lies between two offsets is the size: no table of kinds, which change every month."""
    found = []
    for _ in range(count):
        name = reader.string(limit_bytes=MAX_NAME_BYTES).decode("utf-8", "replace")
        dimensions = reader.number("I")
        if dimensions > _MAX_DIMENSIONS:
            raise BadHeader("a tensor with too many dimensions")
        reader.take(8 * dimensions + 4)
        found.append((name, reader.number("Q")))
    alignment = values.get("general.alignment", 32)
    if isinstance(alignment, bool) or not isinstance(alignment, int) or not 1 <= alignment <= 2**20:
        raise BadHeader("an alignment out of reach")
    data_bytes = reader.file_bytes - -(-reader.position // alignment) * alignment
    ends = [offset for _, offset in found[1:]] + [data_bytes]
    sizes = tuple((name, end - offset) for (name, offset), end in zip(found, ends, strict=False))
    if any(size < 0 for _, size in sizes):
        raise BadHeader("tensors overlap, or the file is shorter than they are")
    return sizes


class _Reader:
    """Hands out bytes in order, never more than the file has."""

    def __init__(self, file: BinaryIO, *, file_bytes: int) -> None:
        self._file = file
        self.file_bytes = file_bytes
        self.position = 0
        self.list_length: int | None = None
        self._strings_left = MAX_STRINGS

    def take(self, size_bytes: int) -> bytes:
        self.position += size_bytes
        if self.position > min(self.file_bytes, MAX_HEADER_BYTES):
            raise BadHeader("the file ends in the middle of its header")
        data = self._file.read(size_bytes)
        if len(data) != size_bytes:
            raise BadHeader("the file became shorter while it was read")
        return data

    def number(self, form: str) -> int:
        return int.from_bytes(self.take(struct.calcsize("<" + form)), "little")

    def string(self, *, limit_bytes: int = MAX_STRING_BYTES) -> bytes:
        length = int.from_bytes(self.take(8), "little")
        if length > limit_bytes:
            raise BadHeader("a text that is too long")
        return self.take(length)

    def value(self) -> Value:
        kind = self.number("I")
        self.list_length = None
        if kind == _ARRAY:
            return self._list()
        if kind == _STRING:
            text = self.string()
            return text.decode("utf-8", "replace") if len(text) <= KEPT_STRING_BYTES else None
        form = _form(kind)
        (value,) = struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))
        return value if isinstance(value, int | float) else None

    def _list(self) -> Value:
        kind, length = self.number("I"), self.number("Q")
        self.list_length = length
        if kind == _STRING:
            self._strings_left -= length
            if self._strings_left < 0:
                raise BadHeader("too many texts")
            for _ in range(length):
                self.string()
            return None
        form = _form(kind)
        each_bytes = struct.calcsize("<" + form)
        if length > KEPT_NUMBERS or form in "fd":
            self._skip(length * each_bytes)
            return None
        return struct.unpack(f"<{length}{form}", self.take(length * each_bytes))

    def _skip(self, size_bytes: int) -> None:
        while size_bytes > 0:
            size_bytes -= len(self.take(min(size_bytes, _BUFFER_BYTES)))


def _form(kind: int) -> str:
    form = _SCALARS.get(kind)
    if form is None:
        raise BadHeader("a value of an unknown type, or a list of lists")
    return form
