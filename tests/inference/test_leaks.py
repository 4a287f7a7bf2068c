"""Five thousand answers with people coming, stopping, vanishing and models changing: nothing is
left behind (threat F19)."""

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy
import psutil
import pytest

from inference.engine import llama
from inference.engine.backend import Backend
from inference.engine.engine import Engine
from inference.engine.llama.library import lib
from inference.engine.scripted import ScriptedBackend, read_script
from inference.engine.updates import Over
from tests.doubles.tinymodels import write_llama
from tests.inference.engine.aboard import engine_on, request

ANSWERS = 5_000
ENGINES = 10  # one after another, as when models are switched
PEOPLE = 12
SLOTS = 4
# Everything that is kept on purpose is full by then: conversations in slots and parked ones.
WARM_UP = ANSWERS // 5
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
            while left and len(aboard) < 2 * SLOTS and self._dice.random() < 0.7:
                left -= 1
                aboard.add(self._join(engine))
            if aboard and self._dice.random() < 0.1:
                engine.stop(self._anyone(aboard))
            if aboard and self._dice.random() < 0.1:
                dropped = self._anyone(aboard)
                engine.drop(dropped)
                aboard.discard(dropped)
                self.gone += 1
            ended = {one.generation_id for one in engine.step() if isinstance(one, Over)}
            self.gone += len(aboard & ended)
            aboard -= ended
        assert engine.is_idle
        assert engine.free_slots == SLOTS

    def _join(self, engine: Engine) -> UUID:
        self._number += 1
        asked = request(
            self._number,
            text=f"question {self._below(20)} " * (1 + self._below(4)),
            person=f"p{self._below(PEOPLE)}",
            num_predict=1 + self._below(6),
            seed=self._number,
            temperature=0.8 * self._below(2),
        )
        engine.submit(asked)
        return asked.generation_id

    def _anyone(self, aboard: set[UUID]) -> UUID:
        return sorted(aboard)[self._below(len(aboard))]

    def _below(self, bound: int) -> int:
        return int(self._dice.integers(bound))


def visits(make_backend: Callable[[], Backend], *, measure: Callable[[], int]) -> list[int]:
    """What was measured after each engine was closed, the warm-up first."""
    crowd, found = Crowd(seed=19), []
    shares = [WARM_UP, *[(ANSWERS - WARM_UP) // ENGINES] * ENGINES]
    for share in shares:
        engine = engine_on(make_backend(), park_bytes=PARK_BYTES)
        crowd.visit(engine, answers=share)
        engine.close()
        del engine
        gc.collect()
        found.append(measure())
    assert crowd.gone == sum(shares) == ANSWERS
    return found


def test_the_engine_keeps_nothing_of_those_who_are_gone() -> None:
    def scripted() -> ScriptedBackend:
        return ScriptedBackend(read_script(SCRIPT), context_length=512, slots=SLOTS)

    descriptors = psutil.Process().num_fds()
    tracemalloc.start()
    try:
        sizes = visits(scripted, measure=lambda: tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()

    assert (sizes[-1] - sizes[0]) / (ANSWERS - WARM_UP) < MAX_BYTES_PER_ANSWER
    assert psutil.Process().num_fds() == descriptors


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
