"""A warm child process for work on strangers' bytes: asked, answered, replaced when it dies of it.

Both ends are here: `LimitedChild` for whoever asks, `serve` for the module that does the work in
the child. Not for what the work is.
"""

import importlib
import os
import resource
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

_LENGTH = struct.Struct(">Q")
_ROOT = Path(__file__).resolve().parents[2]
_READ_BYTES = 1024 * 1024


class ChildDied(Exception):
    """It went past a limit, or crashed, with the question. The next one finds a new child."""


class LimitedChild:
    """`module` has a `main` that calls `serve`. It starts at once, so the first question is quick.

    `wall_seconds` is only a net below the child's own limit of processor time, which a busy machine
    does not stretch.
    """

    def __init__(
        self, module: str, *, wall_seconds: float = 20.0, max_answer_bytes: int = 256 * 1024 * 1024
    ) -> None:
        self._module = module
        self._wall_seconds = wall_seconds
        self._max_answer_bytes = max_answer_bytes
        self._child = self._start()
        self._is_ready = False

    @property
    def pid(self) -> int:
        return self._child.pid

    def ask(self, question: bytes) -> bytes:
        """The answer, or ChildDied. A child that died before it had the question is no answer."""
        if self._child.poll() is not None:
            self._restart()
        try:
            if not self._has_taken(question):
                self._restart()
                if not self._has_taken(question):
                    raise EOFError
            return self._receive()
        except (OSError, EOFError, ValueError):
            self._restart()
            raise ChildDied from None

    def close(self) -> None:
        self._child.kill()
        self._child.communicate()

    def _has_taken(self, question: bytes) -> bool:
        """Whether it said that it has the question; not when it was dead before."""
        try:
            if not self._is_ready:
                self._receive()
                self._is_ready = True
            _write_all(cast(BinaryIO, self._child.stdin), _framed(question))
            self._receive()
        except (BrokenPipeError, EOFError):
            return False
        return True

    def _start(self) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen(
            [sys.executable, "-m", "inference.engine.limited"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=_ROOT,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        )
        _write_all(cast(BinaryIO, child.stdin), _framed(self._module.encode()))
        return child

    def _restart(self) -> None:
        self.close()
        self._child = self._start()
        self._is_ready = False

    def _receive(self) -> bytes:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > self._max_answer_bytes:
            raise ValueError(length)
        return self._exactly(length)

    def _exactly(self, wanted: int) -> bytes:
        pipe = cast(BinaryIO, self._child.stdout)
        parts: list[bytes] = []
        while wanted:
            ready, _, _ = select.select([pipe], [], [], self._wall_seconds)
            if not ready:
                raise TimeoutError
            part = pipe.read(min(wanted, _READ_BYTES))
            if not part:
                raise EOFError
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)


def serve(answer: Callable[[bytes], bytes], *, cpu_seconds: float, memory_bytes: int) -> None:
    """In the child: answer questions until nobody asks. All imports must have happened before.

    From here on there are no new files or sockets, no children, no core file, bounded memory, and
    so much processor time for each question.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    _write_all(answers, _framed(b""))
    while (question := _read(questions)) is not None:
        _write_all(answers, _framed(b""))
        # The default action of SIGPROF ends the process, even inside one long operation of C code.
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        reply = answer(question)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write_all(answers, _framed(reply))


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    return stream.read(length)


def _framed(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _write_all(pipe: BinaryIO, data: bytes) -> None:
    """All of it, also where the pipe is not buffered and takes less at a time."""
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) or 0 :]
    pipe.flush()


if __name__ == "__main__":
    named = _read(sys.stdin.buffer)
    if named is not None:
        importlib.import_module(named.decode()).main()
