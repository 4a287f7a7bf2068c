"""The work that is measured, beside whom, and what DESIGN section 3 wants of it.

Nothing runs here: `sides.py` starts who is compared, `load.py` does the work, `table.py` judges.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from bench import load
from bench.figures import Figures
from bench.load import Crowd
from bench.servers import Shape

# Where all conversations are short: the same 16,384 cells, once for few and once for many at once.
MANY = Shape(slots=16, context=1024)
FEW = Shape(slots=4, context=4096)
# Where prompts are long: 32,768 and 16,384 cells.
ROOMY = Shape(slots=8, context=4096)
QUOTING = Shape(slots=4, context=4096)
MOST_SECONDS = 290.0

Run = Callable[[Crowd, int], Awaitable[Figures]]
# What a goal is about: ours / theirs, how many milliseconds ours is more, or ours alone.
Measure = Literal["ratio", "more_ms", "ours"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What one figure should come to. `bound` None: shown, not judged."""

    figure: str
    words: str
    measure: Measure = "ratio"
    is_most: bool = False
    bound: float | None = None

    def is_met(self, found: float) -> bool | None:
        if self.bound is None:
            return None
        return found <= self.bound if self.is_most else found >= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Whom a work is compared with, how it is started, and the goals against it."""

    kind: Literal["llama-server", "engine", "bare load"]
    shape: Shape
    goals: tuple[Goal, ...]

    @property
    def name(self) -> str:
        if self.kind == "llama-server":
            return f"llama-server -np {self.shape.slots}"
        return "the engine in-process" if self.kind == "engine" else "a bare load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One block of the table. `run` is given the people and a seed.

    A burst says of how many `people`, how many `times` and how many `max_tokens`.
    """

    name: str
    words: str
    shape: Shape
    rivals: tuple[Rival, ...]
    run: Run
    people: int = 0
    times: int = 0
    max_tokens: int = 0

    async def measured(self, crowd: Crowd, seed: int) -> Figures:
        async with asyncio.timeout(MOST_SECONDS):
            return await self.run(crowd, seed)


def _speed(bound: float | None) -> Goal:
    return Goal(figure="tokens_per_second", words="tokens/s", bound=bound)


def _most(figure: str, words: str, bound: float | None) -> Goal:
    return Goal(figure=figure, words=words, is_most=True, bound=bound)


_FIRST = _most("first_p50", "first token p50", None)
_FIRST_LATE = _most("first_p95", "first token p95", None)
_GAP = _most("gap_p95", "gap p95", None)
_GAP_WORST = _most("gap_worst", "worst gap", None)


def _burst(people: int, *, times: int) -> Work:
    goals = (_speed(1.0), _FIRST, _FIRST_LATE, _GAP)

    async def run(crowd: Crowd, seed: int) -> Figures:
        return await load.burst(crowd, people=people, times=times, max_tokens=96, seed=seed)

    again = f", {times} times in turn" if times > 1 else ""
    return Work(
        name=f"burst-{people}",
        words=f"{people} at once{again}, 96 tokens each",
        shape=MANY,
        rivals=(
            Rival(kind="llama-server", shape=FEW, goals=goals),
            Rival(kind="llama-server", shape=MANY, goals=goals),
        ),
        run=run,
    )


def _talk(think_seconds: int, *, fullness: str) -> Work:
    async def run(crowd: Crowd, seed: int) -> Figures:
        return await load.talk(
            crowd, people=12, turns=4, think_seconds=think_seconds, max_tokens=64, seed=seed
        )

    common = (_most("gap_p95", "gap p95", 0.4), _speed(1.15), _FIRST, _GAP_WORST)
    few = (_most("later_p50", "later turns' first token p50", 0.3), _FIRST_LATE)
    many = (
        _most("later_p50", "later turns' first token p50", 0.8),
        _most("first_p95", "first token p95", 0.4),
    )
    return Work(
        name=f"talk-{think_seconds}",
        words=f"12 people × 4 turns of 64 tokens, thinking {think_seconds} s ({fullness} load)",
        shape=MANY,
        rivals=(
            Rival(kind="llama-server", shape=FEW, goals=(*few, *common)),
            Rival(kind="llama-server", shape=MANY, goals=(*many, *common)),
        ),
        run=run,
    )


def _tax(people: int, *, times: int, most_ms: float) -> Work:
    async def run(crowd: Crowd, seed: int) -> Figures:
        return await load.burst(crowd, people=people, times=times, max_tokens=64, seed=seed)

    later = Goal(
        figure="first_p50",
        words="first token p50, milliseconds more",
        measure="more_ms",
        is_most=True,
        bound=most_ms,
    )
    spent = Goal(
        figure="around_per_1000",
        words="processor seconds per 1,000 tokens outside the engine",
        measure="ours",
        is_most=True,
        bound=0.3,
    )
    return Work(
        name=f"tax-{people}",
        words=f"{people} at once, {times} times in turn, 64 tokens each",
        shape=MANY,
        rivals=(Rival(kind="engine", shape=MANY, goals=(later, spent, _speed(0.97))),),
        run=run,
        people=people,
        times=times,
        max_tokens=64,
    )


async def _run_long(crowd: Crowd, seed: int) -> Figures:
    return await load.long_among(crowd, running=4, max_tokens=256, seed=seed)


async def _run_documents(crowd: Crowd, seed: int) -> Figures:
    return await load.documents(crowd, people=4, times=2, max_tokens=128, seed=seed)


async def _run_switch(crowd: Crowd, seed: int) -> Figures:
    return await load.switch(crowd, times=6, seed=seed)


_LONG = Work(
    name="long",
    words="a prompt of 2,000 tokens arrives while 4 answers are being written",
    shape=ROOMY,
    rivals=(
        Rival(
            kind="llama-server",
            shape=ROOMY,
            goals=(
                _most("others_gap_p95", "gap p95 of the 4", None),
                _most("others_gap_worst", "worst gap of the 4", None),
                _most("long_first", "first token of the long one", None),
                _speed(None),
            ),
        ),
    ),
    run=_run_long,
)

_DOCUMENT = Work(
    name="document",
    words="4 at once, 2 times in turn, ask to copy out a document of their own",
    shape=QUOTING,
    rivals=(Rival(kind="llama-server", shape=QUOTING, goals=(_speed(None), _FIRST, _GAP)),),
    run=_run_documents,
)

_SWITCH = Work(
    name="switch",
    words="the other of two models is asked, with room for one: until its first token",
    shape=FEW,
    rivals=(Rival(kind="bare load", shape=FEW, goals=(_FIRST, _FIRST_LATE)),),
    run=_run_switch,
)

WORKS = (
    _burst(1, times=6),
    _burst(4, times=3),
    _burst(16, times=1),
    _burst(32, times=1),
    _talk(4, fullness="full"),
    _talk(10, fullness="half"),
    _LONG,
    _DOCUMENT,
    _SWITCH,
    _tax(1, times=10, most_ms=5),
    _tax(8, times=4, most_ms=15),
)


def chosen(only: str) -> list[Work]:
    """Works whose name is one of the comma-separated words or begins with it; all for none."""
    words = [word.strip() for word in only.split(",") if word.strip()]
    return [
        work
        for work in WORKS
        if not words or any(work.name == w or work.name.startswith(f"{w}-") for w in words)
    ]
