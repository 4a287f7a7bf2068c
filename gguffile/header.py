"""Reads the header of a GGUF file with suspicion. Loads nothing and trusts no number in it.

Every count is checked against the size of the file and a fixed bound before it is believed, so
that neither memory nor time depends on what a file claims (threat E17). Not the last word: the
engine may still refuse what passes here.
"""

import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from gguffile.kinds import QUANTIZATIONS, TENSOR_TYPES

MAGIC = b"GGUF"
MAX_KEYS = 65_536
MAX_TENSORS = 65_536
MAX_KEY_BYTES = 65_535
MAX_TENSOR_NAME_BYTES = 63  # the engine keeps 64, with the zero at the end
MAX_STRING_BYTES = 16 * 1024 * 1024
MAX_HEADER_BYTES = 512 * 1024 * 1024
MAX_STRINGS = 4_000_000
MAX_KEPT_BYTES = 64 * 1024 * 1024
MAX_DIMENSIONS = 4
MAX_ELEMENTS = 2**62
KEPT_NUMBERS = 4_096  # one for each layer; longer lists are counted and skipped

_BUFFER_BYTES = 1024 * 1024
_STRING, _ARRAY = 8, 9
_RANK = 4  # of the ways to pool
# Number of the type in the file → how struct reads it, little-endian.
_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}


class NotAGguf(ValueError):
    """Not a GGUF that we would hand to the engine. The message says where it went wrong."""


@dataclass(frozen=True, slots=True)
class Array:
    """An array in the metadata: what it holds and how many.

    The elements stay in the file, but for a short list of whole numbers, such as one a layer.
    """

    kind: int
    length: int
    numbers: tuple[int, ...] | None = None


Value = int | float | bool | str | Array


@dataclass(frozen=True, slots=True)
class Tensor:
    name: str
    type_name: str
    shape: tuple[int, ...]
    size_bytes: int
    offset: int


@dataclass(frozen=True, slots=True)
class Header:
    """What the file says about itself, after every number in it was found possible."""

    version: int
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    tensor_bytes: int
    parameter_count: int

    @property
    def architecture(self) -> str:
        return self.text("general.architecture")

    @property
    def kind(self) -> str:
        """`model`, `adapter`, `projector` …; a file that does not say is a model."""
        return self.text("general.type") or "model"

    @property
    def quantization(self) -> str:
        """The name of `general.file_type`; absent or 0 reads `unknown`, as in Ollama."""
        return QUANTIZATIONS.get(self.number("general.file_type") or -1, "unknown")

    @property
    def context_length(self) -> int:
        return self.number(f"{self.architecture}.context_length") or 0

    @property
    def embedding_length(self) -> int:
        return self.number(f"{self.architecture}.embedding_length") or 0

    @property
    def chat_template(self) -> str:
        return self.text("tokenizer.chat_template")

    @property
    def is_embedding_model(self) -> bool:
        return f"{self.architecture}.pooling_type" in self.metadata

    @property
    def is_ranking_model(self) -> bool:
        """Whether it scores a pair of texts instead of giving a vector of one."""
        return self.number(f"{self.architecture}.pooling_type") == _RANK

    @property
    def begin_token_id(self) -> int | None:
        return self.number("tokenizer.ggml.bos_token_id")

    @property
    def end_token_id(self) -> int | None:
        return self.number("tokenizer.ggml.eos_token_id")

    def own(self, key: str, default: int = 0) -> int:
        """A whole number of this architecture that is not negative; a list gives its largest."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        if isinstance(value, Array) and value.numbers is not None:
            value = max(value.numbers, default=default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            return default
        return value

    def own_each(self, key: str, *, count: int, default: int = 0) -> tuple[int, ...]:
        """One for each of `count` layers, whether the file says one for all or lists them."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        if not isinstance(value, Array) or value.numbers is None:
            return (self.own(key, default),) * count
        listed = tuple(max(0, int(one)) for one in value.numbers[:count])
        return listed + (default,) * (count - len(listed))

    def length_of(self, key: str) -> int | None:
        """How long the list under this full name is, or None when there is none."""
        value = self.metadata.get(key)
        return value.length if isinstance(value, Array) else None

    def text(self, key: str) -> str:
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int | None:
        """A whole number that is not negative, or None: nothing else is useful to us."""
        value = self.metadata.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            return None
        return value


def read(path: Path) -> Header:
    """The header of the file at `path`. Raises `NotAGguf` for whatever is in it, `OSError` for the
    disk."""
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
        raise NotAGguf("it is not a file")
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        return read_open(file)


def read_open(file: BinaryIO) -> Header:
    reader = _Reader.of(file)
    if reader.take(4) != MAGIC:
        raise NotAGguf("it does not begin with GGUF")
    version = reader.uint32()
    if version not in (2, 3):
        raise NotAGguf("version 2 or 3 was expected")
    tensor_count, key_count = reader.uint64(), reader.uint64()
    if tensor_count > MAX_TENSORS or key_count > MAX_KEYS:
        raise NotAGguf("too many keys or tensors")
    metadata: dict[str, Value] = {}
    for _ in range(key_count):
        key = reader.string(limit_bytes=MAX_KEY_BYTES)
        if not key or key in metadata:
            raise NotAGguf("an empty key, or the same key twice")
        metadata[key] = reader.value()
    alignment = _alignment(metadata)
    tensors, tensor_bytes = _tensors(reader, count=tensor_count, alignment=alignment)
    _fits(reader, tensors=tensors, alignment=alignment)
    return Header(
        version=version,
        metadata=metadata,
        tensors=tensors,
        tensor_bytes=tensor_bytes,
        parameter_count=sum(_product(tensor.shape) for tensor in tensors),
    )


def _alignment(metadata: Mapping[str, Value]) -> int:
    alignment = metadata.get("general.alignment", 32)
    if isinstance(alignment, bool) or not isinstance(alignment, int):
        raise NotAGguf("general.alignment is not a number")
    if not 1 <= alignment <= 2**20 or alignment & (alignment - 1):
        raise NotAGguf("general.alignment is not a power of two in reach")
    return alignment


def _tensors(reader: "_Reader", *, count: int, alignment: int) -> tuple[tuple[Tensor, ...], int]:
    tensors: list[Tensor] = []
    names: set[str] = set()
    end = 0
    for _ in range(count):
        tensor = _tensor(reader)
        if tensor.name in names:
            raise NotAGguf("the same tensor twice")
        # The engine demands this too: one after the other, without holes and without overlap.
        if tensor.offset != end:
            raise NotAGguf("tensors overlap or leave a hole")
        names.add(tensor.name)
        tensors.append(tensor)
        end += _padded(tensor.size_bytes, alignment=alignment)
    return tuple(tensors), sum(tensor.size_bytes for tensor in tensors)


def _tensor(reader: "_Reader") -> Tensor:
    name = reader.string(limit_bytes=MAX_TENSOR_NAME_BYTES)
    dimensions = reader.uint32()
    if dimensions > MAX_DIMENSIONS:
        raise NotAGguf("a tensor with too many dimensions")
    shape = tuple(reader.uint64() for _ in range(dimensions))
    if 0 in shape:  # the engine divides by it
        raise NotAGguf("a tensor of nothing")
    elements = _product(shape)
    if elements > MAX_ELEMENTS or any(length > MAX_ELEMENTS for length in shape):
        raise NotAGguf("a tensor larger than any memory")
    tensor_type = TENSOR_TYPES.get(reader.uint32())
    if tensor_type is None:
        raise NotAGguf("a tensor of an unknown type")
    if shape and shape[0] % tensor_type.block_elements:
        raise NotAGguf("a tensor whose rows are not whole blocks")
    size_bytes = elements // tensor_type.block_elements * tensor_type.block_bytes
    return Tensor(name, tensor_type.name, shape, size_bytes, reader.uint64())


def _fits(reader: "_Reader", *, tensors: tuple[Tensor, ...], alignment: int) -> None:
    if not tensors:
        return
    start = _padded(reader.position, alignment=alignment)
    last = tensors[-1]
    if start + last.offset + last.size_bytes > reader.file_bytes:
        raise NotAGguf("the file is shorter than its tensors")


def _padded(size_bytes: int, *, alignment: int) -> int:
    return -(-size_bytes // alignment) * alignment


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for length in shape:
        product *= length
    return product


class _Reader:
    """Hands out bytes in order and never more than the file has."""

    def __init__(self, file: BinaryIO, *, file_bytes: int) -> None:
        self._file = file
        self.file_bytes = file_bytes
        self.position = 0
        self._strings_left = MAX_STRINGS
        self._kept_bytes_left = MAX_KEPT_BYTES

    @classmethod
    def of(cls, file: BinaryIO) -> Self:
        file_bytes = file.seek(0, 2)
        file.seek(0)
        return cls(file, file_bytes=file_bytes)

    def take(self, size_bytes: int) -> bytes:
        self._advance(size_bytes)
        data = self._file.read(size_bytes)
        if len(data) != size_bytes:
            raise NotAGguf("the file became shorter while it was read")
        return data

    def skip(self, size_bytes: int) -> None:
        self._advance(size_bytes)
        self._file.seek(self.position)

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def uint64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def string(self, *, limit_bytes: int = MAX_STRING_BYTES) -> str:
        length = self.uint64()
        if length > limit_bytes:
            raise NotAGguf("a text that is too long")
        self._kept_bytes_left -= length
        if self._kept_bytes_left < 0:
            raise NotAGguf("too much text")
        # Real files hold single bytes of characters in their vocabulary; no reason to refuse them.
        return self.take(length).decode("utf-8", errors="replace")

    def value(self) -> Value:
        kind = self.uint32()
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self._array()
        return self._scalar(kind)

    def _scalar(self, kind: int) -> int | float | bool:
        shape = _SCALARS.get(kind)
        if shape is None:
            raise NotAGguf("a value of an unknown type")
        (value,) = struct.unpack(shape, self.take(struct.calcsize(shape)))
        if not isinstance(value, int | float):
            raise NotAGguf("a value of an unknown type")
        return value

    def _array(self) -> Array:
        kind, length = self.uint32(), self.uint64()
        if kind == _STRING:
            self._strings_left -= length
            if self._strings_left < 0:
                raise NotAGguf("too many texts")
            for _ in range(length):
                self._skip_string()
        elif kind in _SCALARS:
            return Array(kind, length, self._numbers(kind, length))
        else:
            raise NotAGguf("an array of an unknown type, or of arrays")
        return Array(kind, length)

    def _numbers(self, kind: int, length: int) -> tuple[int, ...] | None:
        form = _SCALARS[kind][1:]
        if length > KEPT_NUMBERS or form in "fd":
            self.skip(length * struct.calcsize("<" + form))
            return None
        return struct.unpack(f"<{length}{form}", self.take(length * struct.calcsize("<" + form)))

    def _skip_string(self) -> None:
        length = self.uint64()
        if length > MAX_STRING_BYTES:
            raise NotAGguf("a text that is too long")
        # Read, not sought: a seek would throw the buffer away for each of 50,000 short texts.
        self.take(length)

    def _advance(self, size_bytes: int) -> None:
        after = self.position + size_bytes
        if after > self.file_bytes:
            raise NotAGguf("the file ends in the middle of its header")
        if after > MAX_HEADER_BYTES:
            raise NotAGguf("the header is too long")
        self.position = after
