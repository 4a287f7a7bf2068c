"""One loaded model, in a process of its own: `python -m inference.runner DESCRIPTOR`.

Started by the supervisor only. Sets the process up, loads the model, and runs the loop of `loop.py`
beside the threads that wait for Redis. Holds no rule about who runs next: that is the engine's.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any
from uuid import UUID

from inference import inbox, protocol, settings, threads, words
from inference.confinement import confine
from inference.deaths import EXIT_UNLOADABLE, exit_for
from inference.engine.backend import Backend
from inference.engine.embedder import Embedder
from inference.engine.engine import Engine
from inference.engine.limits import EngineLimits
from inference.engine.pooling import Pooler
from inference.engine.templates.layers import Layers
from inference.holdings import Holdings
from inference.loop import Drain, Driven, Drop, Loop, StepFailed, Stop, Submit
from inference.outbox import Outbox
from inference.reading import Progress, reading
from inference.settings import Settings

log = logging.getLogger(__name__)

TAKE_SECONDS = 0.5


def main(arguments: list[str]) -> int:
    """The exit status: 0 drained, 3 unloadable, 4 to 6 as `deaths.py` names them."""
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
        backend = load(config, launch, mouth=mouth)
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


def hear_supervisor(orders: words.Ear, on_drain: Callable[[], None]) -> None:
    """Orders on standard input. Its closing means that the supervisor is gone: so are we."""
    while line := orders.line():
        if line == words.DRAIN:
            on_drain()
    os._exit(1)


def load(config: Settings, launch: words.Launch, *, mouth: words.Mouth) -> Backend | Pooler:
    """The model in memory. A file that kills us here has killed nobody else (threat E17)."""
    spec, length = launch.spec, launch.context_length
    mouth.say(words.Loading(progress=0.0))
    if config.backend == "scripted":
        from inference.engine import scripted, scripted_pooler  # only what is used is imported

        if spec.task != "answer":
            return scripted_pooler.load(context_length=length)
        return scripted.load(config.script, context_length=length, slots=launch.slots)
    from inference.engine import llama

    llama.listen(end_if_fatal)
    weights = config.blob_path(spec.weights)
    progress = Progress(mouth)
    shared: dict[str, Any] = {
        "context_length": length,
        "gpu_layers": launch.gpu_layers,
        "threads": config.threads,
        "adapters": [config.blob_path(adapter) for adapter in spec.adapters],
        "progress": progress.of_loading,
    }
    with reading(weights, tell=progress.of_reading):
        if spec.task != "answer":
            return llama.load_pooler(weights, task=spec.task, **shared)
        return llama.load(
            weights,
            slots=launch.slots,
            kv_type=config.cache_type,
            flash_attention=config.flash_attention,
            projector=config.blob_path(spec.projector) if spec.projector else None,
            **shared,
        )


def end_if_fatal(line: str) -> None:
    """The library is about to abort: end with a status that says of what (threat F3)."""
    status = exit_for(line)
    if status is not None:
        log.critical("the engine cannot go on: exit %d", status)
        os._exit(status)


class Crew:
    """The loop and its three threads: one takes, one keeps leases and hears stops, one sends."""

    def __init__(
        self,
        config: Settings,
        *,
        launch: words.Launch,
        backend: Backend | Pooler,
        mouth: words.Mouth,
        load_ns: int,
    ) -> None:
        self._config = config
        self._launch = launch
        self._mouth = mouth
        self._wall = inbox.steady_wall()
        self._limits = backend.limits
        self._sizes = backend.sizes
        self._layers = Layers(config.blob_path)
        self._holdings = Holdings(mouth, slots=self._limits.slots)
        self._outbox = Outbox(inbox.connect(config.redis_url), on_gone=self._on_gone)
        self._is_draining = threading.Event()
        self._is_taking_over = threading.Event()
        self._is_over = threading.Event()
        self.loop = Loop(
            name=launch.runner,
            queue_name=launch.spec.queue,
            make_engine=lambda about_to_run: _engine(
                backend,
                task=launch.spec.task,
                limits=_limits(config, launch),
                wall=self._wall,
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
                size_bytes=self._sizes.total_bytes,
                vram_bytes=self._sizes.vram_bytes,
            )
        )
        log.info("%s is ready", self._launch.runner)
        threads.start(self._take)
        threads.start(self._keep)
        threads.start(lambda: self._outbox.run(self._is_over))
        try:
            self.loop.run(self._is_taking_over.is_set)
        except StepFailed as failure:
            return failure.exit_status
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
            if not self._holdings.wait_for_room(wait_seconds=0.2) and not self._is_ahead(box):
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

    def _is_ahead(self, box: inbox.Inbox) -> bool:
        """Whether who waits is of a better lane than one who runs, and so is let in before."""
        worst = self._holdings.lane_to_beat() if self._launch.spec.task == "answer" else None
        if not worst:
            return False
        first = box.first_lane()
        return first is not None and first < worst

    def _hold(self, claim: inbox.Claim) -> None:
        request = self._layers.filled(claim.request)
        claim = replace(claim, request=request)
        is_stopped = self._holdings.add(
            request.generation_id,
            attempt=request.attempt,
            score=claim.score,
            lane=protocol.LANES.index(request.lane),
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


def _engine(
    backend: Any,
    *,
    task: protocol.Task,
    limits: EngineLimits,
    wall: Callable[[], float],
    about_to_run: Callable[[tuple[UUID, ...]], None],
) -> Driven:
    """`backend` is what `load` gave for the same task."""
    if task != "answer":
        return Embedder(backend, clock=time.monotonic, wall_clock=wall, about_to_run=about_to_run)
    return Engine(
        backend, clock=time.monotonic, wall_clock=wall, limits=limits, about_to_run=about_to_run
    )


def _limits(config: Settings, launch: words.Launch) -> EngineLimits:
    return EngineLimits(
        max_draft=config.draft_tokens,
        park_bytes=launch.park_bytes,
        park_directory=config.park_directory,
        park_disk_bytes=config.park_disk_bytes if config.park_directory else 0,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv))
