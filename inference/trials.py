"""Holds the trials of new model files on this host, one after another (threat E17).

The work is in a process of its own, `trial.py`; here it is started, watched, ended and judged.
What is decided about a model because of a verdict is the portal's.
"""

import contextlib
import logging
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
import psutil

from inference import inbox, protocol, trial
from inference.child import spawn
from inference.deaths import status_name
from inference.engine.cores import physical_cores
from inference.oom import MemoryKills
from inference.protocol import Outcome, Verdict
from inference.settings import Settings

log = logging.getLogger(__name__)

WAIT_SECONDS = 1.0
TRYING_SECONDS = 10  # how long a mark outlives the host that made it
VERDICT_SECONDS = 3600
SILENT_SECONDS = 120.0
READ_BYTES_PER_SECOND = 50_000_000  # the slowest disk we wait for
MEMORY_SHARE = 0.8  # of what is free at this moment
BASE_BYTES = 2 * 1024**3  # Python, the library, a small context, and what a loader needs besides
ADDRESS_BYTES = 8 * 1024**3
KEPT_BYTES = 4_096
MAX_SAID_BYTES = 64 * 1024
THREADS = 4
_PASSED = frozenset({"LANG", "LD_LIBRARY_PATH", "PATH", "TZ", "VIRTUAL_ENV"})
_PASSED_BEGINNINGS = ("GGML_", "LC_", "LLAMA_", "OMP_", "PYTHON")
# Nothing on an accelerator: what runs there is somebody's answer. One thread before the walls.
_OWN_ENVIRONMENT = {
    **dict.fromkeys(("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"), "-1"),
    "GGML_VK_VISIBLE_DEVICES": "",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_NO_MEMORY = re.compile(
    r"bad_alloc|insufficient memory|cannot allocate|failed to allocate|unable to allocate"
    r"|out of memory|MemoryError",
    re.IGNORECASE,
)


class Trials:
    """`run` is a loop for one thread, which must live as long as the trials it starts."""

    def __init__(
        self,
        config: Settings,
        *,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._environment = passed_environment(environment)
        self._clock = clock
        self._redis = inbox.connect(config.redis_url)
        self._popped: str | None = None
        self._verdict: Verdict | None = None

    def run(self, is_over: threading.Event) -> None:
        """Until `is_over`. A verdict is kept until Redis has it."""
        backoff, failures = inbox.pause(), 0
        while not is_over.is_set():
            try:
                self.turn(wait_seconds=WAIT_SECONDS)
            except inbox.Away as error:
                failures += 1
                log.warning("trials wait for Redis: %s", type(error).__name__)
                is_over.wait(backoff.compute(failures))
            else:
                failures = 0

    def turn(self, *, wait_seconds: float) -> None:
        """Take one, try it, tell."""
        if self._popped is None:
            answer = self._redis.bzpopmin(protocol.TRIALS, timeout=wait_seconds)
            if not answer:
                return
            _, member, _ = cast("tuple[bytes, bytes, float]", answer)
            self._popped = member.decode("ascii", "replace")
        if self._verdict is None:
            self._verdict = self._try(self._popped)
        if self._verdict is not None:
            self._tell(self._verdict)
        self._popped = self._verdict = None

    def _try(self, queue: str) -> Verdict | None:
        """None when what was asked makes no sense, or somebody is at it."""
        try:
            data = cast("bytes | None", self._redis.get(protocol.trial_key(queue)))
            asked = protocol.decode_trial(data or b"")
        except protocol.ProtocolError:
            log.warning("a trial could not be read")
            return None
        key, me = protocol.trying_key(queue), self._config.host
        if asked.spec.queue != queue or not self._redis.set(key, me, nx=True, ex=TRYING_SECONDS):
            return None
        return self.judge(asked.spec, still_here=lambda: self._mark(key))

    def _mark(self, key: str) -> None:
        # While Redis is away the portal may ask again: then the file is tried twice, which is safe.
        with contextlib.suppress(inbox.Away):
            self._redis.expire(key, TRYING_SECONDS)

    def _tell(self, verdict: Verdict) -> None:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(
                protocol.verdict_key(verdict.queue), protocol.encode(verdict), ex=VERDICT_SECONDS
            )
            pipe.delete(protocol.trying_key(verdict.queue))
            pipe.execute()

    def judge(self, spec: protocol.ModelSpec, *, still_here: Callable[[], None]) -> Verdict:
        """The verdict on the model of this spec. `still_here` is called about once a second."""
        if self._config.backend == "scripted":
            return self._verdict_of(spec, "passed", facts=protocol.Facts(template="absent"))
        projector = (spec.projector,) if spec.projector else ()
        digests = (spec.weights, *spec.adapters, *projector)
        paths = [self._config.blob_path(each) for each in digests]
        try:
            size_bytes = sum(path.stat().st_size for path in paths)
        except OSError:
            return self._verdict_of(spec, "absent")
        began = self._clock()
        order = self._order(spec, paths, size_bytes=size_bytes)
        try:
            ended = self._watch(order, still_here)
        except OSError as error:  # no memory or no processes left
            return self._verdict_of(spec, "unable", detail=type(error).__name__)
        outcome, detail = ended.judged()
        if outcome == "memory" and order.data_bytes < BASE_BYTES + size_bytes:
            outcome = "unable"  # it was given less than its due, for others have it
        verdict = self._verdict_of(
            spec,
            outcome,
            detail=detail,
            seconds=round(self._clock() - began, 3),
            facts=ended.found.facts if ended.found and outcome == "passed" else None,
            walls=ended.found.walls if ended.found else (),
        )
        _log(verdict, last_words=ended.last_words)
        return verdict

    def _verdict_of(self, spec: protocol.ModelSpec, outcome: Outcome, **others: Any) -> Verdict:
        return Verdict(queue=spec.queue, host=self._config.host, outcome=outcome, **others)

    def _order(
        self, spec: protocol.ModelSpec, paths: Sequence[Path], *, size_bytes: int
    ) -> trial.Order:
        # Some weights are copied into another order of their numbers, so their size counts once.
        wanted_bytes = BASE_BYTES + size_bytes
        free_bytes = int(psutil.virtual_memory().available * MEMORY_SHARE)
        return trial.Order(
            supervisor_pid=os.getpid(),
            weights=str(paths[0]),
            adapters=tuple(map(str, paths[1 : 1 + len(spec.adapters)])),
            projector=str(paths[-1]) if spec.projector else None,
            task=spec.task,
            template=spec.template,
            data_bytes=min(wanted_bytes, free_bytes),
            address_bytes=ADDRESS_BYTES + 3 * size_bytes,
            cpu_seconds=int(SILENT_SECONDS + size_bytes / 10_000_000) * THREADS,
            threads=min(THREADS, self._config.threads or physical_cores()),
        )

    def _watch(self, order: trial.Order, still_here: Callable[[], None]) -> "Ended":
        patience = min(self._config.load_timeout_seconds or SILENT_SECONDS, SILENT_SECONDS)
        patience += Path(order.weights).stat().st_size / READ_BYTES_PER_SECOND
        with _Process(order, environment=self._environment, clock=self._clock) as process:
            while process.is_talking(wait_seconds=1.0):
                still_here()
                if process.silent_seconds() > patience:
                    process.end("hung")
            return process.ended()


@dataclass(slots=True, kw_only=True)
class Ended:
    """A trial that is over: what it said, and how it went."""

    status: int
    condemned: Outcome | None
    stage: str
    found: trial.Found | None
    refusal: str
    last_words: str
    was_short_of_memory: bool

    def judged(self) -> tuple[Outcome, str]:
        """The outcome, and one word about it."""
        if self.condemned is not None:
            return self.condemned, self.stage
        if self.status == 0 and self.found is not None:
            return "passed", ""
        is_memory = self.refusal in ("MemoryError", "NoRoom") or _NO_MEMORY.search(self.last_words)
        if self.status == -signal.SIGKILL:
            return ("memory" if self.was_short_of_memory else "unable"), "SIGKILL"
        if self.status == -signal.SIGXCPU:
            return "hung", self.stage
        word = self.refusal or f"{status_name(self.status)} {self.stage}"
        if is_memory:
            return "memory", word
        return ("refused" if self.refusal and self.status == 0 else "crashed"), word


@dataclass(slots=True)
class _Ears:
    """What was heard from the process: lines of its own, and what native code printed."""

    unread: bytes = b""
    printed: bytes = b""
    stage: str = "starting"
    found: trial.Found | None = None
    refusal: str = ""
    babble: bool = field(default=False)

    def hear(self, data: bytes) -> None:
        *lines, self.unread = (self.unread + data).split(b"\n")
        for line in lines:
            self._hear_line(line)
        self.babble = self.babble or len(self.unread) > MAX_SAID_BYTES

    def _hear_line(self, line: bytes) -> None:
        try:
            said = trial.decode(line)
        except msgspec.MsgspecError:
            self.babble = True
            return
        match said:
            case trial.Stage(name=name):
                self.stage = name
            case trial.Found():
                self.found = said
            case trial.Refused(reason=reason):
                self.refusal = reason


class _Process:
    """The process and the two pipes it speaks into. Gone, with them, at the end of the block."""

    def __init__(
        self, order: trial.Order, *, environment: Mapping[str, str], clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._heard_at = clock()
        self._ears = _Ears()
        self._condemned: Outcome | None = None
        self._kills = MemoryKills()
        self._selector = selectors.DefaultSelector()
        ear, mouth = os.pipe()
        try:
            self._process = spawn(
                "inference.trial", mouth=mouth, environment=environment, stderr=subprocess.PIPE
            )
        except BaseException:
            os.close(ear)
            raise
        finally:
            os.close(mouth)
        self._pipe = os.fdopen(ear, "rb", buffering=0)
        self._selector.register(self._pipe, selectors.EVENT_READ, self._ears.hear)
        self._selector.register(self._errors, selectors.EVENT_READ, self._keep_printed)
        self._give(order)

    def __enter__(self) -> "_Process":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._selector.close()
        for pipe in (self._pipe, self._errors, self._process.stdin):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def is_talking(self, *, wait_seconds: float) -> bool:
        """Hear it for so long at most. False when it is gone and everything was heard."""
        if not self._selector.get_map():
            return self._is_lingering(wait_seconds=wait_seconds)
        self._kills.look()
        for key, _ in self._selector.select(wait_seconds):
            data = os.read(key.fd, 65_536)
            if data:
                key.data(data)
                if key.fileobj is self._pipe:
                    self._heard_at = self._clock()
            else:
                self._selector.unregister(key.fileobj)
        if self._ears.babble:
            self.end("crashed")
        return True

    def silent_seconds(self) -> float:
        return self._clock() - self._heard_at

    def end(self, outcome: Outcome) -> None:
        self._condemned = self._condemned or outcome
        self._process.kill()

    def ended(self) -> Ended:
        return Ended(
            status=self._process.wait(),
            condemned=self._condemned,
            stage=self._ears.stage,
            found=self._ears.found,
            refusal=self._ears.refusal,
            last_words=self._ears.printed.decode("utf-8", "replace"),
            was_short_of_memory=self._kills.is_recent(),
        )

    @property
    def _errors(self) -> Any:
        return self._process.stderr

    def _keep_printed(self, data: bytes) -> None:
        self._ears.printed = (self._ears.printed + data)[-KEPT_BYTES:]

    def _is_lingering(self, *, wait_seconds: float) -> bool:
        try:
            self._process.wait(timeout=wait_seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _give(self, order: trial.Order) -> None:
        stdin = self._process.stdin
        if stdin is not None:
            with contextlib.suppress(OSError):  # it is gone; the exit is noticed elsewhere
                stdin.write(msgspec.json.encode(order) + b"\n")
                stdin.flush()


def passed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Nothing that names a place or a secret of ours, and no accelerator."""
    passed = {
        name: value
        for name, value in environment.items()
        if name in _PASSED or name.startswith(_PASSED_BEGINNINGS)
    }
    return {**passed, **_OWN_ENVIRONMENT}


def _log(verdict: Verdict, *, last_words: str) -> None:
    """Where no wall stood around the network, say so: an operator may want to know."""
    log.info(
        "trial of %s: %s %s after %.1f s, behind %s",
        verdict.queue,
        verdict.outcome,
        verdict.detail,
        verdict.seconds,
        ", ".join(verdict.walls) or "limits only",
    )
    if verdict.outcome != "passed" and last_words:
        # Chosen by the file, so never as it came.
        log.info("it printed: %s", ascii(last_words.strip()[-400:]))
