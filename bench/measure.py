"""One work, on one side, once: started fresh, warmed, asked, counted, ended."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from bench import load, prompts
from bench.figures import Answer, Figures, figures_of
from bench.machine import busy_seconds, own_seconds
from bench.servers import Running, Server, bare_environment
from bench.works import MOST_SECONDS, Work

ROOT = Path(__file__).resolve().parents[1]
LOADS = 6


class Failed(RuntimeError):
    """Answers were missing. A figure without them would flatter."""


def served(work: Work, server: Server, *, seed: int) -> Figures:
    """The work over HTTP. Raises `Failed` when any answer failed."""
    with server.running() as running:
        return asyncio.run(_asked(work, running, seed=seed, name=server.name))


def in_process(task: Mapping[str, object], *, tree: Path) -> Figures:
    """The engine of that checkout, without anything around it."""
    environment = {**bare_environment(), "PYTHONPATH": f"{tree}:{ROOT}"}
    busy = busy_seconds()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bench.inprocess", msgspec.json.encode(task).decode()],
        cwd=tree,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        timeout=MOST_SECONDS,
    )
    if done.returncode:
        raise Failed(f"the engine in-process ended with {done.returncode}")
    figures = msgspec.json.decode(done.stdout, type=Figures)
    more = {"machine_cpu": round(busy_seconds() - busy, 2)}
    return replace(figures, more={**figures.more, **more})


def bare_loads(server: Server, *, seed: int) -> Figures:
    """From the start of a fresh process to its first token, a few times."""
    answers: list[Answer] = []
    begun = time.perf_counter()
    for turn in range(LOADS):
        started = time.perf_counter()
        with server.running() as running:
            waited = time.perf_counter() - started
            answer = asyncio.run(_one_answer(running, seed=seed, turn=turn))
        answers.append(replace(answer, first=answer.first + waited))
    return figures_of(answers, errors=0, seconds=time.perf_counter() - begun)


async def _asked(work: Work, running: Running, *, seed: int, name: str) -> Figures:
    async with load.crowd(running.door) as crowd:
        before, own, busy = running.spent(), own_seconds(), busy_seconds()
        figures = await work.measured(crowd, seed)
        busy = busy_seconds() - busy
        spent = {
            f"{part}_cpu": round(seconds - before.get(part, 0.0), 2)
            for part, seconds in running.spent().items()
        }
        spent["load_cpu"] = round(own_seconds() - own, 2)
        # What others computed meanwhile: figures taken on a busy machine tell little.
        spent["others_cpu"] = round(max(0.0, busy - sum(spent.values())), 2)
        if crowd.faults:
            raise Failed(f"{name}, {work.name}: {len(crowd.faults)} failed; {crowd.faults[0]}")
    if "around_cpu" in spent and figures.tokens:
        spent["around_per_1000"] = round(1000 * spent["around_cpu"] / figures.tokens, 3)
    return replace(figures, more={**figures.more, **spent})


async def _one_answer(running: Running, *, seed: int, turn: int) -> Answer:
    async with load.people_at(running.door) as crowd:
        return await crowd.ask(0, prompts.essay(seed, 0, turn=turn), max_tokens=4)
