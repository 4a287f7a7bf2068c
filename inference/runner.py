"""One loaded model, in a process of its own: `python -m inference.runner DESCRIPTOR`.

Started by the supervisor only. Sets the process up, loads the model, and runs the loop of `loop.py`
beside the threads that wait for Redis. Holds no rule about who runs next: that is the engine's.
"""

import ctypes
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from uuid import UUID

import psutil

from inference import inbox, protocol, settings, threads, words
from inference.engine.backend import Backend
from inference.engine.engine import Engine
from inference.engine.limits import EngineLimits
from inference.holdings import Holdings
from inference.loop import Drain, Drop, Loop, StepFailed, Stop, Submit
from inference.outbox import Outbox
from inference.settings import Settings

log = logging.getLogger(__name__)

TAKE_SECONDS = 0.5
EXIT_UNLOADABLE = 3
EXIT_STEP_FAILED = 4
# Of the whole machine: what a file makes a loader ask for ends the loader, not its neighbours.
MAX_DATA_SHARE = 0.9
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def main(arguments: list[str]) -> int:
    """The exit status: 0 drained, 3 unloadable, 4 a batch failed and nobody could be blamed."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="runner[%(process)d] %(message)s"
    )
    mouth = words.Mouth(int(arguments[1]))
    orders = words.Ear(sys.stdin.fileno())
    launch = words.decode_launch(orders.line())
    confine(supervisor_pid=launch.supervisor_pid)
    drains: list[Drain] = []
    deliver: list[Callable[[Drain], None]] = [drains.append]

    def on_sigterm(_number: int, _frame: FrameType | None) -> None:
        deliver[0](Drain(grace_seconds=config.grace_seconds))

    config = settings.read()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C meets all; the supervisor acts
    signal.signal(signal.SIGTERM, on_sigterm)
    threads.start(lambda: hear_supervisor(orders, lambda: deliver[0](Drain(grace_seconds=None))))
    started = time.monotonic_ns()
    try:
        backend = load(config, launch.spec, mouth=mouth)
    except Exception as error:  # noqa: BLE001 - whatever a model file can make a loader raise
        log.error("the model cannot be loaded: %s", type(error).__name__)
        mouth.say(words.Failed(reason=type(error).__name__))
        return EXIT_UNLOADABLE
    if drains:
        return 0
    crew = Crew(
        config, launch=launch, backend=backend, mouth=mouth, load_ns=time.monotonic_ns() - started
    )
    deliver[0] = crew.loop.mail.put
    for drain in drains:
        crew.loop.mail.put(drain)
    return crew.run()


def confine(*, supervisor_pid: int) -> None:
    """Die with the supervisor, gain nothing by exec, leave no core file full of prompts.

    Never all of the memory (threat E17): weights that are mapped from their file do not count.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        most_bytes = int(psutil.virtual_memory().total * MAX_DATA_SHARE)
        _, hard_limit = resource.getrlimit(resource.RLIMIT_DATA)
        if hard_limit == resource.RLIM_INFINITY or most_bytes < hard_limit:
            resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != supervisor_pid:  # it died before we could ask to be told
        os._exit(1)


def hear_supervisor(orders: words.Ear, on_drain: Callable[[], None]) -> None:
    """Orders on standard input. Its closing means that the supervisor is gone: so are we."""
    while line := orders.line():
        if line == words.DRAIN:
            on_drain()
    os._exit(1)


def load(config: Settings, spec: protocol.ModelSpec, *, mouth: words.Mouth) -> Backend:
    """The model in memory. A file that kills us here has killed nobody else (threat E17)."""
    mouth.say(words.Loading(progress=0.0))
    if config.backend == "scripted":
        from inference.engine import scripted  # only the backend that is used is imported

        return scripted.load(config.script, context_length=spec.context_length, slots=config.slots)
    from inference.engine import llama

    said = [0.0]

    def progress(fraction: float) -> None:
        if fraction - said[0] >= 0.01:
            said[0] = fraction
            mouth.murmur(words.Loading(progress=min(1.0, max(0.0, fraction))))

    return llama.load(
        config.blob_path(spec.weights),
        context_length=spec.context_length,
        slots=config.slots,
        gpu_layers=-1 if config.gpu_layers is None else config.gpu_layers,
        threads=config.threads,
        progress=progress,
    )


class Crew:
    """The loop and its three threads: one takes, one keeps leases and hears stops, one sends."""

    def __init__(
        self,
        config: Settings,
        *,
        launch: words.Launch,
        backend: Backend,
        mouth: words.Mouth,
        load_ns: int,
    ) -> None:
        self._config = config
        self._launch = launch
        self._mouth = mouth
        self._wall = inbox.steady_wall()
        self._limits = backend.limits
        self._sizes = backend.sizes
        self._holdings = Holdings(mouth, slots=self._limits.slots)
        self._outbox = Outbox(inbox.connect(config.redis_url), on_gone=self._on_gone)
        self._is_draining = threading.Event()
        self._is_taking_over = threading.Event()
        self._is_over = threading.Event()
        self.loop = Loop(
            name=launch.runner,
            queue_name=launch.spec.queue,
            make_engine=lambda about_to_run: Engine(
                backend,
                clock=time.monotonic,
                wall_clock=self._wall,
                limits=EngineLimits(),
                about_to_run=about_to_run,
            ),
            holdings=self._holdings,
            outbox=self._outbox,
            mouth=mouth,
            beat_seconds=config.beat_seconds,
            load_ns=load_ns,
            on_drain=self._is_draining.set,
        )

    def run(self) -> int:
        self._mouth.say(
            words.Ready(
                slots=self._limits.slots,
                context_length=self._limits.context_length,
                size_bytes=self._sizes.model_bytes + self._sizes.context_bytes,
                vram_bytes=self._sizes.vram_bytes,
            )
        )
        log.info("%s is ready", self._launch.runner)
        threads.start(self._take)
        threads.start(self._keep)
        threads.start(lambda: self._outbox.run(self._is_over))
        try:
            self.loop.run(self._is_taking_over.is_set)
        except StepFailed:
            return EXIT_STEP_FAILED
        finally:
            self._is_over.set()
        return 0

    def _take(self) -> None:
        """Requests from the queue to the loop, while there is a free slot."""
        announced: list[protocol.Request] = []

        def announce(request: protocol.Request) -> None:
            announced[:] = [request]
            self._holdings.announce(
                request.generation_id, attempt=request.attempt, model_name=request.model_name
            )

        box = inbox.Inbox(
            inbox.connect(self._config.redis_url),
            queue=self._launch.spec.queue,
            runner=self._launch.runner,
            lease_seconds=self._config.lease_seconds,
            wall=self._wall,
            about_to_claim=announce,
        )

        def take_one() -> None:
            if not self._holdings.wait_for_room(wait_seconds=0.2):
                return
            claim = box.take(wait_seconds=TAKE_SECONDS)
            if claim is not None:
                self._hold(claim)
            elif announced:
                lost = announced[0]
                self._holdings.retract(lost.generation_id, attempt=lost.attempt)
            announced.clear()

        self._repeat(take_one, until=self._is_draining)
        try:
            box.put_back()
        except inbox.Away:
            log.warning("one entry could not be put back; the portal will submit it again")
        self._is_taking_over.set()

    def _hold(self, claim: inbox.Claim) -> None:
        request = claim.request
        is_stopped = self._holdings.add(
            request.generation_id, attempt=request.attempt, score=claim.score
        )
        self.loop.mail.put(Submit(claim=claim))
        if is_stopped:
            self.loop.mail.put(Stop(generation_id=request.generation_id))

    def _keep(self) -> None:
        """Leases renewed five times in their length; stops passed on as they come."""
        keeper = inbox.Keeper(
            inbox.connect(self._config.redis_url),
            runner=self._launch.runner,
            lease_seconds=self._config.lease_seconds,
        )
        every_seconds = self._config.lease_seconds / 5
        due = [time.monotonic()]

        def keep_once() -> None:
            left_seconds = due[0] - time.monotonic()
            if left_seconds > 0:
                for generation_id in keeper.hear_stops(wait_seconds=min(1.0, left_seconds)):
                    self._stop(generation_id)
                return
            lost, stopped = keeper.renew(held := self._holdings.attempts())
            due[0] = time.monotonic() + every_seconds
            for generation_id in stopped:
                self._stop(generation_id)
            for generation_id in lost:
                log.warning("the lease of generation %s is lost", generation_id)
                self._outbox.drop(generation_id, attempt=held[generation_id])
                self._on_gone(generation_id, held[generation_id], False)

        self._repeat(keep_once, until=self._is_over)

    def _stop(self, generation_id: UUID) -> None:
        if self._holdings.stop(generation_id):
            self.loop.mail.put(Stop(generation_id=generation_id))

    def _on_gone(self, generation_id: UUID, attempt: int, is_ended: bool) -> None:
        if not is_ended:
            self.loop.mail.put(Drop(generation_id=generation_id, attempt=attempt))
        self._holdings.release(generation_id, attempt=attempt)

    @staticmethod
    def _repeat(act: Callable[[], None], *, until: threading.Event) -> None:
        """Again and again; while Redis is away, after a pause that grows to a second."""
        backoff, failures = inbox.pause(), 0
        while not until.is_set():
            try:
                act()
            except inbox.Away as error:
                failures += 1
                log.warning("waiting for Redis: %s (failure %d)", type(error).__name__, failures)
                until.wait(backoff.compute(failures))
            else:
                failures = 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
