"""The library itself, imported here and nowhere else, so that only this package can abort.

Not for calls of it: they stand in the modules beside this one, each reading its return codes.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator

# How long threads wait for each other in a busy loop before they sleep; read as the library loads.
# A thread that sleeps gives its core away, one that spins keeps it from the rest of the portal.
# On two cores, tokens/s through the whole portal with 1, 4 and 16 people at once: 10,000 turns
# 88, 97 and 80, 100,000 turns 103, 98 and 112, libgomp's own 300,000 turns 79, 111 and 121.
os.environ.setdefault("GOMP_SPINCOUNT", "100000")
# When it aborts it calls the machine's debugger, which takes seconds, may ask the network for
# symbols, and prints what functions were given: somebody's text (threat F21).
os.environ["GGML_NO_BACKTRACE"] = "1"

from llama_cpp import llama_cpp as lib
from llama_cpp import mtmd_cpp as mtmd
from llama_cpp._ggml import libggml as ggml

__all__ = ["ggml", "lib", "listen", "mtmd", "overheard", "start"]

log = logging.getLogger("inference.llama")
_ERROR_LEVEL = 4
_ears: list[Callable[[str], None]] = []
_listeners: list[Callable[[str], None]] = []


def listen(ear: Callable[[str], None]) -> None:
    """Each error that the library prints is told to `ear` from now on, in whatever thread."""
    _ears[:] = [ear]


@contextlib.contextmanager
def overheard(listener: Callable[[str], None]) -> Iterator[None]:
    """Every line that the library prints meanwhile is told to `listener`."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def start() -> None:
    """Before the first model of a process. A second time changes nothing."""
    lib.llama_log_set(_log_callback, None)
    mtmd.mtmd_log_set(_log_callback, None)
    mtmd.mtmd_helper_log_set(_log_callback, None)
    lib.llama_backend_init()


@lib.llama_log_callback  # type: ignore[untyped-decorator] # llama_cpp has no types
def _log_callback(level: int, text: bytes, _: object) -> None:
    """Its news are of interest to whoever debugs; only errors are to anyone else."""
    line = text.decode("utf-8", "replace").strip()
    if line:
        log.log(logging.ERROR if level == _ERROR_LEVEL else logging.DEBUG, "%s", line)
        for ear in (*_listeners, *(_ears if level == _ERROR_LEVEL else ())):
            ear(line)
