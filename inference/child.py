"""One runner process as its supervisor sees it: spawned, listened to, ended. Decides nothing."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import msgspec

from inference import protocol, words

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 64 * 1024
# What a runner may know of the environment: never database addresses, keys or first passwords.
_PASSED = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "PORTAL_FAULTS", "PORTAL_HOME"),
        *("REDIS_URL", "TMPDIR", "TZ", "VIRTUAL_ENV", "XDG_CACHE_HOME"),
    }
)
_PASSED_BEGINNINGS = (
    *("CUDA_", "GGML_", "GOMP_", "GPU_", "HIP_", "HSA_", "INFERENCE_", "LC_", "LLAMA_", "NVIDIA_"),
    *("OLLAMA_", "OMP_", "PYTHON", "ROCR_", "VK_"),
)


@dataclass(slots=True, kw_only=True)
class Told:
    """What the runner has said of itself so far. Written by the reading thread only."""

    state: Literal["loading", "ready"] = "loading"
    progress: float = 0.0
    progress_at: float
    heard_at: float
    model_name: str
    failure: str = ""
    steps: int = 0
    slots: int = 0
    context_length: int = 0
    size_bytes: int = 0
    vram_bytes: int = 0
    ready_at: float = 0.0
    idle_since: float = 0.0
    has_served: bool = False
    held: dict[UUID, int] = field(default_factory=dict)
    batch: frozenset[UUID] = frozenset()


class Child:
    """A process of `inference.runner`. Its words arrive in a thread and call `on_word`."""

    def __init__(
        self,
        launch: words.Launch,
        *,
        environment: Mapping[str, str],
        on_word: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.runner = launch.runner
        self.spec = launch.spec
        self.started_at = clock()
        self.is_draining = False
        self.is_condemned = False  # the supervisor ended it for silence
        self.told = Told(
            progress_at=self.started_at, heard_at=self.started_at, model_name=launch.model_name
        )
        self._clock = clock
        self._on_word = on_word
        ear, mouth = os.pipe()
        try:
            # From the main thread: Linux ends the child when the thread that made it ends.
            self.process = spawn(
                "inference.runner", mouth=mouth, environment=passed_environment(environment)
            )
        except BaseException:
            os.close(ear)
            raise
        finally:
            os.close(mouth)
        self._order(msgspec.json.encode(launch) + b"\n")
        self._reader = threading.Thread(target=self._listen, args=(ear,), daemon=True)
        self._reader.start()

    @property
    def queue(self) -> str:
        return self.spec.queue

    @property
    def pid(self) -> int:
        return self.process.pid

    def drain(self) -> None:
        """Take nothing more, finish everything, end. A second time: nothing happens."""
        if not self.is_draining:
            self.is_draining = True
            self._order(words.DRAIN)

    def terminate(self) -> None:
        """End within the grace time; what has not begun goes back to the queue."""
        self.is_draining = True
        self._signal(signal.SIGTERM)

    def abandon(self) -> None:
        """While it loads it holds nobody, and may not hear: end it at once."""
        self.is_draining = True
        self.kill()

    def condemn(self) -> None:
        """End it for its silence."""
        self.is_condemned = True
        self.kill()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def exit_status(self) -> int | None:
        """As `Popen.returncode`, once all its last words have been read; None while it lives."""
        if self.process.poll() is None:
            return None
        self._reader.join(timeout=5)
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        return self.process.returncode

    def silent_seconds(self) -> float:
        """For how long it has not said anything, or while loading, made no progress."""
        since = self.told.heard_at if self.told.state == "ready" else self.told.progress_at
        return self._clock() - since

    def forgive_silence(self) -> None:
        """We were not listening ourselves; it begins anew."""
        self.told.heard_at = self.told.progress_at = self._clock()

    def held(self) -> tuple[protocol.Held, ...]:
        """Who is aboard, for a death report. Final once the process is gone."""
        told = self.told
        return tuple(
            protocol.Held(
                generation_id=generation_id,
                attempt=attempt,
                in_batch=generation_id in told.batch,
                alone=told.batch == {generation_id},
            )
            for generation_id, attempt in dict(told.held).items()
        )

    def _order(self, line: bytes) -> None:
        stdin = self.process.stdin
        if stdin is not None:
            with contextlib.suppress(OSError):  # it is gone; the exit is noticed elsewhere
                stdin.write(line)
                stdin.flush()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def _listen(self, ear: int) -> None:
        with os.fdopen(ear, "rb") as pipe:
            while line := pipe.readline(MAX_LINE_BYTES):
                try:
                    word = words.decode(line)
                except msgspec.MsgspecError:
                    log.warning("%s said something that is no word", self.runner)
                    continue
                self._hear(word)
                if not isinstance(word, words.Beat | words.Batch):
                    self._on_word()
        self._on_word()

    def _hear(self, word: words.Word) -> None:
        told, now = self.told, self._clock()
        told.heard_at = now
        match word:
            case words.Loading(progress=progress):
                told.progress, told.progress_at = min(1.0, max(0.0, progress)), now
            case words.Ready():
                told.slots, told.context_length = word.slots, word.context_length
                told.size_bytes, told.vram_bytes = word.size_bytes, word.vram_bytes
                told.progress, told.ready_at, told.idle_since = 1.0, now, now
                told.state = "ready"
            case words.Failed(reason=reason):
                told.failure = reason
            case words.Beat(steps=steps):
                told.steps = steps
            case words.Batch(generation_ids=generation_ids):
                told.batch = frozenset(generation_ids)
            case words.Took() | words.Let():
                self._hear_of_request(word, now=now)

    def _hear_of_request(self, word: words.Took | words.Let, *, now: float) -> None:
        told = self.told
        if isinstance(word, words.Took):
            if len(told.held) >= words.MAX_HELD:
                return
            told.held[word.generation_id] = word.attempt
            told.model_name, told.has_served = word.model_name, True
        else:
            if told.held.get(word.generation_id) == word.attempt:
                del told.held[word.generation_id]
            told.idle_since = now


def spawn(
    module: str, *, mouth: int, environment: Mapping[str, str], stderr: int | None = None
) -> "subprocess.Popen[bytes]":
    """A process of ours that hears on its standard input and speaks into `mouth`.

    Its printing goes where ours goes, or to `stderr`: native code may print, and nobody parses it.
    """
    return subprocess.Popen(  # noqa: S603 - ourselves, fixed arguments
        [sys.executable, "-m", module, str(mouth)],
        stdin=subprocess.PIPE,
        stdout=sys.stderr.fileno() if stderr is None else subprocess.DEVNULL,
        stderr=stderr,
        pass_fds=(mouth,),
        env=dict(environment),
    )


def passed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of the environment that a runner, which executes strangers' files, may see."""
    return {
        name: value
        for name, value in environment.items()
        if name in _PASSED or name.startswith(_PASSED_BEGINNINGS)
    }
