"""One per host: a runner for each model in demand, restarts, and reports of who was aboard.

Which models stay is decided in `residency.py`; what happens to the requests of a dead runner is the
portal's decision. The main loop never waits for Redis: two threads do.
"""

import contextlib
import logging
import os
import queue
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import FrameType
from typing import Literal

import psutil

from inference import inbox, protocol, residency, threads, words
from inference.child import Child
from inference.outbox import Reports
from inference.settings import Settings
from inference.troubles import Troubles

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
LATE_SECONDS = 2.0
STATE_SECONDS = 1.0
REREAD_SECONDS = 5.0  # how often a spec that made no sense is looked at again
MEMORY_SHARE = 0.8
ANSWER_SECONDS = 5.0  # how long past the grace time a runner may need to end
_KILLED = (0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A queue with work. `spec` None means that what it needs could not be read."""

    queue: str
    waiting: int
    spec: protocol.ModelSpec | None
    model_name: str
    read_at: float


class Supervisor:
    """`run` is for the main thread: a runner dies with the thread that started it."""

    def __init__(
        self,
        config: Settings,
        *,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._environment = {
            **environment,
            "PORTAL_HOME": str(config.home),
            "OLLAMA_MODELS": str(config.models),
            "REDIS_URL": config.redis_url,
            "INFERENCE_HOST": config.host,
            "INFERENCE_SCRIPT": str(config.script or ""),
        }
        self._clock = clock
        self._wall = wall
        self._room = residency.Room(
            max_models=config.max_loaded_models,
            memory_bytes=config.memory_bytes or int(psutil.virtual_memory().total * MEMORY_SHARE),
            keep_alive_seconds=config.keep_alive_seconds,
        )
        self._children: dict[str, Child] = {}
        self._wants: dict[str, Want] = {}
        self._troubles = Troubles(config)
        self._events: queue.SimpleQueue[tuple[Want, ...] | None] = queue.SimpleQueue()
        self._reports = Reports(inbox.connect(config.redis_url), host=config.host)
        self._is_over = threading.Event()
        self._is_ending = False
        self._ticked_at = clock()
        self._reported: tuple[protocol.RunnerState, ...] | None = None
        self._reported_at = 0.0

    def end(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """Begin the orderly end. Again, as when Ctrl-C meets the whole group: nothing more."""
        self._is_ending = True
        self._events.put(None)

    def run(self) -> int:
        threads.start(self._follow_demand)
        reporter = threads.start(lambda: self._reports.run(self._is_over))
        log.info("supervisor of %s is up, backend %s", self._config.host, self._config.backend)
        while not self._is_ending:
            self.tick(wait_seconds=TICK_SECONDS)
        self._end_children()
        self._leave(reporter)
        return 0

    def tick(self, *, wait_seconds: float) -> None:
        """One round: hear, bury, end the silent, load and unload, report."""
        self._hear(wait_seconds=wait_seconds)
        self._bury_dead()
        self._end_silent()
        self._follow_plan()
        self._report()

    # ── Hearing ─────────────────────────────────────────────────────────────────────────────────

    def _hear(self, *, wait_seconds: float) -> None:
        with contextlib.suppress(queue.Empty):
            wants = self._events.get(timeout=wait_seconds)
            while True:
                if wants is not None:
                    self._wants = {want.queue: want for want in wants}
                wants = self._events.get_nowait()
        now = self._clock()
        if now - self._ticked_at > LATE_SECONDS:
            for child in self._children.values():
                child.forgive_silence()  # it was we who slept
        self._ticked_at = now

    def _follow_demand(self) -> None:
        """In a thread: what waits, read when somebody asks and once a second."""
        demand = inbox.Demand(inbox.connect(self._config.redis_url))
        known: dict[str, Want] = {}
        backoff, failures = inbox.pause(), 0
        while not self._is_over.is_set():
            try:
                demand.wait(wait_seconds=1.0)
                known = self._look(demand, known)
            except inbox.Away as error:
                failures += 1
                log.warning("demand waits for Redis: %s", type(error).__name__)
                self._is_over.wait(backoff.compute(failures))
                continue
            failures = 0
            self._events.put(tuple(known.values()))
            self._is_over.wait(0.02)  # many requests at once are one look

    def _look(self, demand: inbox.Demand, known: Mapping[str, Want]) -> dict[str, Want]:
        """A queue is named by the digest of its spec, so a spec once read stays right."""
        now = self._clock()
        found: dict[str, Want] = {}
        for one in demand.waiting():
            want = known.get(one.queue)
            if want is None or (want.spec is None and now - want.read_at > REREAD_SECONDS):
                want = Want(
                    queue=one.queue,
                    waiting=one.count,
                    spec=demand.spec(one.queue),
                    model_name=demand.model_name(one.queue),
                    read_at=now,
                )
            found[one.queue] = replace(want, waiting=one.count)
        return found

    # ── Deaths ──────────────────────────────────────────────────────────────────────────────────

    def _bury_dead(self) -> None:
        for child in tuple(self._children.values()):
            status = child.exit_status()
            if status is not None:
                del self._children[child.queue]
                self._bury(child, status=status)

    def _bury(self, child: Child, *, status: int) -> None:
        now, told, held = self._clock(), child.told, child.held()
        log.info("%s ended with %s, %d aboard", child.runner, _status_name(status), len(held))
        if told.state == "loading" and not child.is_draining:
            self._troubles.note_failed_load(
                child.spec, now=now, reason=told.failure or _status_name(status)
            )
            return
        if told.state == "ready":
            self._troubles.note_loaded(child.queue)
        if child.is_draining and not held:
            return
        how = _how(child, status=status)
        if held or how != "killed":
            self._reports.death(
                protocol.Death(
                    runner=child.runner,
                    queue=child.queue,
                    how=how,
                    detail=_status_name(status),
                    held=held,
                )
            )
        if how != "killed":
            self._troubles.note_crash(child.spec, now=now, lived_seconds=now - child.started_at)

    def _end_silent(self) -> None:
        for child in self._children.values():
            bound_seconds = (
                self._config.stall_seconds
                if child.told.state == "ready"
                else self._config.load_timeout_seconds
            )
            if bound_seconds is None or child.is_condemned:
                continue
            if child.silent_seconds() > bound_seconds and child.process.poll() is None:
                log.error("%s is silent for %.0f s: ended", child.runner, child.silent_seconds())
                child.is_condemned = True
                child.kill()

    # ── Loading and unloading ───────────────────────────────────────────────────────────────────

    def _follow_plan(self) -> None:
        now = self._clock()
        wanted = []
        for want in self._wants.values():
            if want.queue in self._children:
                continue
            if self._is_loadable(want, now=now):
                wanted.append(self._wanted(want))
        plan = residency.decide(
            now=now,
            wanted=wanted,
            resident=[self._resident(child) for child in self._children.values()],
            room=self._room,
        )
        for name in plan.unload:
            log.info("%s is let go", self._children[name].runner)
            self._children[name].drain()
        if plan.load is not None:
            self._spawn(self._wants[plan.load])

    def _is_loadable(self, want: Want, *, now: float) -> bool:
        """False while a model is known not to load; the portal is told while people wait for it."""
        reason = self._troubles.why_not(want.queue, spec=want.spec, now=now)
        if reason and self._troubles.is_report_due(want.queue, now=now):
            log.error("queue %s cannot be served: %s", want.queue, reason)
            self._reports.death(
                protocol.Death(
                    runner=f"{self._config.host}-none",
                    queue=want.queue,
                    how="unloadable",
                    detail=reason,
                )
            )
        return not reason and self._troubles.may_try(want.queue, now=now)

    def _spawn(self, want: Want) -> None:
        if want.spec is None:
            return
        launch = words.Launch(
            runner=f"{self._config.host}-{want.queue[:8]}-{secrets.token_hex(4)}",
            supervisor_pid=os.getpid(),
            model_name=want.model_name,
            spec=want.spec,
        )
        try:
            child = Child(
                launch,
                environment=self._environment,
                on_word=lambda: self._events.put(None),
                clock=self._clock,
            )
        except OSError as error:  # no memory or no processes left
            log.error("no runner could be started: %s", type(error).__name__)
            self._troubles.note_crash(want.spec, now=self._clock(), lived_seconds=0)
            return
        log.info("%s is loading, pid %d", child.runner, child.pid)
        self._children[want.queue] = child

    def _wanted(self, want: Want) -> residency.Wanted:
        size = 0 if want.spec is None else expected_bytes(want.spec, config=self._config)
        return residency.Wanted(queue=want.queue, waiting=want.waiting, size_bytes=size)

    def _resident(self, child: Child) -> residency.Resident:
        want, told = self._wants.get(child.queue), child.told
        return residency.Resident(
            queue=child.queue,
            state="draining" if child.is_draining else told.state,
            size_bytes=told.size_bytes or expected_bytes(child.spec, config=self._config),
            running=len(told.held),
            waiting=want.waiting if want else 0,
            ready_at=told.ready_at,
            idle_since=told.idle_since,
            has_served=told.has_served,
        )

    # ── Reporting ───────────────────────────────────────────────────────────────────────────────

    def _report(self) -> None:
        """Once a second, and at once when something but the time has changed."""
        now = self._clock()
        runners = tuple(self._runner_state(child) for child in self._children.values())
        if runners == self._reported and now - self._reported_at < STATE_SECONDS:
            return
        self._reported, self._reported_at = runners, now
        self._reports.state(
            protocol.HostState(host=self._config.host, seen_at=self._wall(), runners=runners)
        )

    def _runner_state(self, child: Child) -> protocol.RunnerState:
        told, resident = child.told, self._resident(child)
        wall_offset = self._wall() - self._clock()
        ends_at = residency.expires_at(resident, room=self._room)
        return protocol.RunnerState(
            runner=child.runner,
            queue=child.queue,
            model_name=told.model_name,
            pid=child.pid,
            state=resident.state,
            progress=round(told.progress, 2),
            running=len(told.held),
            slots=told.slots,
            context_length=told.context_length or child.spec.context_length,
            size_bytes=resident.size_bytes,
            vram_bytes=told.vram_bytes,
            loaded_at=round(told.ready_at + wall_offset, 1) if told.ready_at else 0.0,
            expires_at=None if ends_at is None else round(ends_at + wall_offset, 1),
        )

    # ── The end ─────────────────────────────────────────────────────────────────────────────────

    def _end_children(self) -> None:
        for child in self._children.values():
            child.terminate()
        deadline = self._clock() + self._config.grace_seconds + ANSWER_SECONDS
        while self._children and self._clock() < deadline:
            self._hear(wait_seconds=0.1)
            self._bury_dead()
            self._report()
        for child in self._children.values():
            child.kill()
            child.process.wait()
        self._bury_dead()

    def _leave(self, reporter: threading.Thread) -> None:
        deadline = self._clock() + 2.0
        while not self._reports.is_empty and self._clock() < deadline:
            self._is_over.wait(0.02)
        self._is_over.set()
        reporter.join(timeout=2)
        with contextlib.suppress(inbox.Away):
            self._reports.leave()
        log.info("supervisor of %s is down", self._config.host)


def expected_bytes(spec: protocol.ModelSpec, *, config: Settings) -> int:
    """Weights and KV cache before the runner knows better: the KV is guessed from the weights."""
    try:
        weights = config.blob_path(spec.weights).stat().st_size
    except OSError:
        return 0
    kv_bytes_per_token = max(16 * 1024, weights // 40_000)
    return weights + kv_bytes_per_token * spec.context_length * config.slots


def _how(child: Child, *, status: int) -> Literal["killed", "crashed", "stalled"]:
    if child.is_condemned:
        return "stalled"
    return "killed" if status in _KILLED else "crashed"


def _status_name(status: int) -> str:
    if status >= 0:
        return f"exit {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
