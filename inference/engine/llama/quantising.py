"""One file of weights into another of a smaller kind, by llama.cpp's own quantiser.

Not for where it may write or how long it may take: that is the process around it.
"""

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

from inference.engine.backend import BackendError
from inference.engine.llama.library import lib, overheard, start
from inference.protocol.quantising import Quantisation

# As `enum llama_ftype` numbers them.
_FILE_TYPES: dict[Quantisation, int] = {
    "F32": 0,
    "F16": 1,
    "BF16": 32,
    "Q8_0": 7,
    "Q4_K_S": 14,
    "Q4_K_M": 15,
}
# Rows of one tensor that are in memory at once; the library's own choice is 8 GiB.
_BUFFER_BYTES = 256 * 1024 * 1024
_BEGUN = re.compile(r"\[ *\d+/ *\d+\] +(\S+) +- \[")


def quantise(
    source: Path,
    target: Path,
    *,
    quantisation: Quantisation,
    threads: int,
    begun: Callable[[str], None],
) -> None:
    """`begun` is told the name of each tensor, in the order in which they are written."""
    start()
    last_words = ""

    def hear(line: str) -> None:
        nonlocal last_words
        last_words = line or last_words
        if found := _BEGUN.match(line):
            begun(found.group(1))

    params = lib.llama_model_quantize_default_params()
    params.nthread = threads
    params.ftype = _FILE_TYPES[quantisation]
    params.max_buf_size = _BUFFER_BYTES
    with overheard(hear):
        code = lib.llama_model_quantize(
            str(source).encode(), str(target).encode(), ctypes.byref(params)
        )
    if code != 0:
        raise BackendError(last_words)
