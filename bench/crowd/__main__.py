"""`make bench-crowd`: one web process before many open tabs, a scripted model behind it.

What a frame costs and when it comes, and what a line costs on which nothing happens. Not for how
fast a model is: `make bench` is.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from redis.asyncio import Redis

from bench import results
from bench.crowd import script, table
from bench.crowd.tabs import Heard, Tab, open_tabs, watch
from bench.figures import percentile
from bench.machine import family, own_seconds, processor_seconds, this_machine
from setup.screen import Screen
from tests.browser.house import House

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "RESULTS.md"
FURNISH = Path(__file__).with_name("furnish.py")
MAX_ROUNDS = 10
SETTLE_SECONDS = 5.0
STREAM_SECONDS = 20.0
IDLE_SECONDS = 30.0
# Of so many answers the entries are watched in Valkey: enough to judge by, too few to disturb.
WATCHED = 10
# Together with what the tabs of one person ask for, below what the portal takes from one person.
TABS_A_PERSON_IDLE = script.IDLE_TABS // script.PEOPLE

Figures = dict[str, float]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench-crowd", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the table goes")
    told = parser.parse_args(list(arguments))
    if not 1 <= told.rounds <= MAX_ROUNDS:
        parser.error(f"rounds are 1 to {MAX_ROUNDS}")
    screen = Screen()
    taken: list[Figures] = []
    for number in range(told.rounds):
        taken.append(_round())
        shown = ", ".join(f"{name} {value:.4g}" for name, value in taken[-1].items())
        screen.say(f"round {number + 1}: {shown}")
    results.put(told.results, part="crowd", text=table.part(taken, machine=this_machine()))
    screen.say(f"Written to {told.results}.")
    return 0


def _round() -> Figures:
    """In a portal of its own, so that memory begins where it begins."""
    house = House.build(script.rules(), OLLAMA_NUM_PARALLEL=str(script.PEOPLE))
    try:
        house.open(people=FURNISH)
        return asyncio.run(_measured(house))
    finally:
        house.close()


async def _measured(house: House) -> Figures:
    cookies = json.loads((house.home / script.COOKIES).read_text())
    web = psutil.Process(house.running["web"].pid)
    async with Redis(unix_socket_path=str(house.home / "valkey.sock")) as redis:
        streamed = await _stream(house, cookies, web=web, redis=redis)
    return {**streamed, **await _stand_idle(house, cookies, web=web)}


async def _stream(
    house: House, cookies: Sequence[str], *, web: psutil.Process, redis: Redis
) -> Figures:
    heard = Heard()
    everyone = [cookie for cookie in cookies for _ in range(script.TABS_A_PERSON)]
    async with open_tabs(house.address, everyone, heard=heard) as tabs:
        answers = await _all_ask(tabs)
        watching = asyncio.create_task(watch(redis, list(answers)[:WATCHED], heard=heard))
        await asyncio.sleep(SETTLE_SECONDS)
        figures = await _while_it_streams(house, heard, web=web)
        watching.cancel()
        for generation_id, asker in answers.items():
            await asker.told("generation.stop", generation_id=generation_id)
    return figures


async def _all_ask(tabs: Sequence[Tab]) -> dict[str, Tab]:
    """Who asked, by the answer. The first tab of each person asks, and all of them follow."""
    answers: dict[str, Tab] = {}
    for first in range(0, len(tabs), script.TABS_A_PERSON):
        theirs = tabs[first : first + script.TABS_A_PERSON]
        generation_id = await theirs[0].ask("Say it again and again.")
        answers[generation_id] = theirs[0]
        for tab in theirs:
            await tab.told("follow", generation_id=generation_id, attempt=1, number=0)
    return answers


async def _while_it_streams(house: House, heard: Heard, *, web: psutil.Process) -> Figures:
    parts = [each for process in house.running.values() for each in family(process.pid)]
    heard.came.clear()
    size_before, web_before = web.memory_info().rss, processor_seconds([web])
    all_before, own_before, begun = processor_seconds(parts), own_seconds(), time.monotonic()
    await asyncio.sleep(STREAM_SECONDS)
    seconds = time.monotonic() - begun
    web_spent = processor_seconds([web]) - web_before
    delays = heard.delays()
    return {
        "sockets": script.PEOPLE * script.TABS_A_PERSON,
        "frames_a_second": len(heard.came) / seconds,
        "delay_p50": (percentile(delays, 0.5) or 0.0) * 1000,
        "delay_p95": (percentile(delays, 0.95) or 0.0) * 1000,
        "web_us_a_frame": web_spent / max(1, len(heard.came)) * 1e6,
        "web_share": web_spent / seconds * 100,
        "beside_share": (processor_seconds(parts) - all_before - web_spent) / seconds * 100,
        "tabs_share": (own_seconds() - own_before) / seconds * 100,
        "web_grown": (web.memory_info().rss - size_before) / 1024**2,
    }


async def _stand_idle(house: House, cookies: Sequence[str], *, web: psutil.Process) -> Figures:
    """Nobody is answered any more: only the lines count."""
    many = [cookie for cookie in cookies for _ in range(TABS_A_PERSON_IDLE)]
    size_before = web.memory_info().rss
    async with open_tabs(house.address, many, heard=Heard()):
        await asyncio.sleep(SETTLE_SECONDS)
        before, begun = processor_seconds([web]), time.monotonic()
        await asyncio.sleep(IDLE_SECONDS)
        spent, seconds = processor_seconds([web]) - before, time.monotonic() - begun
        grown = web.memory_info().rss - size_before
    return {
        "idle_sockets": len(many),
        "idle_share": spent / seconds * 100,
        "idle_kib": grown / 1024 / len(many),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
