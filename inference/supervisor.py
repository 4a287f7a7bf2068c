"""One per host: a runner for each model in demand, restarts, and reports of who was aboard.

Which models stay is decided in `residency.py`; what happens to the requests of a dead runner is the
portal's decision. The main loop never waits for Redis: two threads do.
"""

import contextlib
import logging
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from gguffile.size import Size
from inference import deaths, devices, inbox, protocol, residency, threads, words
from inference.child import Child, passed_environment
from inference.demand import Follower, News, Want
from inference.losses import Losses
from inference.oom import MemoryKills
from inference.outbox import Reports
from inference.residency import Resident
from inference.settings import Settings
from inference.sizing import Fitting, Sizing
from inference.trials import Trials
from inference.troubles import Troubles

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
LATE_SECONDS = 2.0
STATE_SECONDS = 1.0
ANSWER_SECONDS = 5.0  # how long past the grace time a runner may need to end


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
        self._sizing = Sizing(config)
        self._children: dict[str, Child] = {}
        self._fittings: dict[str, Fitting] = {}  # of the children
        self._since: dict[str, float] = {}  # when the people of a queue began to wait unserved
        self._wants: dict[str, Want] = {}
        self._troubles = Troubles(config)
        self._kills = MemoryKills(clock=clock)
        self._losses = Losses(config, ask=self._find_devices, clock=clock)
        self._events: queue.SimpleQueue[News | None] = queue.SimpleQueue()
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
        threads.start(lambda: self._follower().run(self._is_over))
        if not self._sizing.is_ready:
            threads.start(self._learn_devices)
        reporter = threads.start(lambda: self._reports.run(self._is_over))
        trials = Trials(self._config, environment=self._environment)
        threads.start(lambda: trials.run(self._is_over))
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
            news = self._events.get(timeout=wait_seconds)
            while True:
                if news is not None:
                    self._note(news)
                news = self._events.get_nowait()
        now = self._clock()
        if now - self._ticked_at > LATE_SECONDS:
            for child in self._children.values():
                child.forgive_silence()  # it was we who slept
        self._ticked_at = now

    def _note(self, news: News) -> None:
        self._wants = {want.queue: want for want in news.wants}
        for name in news.unload:
            child = self._children.get(name)
            if child is not None:
                log.info("%s is to go: an administrator says so", child.runner)
                self._let_go(child)

    def _follower(self) -> Follower:
        return Follower(
            inbox.connect(self._config.redis_url),
            tell=self._events.put,
            measure=self._sizing.measure,
            clock=self._clock,
        )

    def _learn_devices(self) -> None:
        self._losses.learn(self._find_devices())

    def _find_devices(self) -> Sequence[devices.Device]:
        found = devices.ask(passed_environment(self._environment))
        self._sizing.learn_devices(found)
        self._events.put(None)
        return found

    # ── Deaths ──────────────────────────────────────────────────────────────────────────────────

    def _bury_dead(self) -> None:
        for child in tuple(self._children.values()):
            status = child.exit_status()
            if status is not None:
                del self._children[child.queue]
                self._bury(child, status=status)
                del self._fittings[child.queue]

    def _bury(self, child: Child, *, status: int) -> None:
        now, told, held = self._clock(), child.told, child.held()
        how, detail = deaths.how(
            status,
            is_condemned=child.is_condemned,
            is_short_of_memory=self._kills.is_recent(),
        )
        log.info("%s ended with %s, %d aboard", child.runner, detail, len(held))
        if detail == deaths.DEVICE_LOST:
            self._losses.note_loss()
        if told.state == "loading" and not child.is_draining:
            reason = told.failure or detail
            self._troubles.note_failed_load(child.spec, now=now, reason=reason, how=how)
            return
        if told.state == "ready":
            self._troubles.note_loaded(child.queue)
            self._sizing.learn(self._fittings[child.queue], found=self._size(child))
        if child.is_draining and not held:
            return
        if held or how != "killed":
            self._reports.death(
                protocol.Death(
                    runner=child.runner,
                    queue=child.queue,
                    how=how,
                    detail=detail,
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
                child.condemn()

    # ── Loading and unloading ───────────────────────────────────────────────────────────────────

    def _follow_plan(self) -> None:
        if not self._sizing.is_ready:
            return
        now, troubles = self._clock(), self._troubles
        self._note_who_waits(now)
        resident = [self._resident(child) for child in self._children.values()]
        fittings = {
            want.queue: self._sizing.fitting(want, resident, is_alone=troubles.is_alone(want.queue))
            for want in self._wants.values()
            if want.queue not in self._children and self._is_loadable(want, now=now)
        }
        possible = [one for one in fittings.values() if self._is_possible(one, now=now)]
        plan = residency.decide(
            now=now,
            wanted=[self._wanted(fitting) for fitting in possible],
            resident=resident,
            room=self._sizing.room,
        )
        for name in plan.unload:
            log.info("%s is let go", self._children[name].runner)
            self._let_go(self._children[name])
        for name in plan.hopeless:
            self._tell_unloadable(name, reason="no room beside the pinned models", now=now)
        for name in plan.load:
            self._spawn(fittings[name])

    def _is_possible(self, fitting: Fitting, *, now: float) -> bool:
        """Nobody makes way for what even an empty machine could not hold (threat E17)."""
        is_possible = self._sizing.could_hold(fitting.size)
        if not is_possible and fitting.want.waiting:
            self._tell_unloadable(fitting.want.queue, reason="larger than this machine", now=now)
        return is_possible

    def _note_who_waits(self, now: float) -> None:
        """Who is served does not wait, however many more there are."""
        waiting = {want.queue for want in self._wants.values() if want.waiting}
        self._since = {
            name: now if self._is_served(name) else self._since.get(name, now) for name in waiting
        }

    def _is_served(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.told.state == "ready" and not child.is_draining

    def _let_go(self, child: Child) -> None:
        """When it has finished what it runs; a load that does not move has failed."""
        if child.told.state == "loading":
            if child.silent_seconds() >= residency.STUCK_LOAD_SECONDS:
                self._troubles.note_failed_load(
                    child.spec, now=self._clock(), reason="LoadingStoodStill"
                )
            child.abandon()
        else:
            child.drain()

    def _is_loadable(self, want: Want, *, now: float) -> bool:
        """False while a model is known not to load; the portal is told while people wait for it."""
        reason = self._losses.trouble
        if reason and not self._losses.is_lasting:
            return False
        reason = reason or self._troubles.why_not(want.queue, spec=want.spec, now=now)
        if not reason and want.measured is not None:
            reason = want.measured.trouble
        if reason and want.waiting:
            self._tell_unloadable(want.queue, reason=reason, now=now)
        return not reason and self._troubles.may_try(want.queue, now=now)

    def _tell_unloadable(self, name: str, *, reason: str, now: float) -> None:
        if not self._troubles.is_report_due(name, now=now):
            return
        log.error("queue %s cannot be served: %s", name, reason)
        runner = f"{self._config.host}-none"
        self._reports.death(
            protocol.Death(runner=runner, queue=name, how="unloadable", detail=reason)
        )

    def _spawn(self, fitting: Fitting) -> None:
        want, way = fitting.want, fitting.way
        if want.spec is None:
            return
        launch = words.Launch(
            runner=f"{self._config.host}-{want.queue[:8]}-{secrets.token_hex(4)}",
            supervisor_pid=os.getpid(),
            model_name=want.model_name,
            spec=want.spec,
            slots=way.slots,
            context_length=way.context_length,
            gpu_layers=way.gpu_layers,
            park_bytes=way.park_bytes,
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
        self._fittings[want.queue] = fitting

    def _wanted(self, fitting: Fitting) -> residency.Wanted:
        want = fitting.want
        return residency.Wanted(
            queue=want.queue,
            waiting=want.waiting,
            size=fitting.size,
            since=self._since.get(want.queue, 0.0),
            is_pinned=want.is_pinned,
        )

    def _resident(self, child: Child) -> Resident:
        want, told = self._wants.get(child.queue), child.told
        return Resident(
            queue=child.queue,
            state="draining" if child.is_draining else told.state,
            size=self._size(child),
            running=len(told.held),
            waiting=want.waiting if want else 0,
            ready_at=told.ready_at,
            idle_since=told.idle_since,
            moved_at=told.progress_at,
            has_served=told.has_served,
            is_pinned=want is not None and want.is_pinned,
        )

    def _size(self, child: Child) -> Size:
        fitting, told = self._fittings[child.queue], child.told
        if told.state != "ready":
            return fitting.size
        return self._sizing.found(fitting, told.size_bytes, vram_bytes=told.vram_bytes)

    # ── Reporting ───────────────────────────────────────────────────────────────────────────────

    def _report(self) -> None:
        """Once a second, and at once when something but the time has changed."""
        now = self._clock()
        runners = tuple(self._runner_state(child) for child in self._children.values())
        if runners == self._reported and now - self._reported_at < STATE_SECONDS:
            return
        self._reported, self._reported_at = runners, now
        self._kills.look()
        self._losses.look_again()
        self._reports.state(
            protocol.HostState(
                host=self._config.host,
                seen_at=self._wall(),
                runners=runners,
                room=self._sizing.told,
                trouble="device-lost" if self._losses.trouble else "",
            )
        )

    def _runner_state(self, child: Child) -> protocol.RunnerState:
        told, resident = child.told, self._resident(child)
        wall_offset = self._wall() - self._clock()
        ends_at = residency.expires_at(resident, room=self._sizing.room)
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
            size_bytes=told.size_bytes or resident.size.ram_bytes + resident.size.vram_bytes,
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
