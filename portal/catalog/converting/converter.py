"""The process that converts: llama.cpp's own script, limited, offline and without our secrets.

What it writes has no name until it was read and hashed like any other file (threat E17).
"""

import os
import re
import selectors
import subprocess
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal, cast

from portal.catalog.converting import tool

Kind = Literal["auto", "f32", "f16", "bf16", "q8_0"]
KINDS: tuple[Kind, ...] = ("auto", "f32", "f16", "bf16", "q8_0")

SILENT_SECONDS = 1_800.0
LOOK_SECONDS = 0.5
MARGIN_BYTES = 64 * 1024 * 1024
DATA_BYTES = 6 * 1024**3  # its libraries, and the tokenizer it builds once to look at
BYTES_PER_CPU_SECOND = 1_000_000
KEPT_LINES, MAX_LINE_BYTES = 20, 65_536
_CHILD = Path(__file__).with_name("child.py")
_PERCENT = re.compile(rb"Writing:\s+(\d{1,3})%")
_NOT_KNOWN = re.compile(r"Model (\S{1,100}) is not supported")
_PASSED = frozenset({"LANG", "LD_LIBRARY_PATH", "PATH", "TZ"})
_OWN_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
}


class ConvertingFailed(Exception):
    """The converter said no, died, or fell silent. `architecture` is set if it does not know it."""

    def __init__(self, detail: str, *, architecture: str = "") -> None:
        super().__init__(detail)
        self.architecture = architecture


def result_bytes(size_bytes: int, *, kind: Kind) -> int:
    """The most that the result may have: weights of 16 bits may become 32."""
    return size_bytes * (2 if kind == "f32" else 1) + MARGIN_BYTES


def convert(
    source: Path,
    target: Path,
    *,
    size_bytes: int,
    kind: Kind,
    told: Callable[[int], None],
    raise_if_unwanted: Callable[[], None],
) -> None:
    """Writes `target`; `told` hears percents. Raises `ConvertingFailed`, or why it is unwanted."""
    process = subprocess.Popen(
        _command(source, target, size_bytes=size_bytes, kind=kind),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=source,
        env={**{n: v for n, v in os.environ.items() if n in _PASSED}, **_own_environment(source)},
    )
    try:
        said = _listen(cast("IO[bytes]", process.stderr), told, raise_if_unwanted)
        code = process.wait(timeout=SILENT_SECONDS)
    except subprocess.TimeoutExpired:
        raise ConvertingFailed("it did not end") from None
    finally:
        process.kill()
        process.communicate()
    if code or not target.is_file():
        unknown = _NOT_KNOWN.search(" ".join(said))
        raise ConvertingFailed(
            said[-1] if said else f"it ended with {code}",
            architecture=unknown[1] if unknown else "",
        )


def _command(source: Path, target: Path, *, size_bytes: int, kind: Kind) -> list[str]:
    limits = (
        os.getpid(),
        DATA_BYTES + 3 * size_bytes,
        result_bytes(size_bytes, kind=kind),
        600 + size_bytes // BYTES_PER_CPU_SECOND,
    )
    return [
        *(str(tool.python()), "-s", str(_CHILD), *(str(each) for each in limits)),
        *(str(tool.script()), str(source), "--outfile", str(target), "--outtype", kind),
    ]


def _own_environment(source: Path) -> dict[str, str]:
    """Everything that its libraries like to write goes into the folder that is thrown away."""
    return {**_OWN_ENVIRONMENT, "HOME": str(source), "HF_HOME": str(source / ".cache")}


def _listen(
    pipe: IO[bytes], told: Callable[[int], None], raise_if_unwanted: Callable[[], None]
) -> list[str]:
    """Until it closes its mouth. Returns its last lines; they are of a stranger's making."""
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    unread = b""
    heard_at = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            raise_if_unwanted()
            if not selector.select(LOOK_SECONDS):
                if time.monotonic() - heard_at > SILENT_SECONDS:
                    raise ConvertingFailed("it fell silent")
                continue
            data = os.read(pipe.fileno(), 65_536)
            if not data:
                return list(lines)
            heard_at = time.monotonic()
            *whole, unread = (unread + data).replace(b"\r", b"\n").split(b"\n")
            unread = unread[-MAX_LINE_BYTES:]
            for line in whole:
                _hear(line, lines=lines, told=told)


def _hear(line: bytes, *, lines: deque[str], told: Callable[[int], None]) -> None:
    if found := _PERCENT.match(line):
        told(min(100, int(found[1])))
    elif text := "".join(c for c in line.decode("utf-8", "replace") if c.isprintable())[:300]:
        lines.append(text)
