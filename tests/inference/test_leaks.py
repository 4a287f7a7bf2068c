"""Five thousand answers with people coming, stopping, vanishing and models changing: nothing is
left behind (threat F19)."""

import gc
import itertools
import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy
import psutil
import pytest
from redis import Redis

from inference.engine import llama
from inference.engine.backend import Backend
from inference.engine.beside import one_thread
from inference.engine.engine import Engine
from inference.engine.llama.library import lib
from inference.engine.scripted import ScriptedBackend, read_script
from inference.engine.updates import Over
from inference.holdings import Holdings
from inference.inbox import Claim, connect
from inference.loop import Drain, Drop, Loop, Stop, Submit
from inference.outbox import Outbox
from inference.protocol import Request
from inference.words import Mouth
from tests.doubles.tinymodels import write_llama
from tests.inference.engine.aboard import engine_on, request

ANSWERS = 5_000
ENGINES = 10  # one after another, as when models are switched
PEOPLE = 12
SLOTS = 4
# Everything that is kept on purpose is full by then: conversations in slots and parked ones.
WARM_UP = ANSWERS // 5
SHARES = [WARM_UP, *[(ANSWERS - WARM_UP) // ENGINES] * ENGINES]
PARK_BYTES = 64 * 1024
# A forgotten sequence, sampler or event of one answer is many times as much.
MAX_BYTES_PER_ANSWER = 64
SCRIPT = '[{"when": "", "says": ["one ", "two ", "three ", "four"]}]'

pytestmark = [pytest.mark.fault, pytest.mark.threat("F19")]


class Crowd:
    """Joins at random, stops and drops at random, and counts who came to an end."""

    def __init__(self, seed: int) -> None:
        self._dice = numpy.random.default_rng(seed)
        self._number = 0
        self.gone = 0

    def visit(self, engine: Engine, *, answers: int) -> None:
        """So many answers, from the first joining until nobody is aboard and every slot is free."""
        aboard: set[UUID] = set()
        left = answers
        while left or aboard:
            while left and len(aboard) < 2 * SLOTS and self.chance(0.7):
                left -= 1
                asked = self.someone()
                engine.submit(asked)
                aboard.add(asked.generation_id)
            if aboard and self.chance(0.1):
                engine.stop(self.anyone(aboard))
            if aboard and self.chance(0.1):
                dropped = self.anyone(aboard)
                engine.drop(dropped)
                aboard.discard(dropped)
                self.gone += 1
            ended = {one.generation_id for one in engine.step() if isinstance(one, Over)}
            self.gone += len(aboard & ended)
            aboard -= ended
        assert engine.is_idle
        assert engine.free_slots == SLOTS

    def someone(self) -> Request:
        self._number += 1
        return request(
            self._number,
            text=f"question {self._below(20)} " * (1 + self._below(4)),
            person=f"p{self._below(PEOPLE)}",
            num_predict=1 + self._below(6),
            seed=self._number,
            temperature=0.8 * self._below(2),
        )

    def anyone(self, aboard: set[UUID]) -> UUID:
        return sorted(aboard)[self._below(len(aboard))]

    def chance(self, share: float) -> bool:
        return bool(self._dice.random() < share)

    def _below(self, bound: int) -> int:
        return int(self._dice.integers(bound))


def visits(make_backend: Callable[[], Backend], *, measure: Callable[[], int]) -> list[int]:
    """What was measured after each engine was closed, the warm-up first."""
    crowd, found = Crowd(seed=19), []
    for share in SHARES:
        engine = engine_on(make_backend(), park_bytes=PARK_BYTES)
        crowd.visit(engine, answers=share)
        engine.close()
        del engine
        gc.collect()
        found.append(measure())
    assert crowd.gone == ANSWERS
    return found


class Sent(Outbox):
    """Its sender is the loop's own thread: what is flushed is in Redis at once."""

    def __init__(self, redis: Redis, *, on_gone: Callable[[UUID, int, bool], None]) -> None:
        super().__init__(redis, on_gone=on_gone, clock=itertools.count().__next__)
        self.after: Callable[[], None] = lambda: None

    def flush(self) -> None:
        super().flush()
        while self._load(wait_seconds=0.0):
            self._send()
        self.after()


class Runner:
    """What a runner holds around its engine; this thread plays all that are beside the loop."""

    def __init__(self, crowd: Crowd, redis: Redis, *, mouth: Mouth, answers: int) -> None:
        self._crowd = crowd
        self._left = answers
        self._is_ending = False
        self._aboard: set[UUID] = set()
        self._holdings = Holdings(mouth, slots=SLOTS)
        self._outbox = Sent(redis, on_gone=self._on_gone)
        self._outbox.after = self._happens
        backend = ScriptedBackend(read_script(SCRIPT), context_length=512, slots=SLOTS)
        self._loop = Loop(
            name="here-1",
            queue_name="queue",
            make_engine=lambda told: engine_on(
                backend, about_to_run=told, park_bytes=PARK_BYTES, new_executor=one_thread
            ),
            holdings=self._holdings,
            outbox=self._outbox,
            mouth=mouth,
            beat_seconds=0.001,
            load_ns=0,
            on_drain=lambda: None,
        )

    def run(self) -> None:
        """From the first who comes to an orderly end, with some still aboard."""
        self._loop.run(lambda: True)
        assert not self._aboard
        assert self._holdings.is_empty
        assert self._outbox.is_empty
        assert not self._outbox._streams

    def _happens(self) -> None:
        """Whatever a runner's other threads bring."""
        crowd, mail = self._crowd, self._loop.mail
        while self._left and len(self._aboard) < 2 * SLOTS and crowd.chance(0.7):
            self._left -= 1
            self._comes(crowd.someone())
        if self._aboard and crowd.chance(0.1):
            stopped = crowd.anyone(self._aboard)
            if self._holdings.stop(stopped):
                mail.put(Stop(generation_id=stopped))
        if self._aboard and crowd.chance(0.1):
            lost = crowd.anyone(self._aboard)
            self._outbox.drop(lost, attempt=1)
            self._on_gone(lost, 1, False)
        if not self._left and len(self._aboard) < SLOTS and not self._is_ending:
            self._is_ending = True
            mail.put(Drain(grace_seconds=0))

    def _comes(self, asked: Request) -> None:
        late, stopped = self._crowd.chance(0.03), self._crowd.chance(0.03)
        self._aboard.add(asked.generation_id)
        self._holdings.add(asked.generation_id, attempt=1, score=1.0)
        claim = Claim(request=asked, score=1.0, first_number=1, is_expired=late, is_stopped=stopped)
        self._loop.mail.put(Submit(claim=claim))

    def _on_gone(self, generation_id: UUID, attempt: int, is_ended: bool) -> None:
        if not is_ended:
            self._loop.mail.put(Drop(generation_id=generation_id, attempt=attempt))
        self._holdings.release(generation_id, attempt=attempt)
        self._crowd.gone += generation_id in self._aboard
        self._aboard.discard(generation_id)


def test_a_runner_keeps_nothing_of_those_who_are_gone() -> None:
    """Its loop, engine, holdings and outbox, over Redis, and its threads and handles."""
    crowd, mouth = Crowd(seed=19), os.open(os.devnull, os.O_WRONLY)
    redis = connect(os.environ["REDIS_URL"])
    sizes, handles = [], []
    tracemalloc.start()
    try:
        for share in SHARES:
            Runner(crowd, redis, mouth=Mouth(mouth), answers=share).run()
            redis.flushdb()
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
            handles.append((psutil.Process().num_fds(), threading.active_count()))
    finally:
        tracemalloc.stop()
        redis.close()
        os.close(mouth)

    assert crowd.gone == ANSWERS
    assert (sizes[-1] - sizes[0]) / (ANSWERS - WARM_UP) < MAX_BYTES_PER_ANSWER
    assert len(set(handles)) == 1


def test_the_native_engine_keeps_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resident memory, samplers and handles, with models loaded and let go in between.

    The bound is wider than above: the allocator keeps pages, and touches more of them by and by.
    """
    path = write_llama(tmp_path / "tiny.gguf", layers=1, width=32, heads=2, kv_heads=1, context=512)
    chains = {"made": 0, "freed": 0}

    def counted(name: str, native: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            chains[name] += 1
            return native(*arguments)

        return call

    monkeypatch.setattr(
        lib, "llama_sampler_chain_init", counted("made", lib.llama_sampler_chain_init)
    )
    monkeypatch.setattr(lib, "llama_sampler_free", counted("freed", lib.llama_sampler_free))

    def tiny() -> Backend:
        return llama.load(path, context_length=256, slots=SLOTS, gpu_layers=0, threads=1)

    process = psutil.Process()
    tiny().close()  # what the library keeps for itself
    descriptors = process.num_fds()
    sizes = visits(tiny, measure=lambda: process.memory_info().rss)

    assert sizes[-1] - sizes[0] < 8 * 1024 * 1024
    assert chains["made"] == chains["freed"] > ANSWERS // 2
    assert process.num_fds() == descriptors
