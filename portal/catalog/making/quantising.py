"""Asks llama.cpp's quantiser for a smaller file, in a process that may be lost (threat E17).

The process is the worker's program, known here by its name and by what it says
(`inference/protocol/quantising.py`). What it writes has no name until it was read and hashed again.
"""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from gguffile.header import MAX_HEADER_BYTES
from inference.protocol import ProtocolError, encode
from inference.protocol.quantising import (
    NotQuantised,
    Quantisation,
    Quantised,
    QuantiseOrder,
    Quantising,
    decode_said_by_quantiser,
)
from portal.catalog.papers import gguf
from portal.catalog.storage.store import Staged, Store

SILENT_SECONDS = 900.0  # the largest tensor, on a slow disk
LOOK_SECONDS = 0.5
MAX_LINE_BYTES = 4_096
BYTES_PER_CPU_SECOND = 1_000_000  # slower than any processor that could run the result
DATA_BYTES = 4 * 1024**3
MARGIN_BYTES = 64 * 1024 * 1024
MAX_THREADS = 4
KINDS: Mapping[str, Quantisation] = {
    "F32": "F32",
    "F16": "F16",
    "BF16": "BF16",
    "Q8_0": "Q8_0",
    "Q4_K_S": "Q4_K_S",
    "Q4_K_M": "Q4_K_M",
    "Q4_K": "Q4_K_M",
}
SOURCES = ("F16", "BF16", "F32")
# An upper bound of the result's size, in bits a weight: tensors of odd sizes stay wider.
_BITS: Mapping[Quantisation, int] = {
    "F32": 32,
    "F16": 17,
    "BF16": 17,
    "Q8_0": 10,
    "Q4_K_S": 10,
    "Q4_K_M": 10,
}
_ROOT = Path(__file__).resolve().parents[3]
_PASSED = frozenset({"LANG", "LD_LIBRARY_PATH", "PATH", "TZ", "VIRTUAL_ENV"})
_PASSED_BEGINNINGS = ("GGML_", "LC_", "LLAMA_", "OMP_", "PYTHON")
_OWN_ENVIRONMENT = {
    **dict.fromkeys(("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"), "-1"),
    "GGML_VK_VISIBLE_DEVICES": "",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class QuantisingFailed(Exception):
    """The quantiser said no, died, or fell silent. The message is its last word."""


def source_kind(header: gguf.Header) -> str:
    """F16, BF16, F32 … A file that calls itself 0 is F32, which lists show as unknown."""
    if header.number("general.file_type") == 0:
        return "F32"
    return header.quantization


def quantised(
    store: Store,
    source: Path,
    *,
    header: gguf.Header,
    to: Quantisation,
    told: Callable[[int], None],
    raise_if_unwanted: Callable[[], None],
) -> Staged:
    """The result, staged, hashed and synced. `told` counts the bytes of `source` that are done.

    Room for the whole result is asked for first (threat E12); on any failure nothing of it stays.
    """
    store.reserve(largest_result(header, to=to))
    target = store.new_staged()
    try:
        _run(
            _order(source, target, header=header, to=to),
            told=_Sizes(header, told),
            raise_if_unwanted=raise_if_unwanted,
        )
        return store.finish_staged(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def largest_result(header: gguf.Header, *, to: Quantisation) -> int:
    """Bytes that the result has at most: what is not a weight matrix stays as wide as it is."""
    small = sum(tensor.size_bytes * 2 for tensor in header.tensors if len(tensor.shape) < 2)
    return header.parameter_count * _BITS[to] // 8 + small + MARGIN_BYTES


class _Sizes:
    """Names of tensors that were begun, to bytes of the source that are done."""

    def __init__(self, header: gguf.Header, told: Callable[[int], None]) -> None:
        self._size_bytes = {tensor.name: tensor.size_bytes for tensor in header.tensors}
        self._told = told
        self._done_bytes = self._begun_bytes = 0

    def __call__(self, name: str) -> None:
        self._done_bytes += self._begun_bytes
        # Taken out: a name that is said twice counts once.
        self._begun_bytes = self._size_bytes.pop(name, 0)
        self._told(self._done_bytes)


def _order(source: Path, target: Path, *, header: gguf.Header, to: Quantisation) -> QuantiseOrder:
    size_bytes = source.stat().st_size
    return QuantiseOrder(
        parent_pid=os.getpid(),
        source=str(source),
        target=str(target),
        quantisation=to,
        threads=max(1, min(MAX_THREADS, os.cpu_count() or 1)),
        # The header comes twice: room for it is kept first, and it is written at the end.
        file_bytes=largest_result(header, to=to) + MAX_HEADER_BYTES,
        data_bytes=DATA_BYTES,
        cpu_seconds=300 + size_bytes // BYTES_PER_CPU_SECOND,
    )


def _run(
    order: QuantiseOrder, *, told: Callable[[str], None], raise_if_unwanted: Callable[[], None]
) -> None:
    """Raises `QuantisingFailed` unless the process said that it is done, and ended well."""
    process = _spawn()
    try:
        with suppress(BrokenPipeError):  # it is gone; the exit is noticed below
            stdin = cast("IO[bytes]", process.stdin)
            stdin.write(encode(order) + b"\n")
            stdin.flush()
        pipe = cast("IO[bytes]", process.stdout)
        is_done = _listen(pipe, told=told, raise_if_unwanted=raise_if_unwanted)
        if process.wait(timeout=SILENT_SECONDS) != 0 or not is_done:
            raise QuantisingFailed(f"the quantiser ended with {process.returncode}")
    except subprocess.TimeoutExpired:
        raise QuantisingFailed("the quantiser did not end") from None
    finally:
        process.kill()
        process.communicate()


def _listen(
    pipe: IO[bytes], *, told: Callable[[str], None], raise_if_unwanted: Callable[[], None]
) -> bool:
    """Until it closes its mouth. True when it said that it is done."""
    is_done = False
    unread = b""
    heard_at = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            raise_if_unwanted()
            if not selector.select(LOOK_SECONDS):
                if time.monotonic() - heard_at > SILENT_SECONDS:
                    raise QuantisingFailed("the quantiser fell silent")
                continue
            data = os.read(pipe.fileno(), 65_536)
            if not data:
                return is_done
            heard_at = time.monotonic()
            *lines, unread = (unread + data).split(b"\n")
            if len(unread) > MAX_LINE_BYTES:
                raise QuantisingFailed("the quantiser babbles")
            for line in lines:
                is_done = _hear(line, told=told) or is_done


def _hear(line: bytes, *, told: Callable[[str], None]) -> bool:
    try:
        said = decode_said_by_quantiser(line)
    except ProtocolError:
        raise QuantisingFailed("the quantiser babbles") from None
    match said:
        case NotQuantised(reason=reason):
            raise QuantisingFailed(reason)
        case Quantising(tensor=tensor):
            told(tensor)
    return isinstance(said, Quantised)


def _spawn() -> "subprocess.Popen[bytes]":
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED or name.startswith(_PASSED_BEGINNINGS)
    }
    return subprocess.Popen(
        [sys.executable, "-m", "inference.quantising"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd=_ROOT,
        env={**environment, **_OWN_ENVIRONMENT},
    )
