"""`make bench-page`: the chat page in a slowed browser, each work some rounds, and its table.

One work can be measured alone; MORE=yes goes on with what was measured before.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, StorageState, sync_playwright

from bench import results
from bench.machine import this_machine
from bench.page import records, script, table, works
from bench.page.records import Taken
from setup.screen import Screen
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGUMENTS, sign_in
from tests.browser.house import House

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ROOT / "var" / "bench" / "page.jsonl"
RESULTS = ROOT / "bench" / "RESULTS.md"
FURNISH = Path(__file__).with_name("furnish.py")
MAX_ROUNDS = 20
NAMES = tuple(works.WORKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the person who typed it wants."""

    works: list[str]
    rounds: int
    goes_on: bool
    measured: Path
    results: Path


def main(arguments: Sequence[str]) -> int:
    choice = _choice(arguments)
    screen = Screen()
    if choice.rounds:
        _measure(choice, screen=screen)
    taken = records.read(choice.measured)
    screen.say(table.brief(taken, works=choice.works))
    text = table.part(
        taken,
        machine=this_machine(),
        openings=works.OPENINGS,
        tokens=script.HOUR_TOKENS,
        answers=script.HOUR_ANSWERS,
    )
    results.put(choice.results, part="page", text=text)
    screen.say(f"Written to {choice.results}.")
    return 0


def _measure(choice: Choice, *, screen: Screen) -> None:
    if not choice.goes_on:
        choice.measured.unlink(missing_ok=True)
    with _house() as house, _browser() as browser:
        states = {
            name: _signed_in(browser, house, name) for name in (script.PERSON, script.CHINESE)
        }
        version = f"Chromium {browser.version}"
        for _ in range(choice.rounds):
            for name in choice.works:
                begun = time.monotonic()
                person = script.CHINESE if name == works.CHINESE_LOAD else script.PERSON
                figures = works.WORKS[name](browser, house, states[person])
                number = sum(each.work == name for each in records.read(choice.measured)) + 1
                records.append(
                    choice.measured,
                    Taken(work=name, round=number, browser=version, figures=figures),
                )
                shown = ", ".join(f"{figure} {value:g}" for figure, value in figures.items())
                took = time.monotonic() - begun
                screen.say(f"{name}, round {number}: {shown} ({took:.0f} s)")


@contextmanager
def _house() -> Iterator[House]:
    house = House.build(script.rules(), OLLAMA_CONTEXT_LENGTH="32768")
    try:
        house.open(people=FURNISH)
        yield house
    finally:
        house.close()


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def _signed_in(browser: Browser, house: House, name: str) -> StorageState:
    """Cookies only: what the page keeps in the browser begins empty."""
    context = browser.new_context()
    sign_in(context.new_page(), house, name)
    state = context.storage_state()
    context.close()
    return {**state, "origins": []}


def _choice(arguments: Sequence[str]) -> Choice:
    parser = argparse.ArgumentParser(prog="make bench-page", description=__doc__)
    parser.add_argument("--only", default="", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=3, help="0 only writes the table again")
    parser.add_argument("--more", action="store_true", help="go on with what was measured before")
    parser.add_argument("--measured", type=Path, default=MEASURED, help="where figures are kept")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the table goes")
    told = parser.parse_args(list(arguments))
    wanted = [word.strip() for word in told.only.split(",") if word.strip()]
    if not set(wanted) <= set(NAMES) or not 0 <= told.rounds <= MAX_ROUNDS:
        parser.error(f"works are {', '.join(NAMES)}; rounds are 0 to {MAX_ROUNDS}")
    return Choice(
        works=wanted or list(NAMES),
        rounds=told.rounds,
        goes_on=told.more,
        measured=told.measured,
        results=told.results,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
