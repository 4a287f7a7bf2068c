"""`make bench`: the portal and its rivals in turn, each work some rounds, and a table of ratios.

The order alternates, and every round has a seed of its own. One work can be measured alone, or one
side; MORE=yes goes on with what was measured before.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import measure, peer, records, results, table, works
from bench.figures import Figures
from bench.machine import this_machine
from bench.ours import ROOT, TWIN, house, twin
from bench.records import Record
from bench.servers import NotReady
from bench.sides import Means, Side, sides
from bench.works import Work
from setup import starter
from setup.commands import SetupFailed, complain
from setup.screen import Screen

MEASURED = peer.CACHE / "measured.jsonl"
RESULTS = Path(__file__).with_name("RESULTS.md")
BOTH = "ours,peer"
MAX_ROUNDS = 20
FIRST_SEED = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the person who typed it wants."""

    works: list[Work]
    rounds: int
    servers: str
    people: int
    tree: Path
    seed: int
    goes_on: bool
    measured: Path
    results: Path


def main(arguments: Sequence[str]) -> int:
    screen = Screen()
    try:
        choice = _choice(arguments)
        if choice.rounds:
            _measure(choice, screen=screen)
        _tell(choice, screen=screen)
    except (SetupFailed, NotReady, measure.Failed) as error:
        return complain(error)
    except KeyboardInterrupt:
        return complain(SetupFailed("\nInterrupted. MORE=yes goes on with what was measured."))
    return 0


def _measure(choice: Choice, *, screen: Screen) -> None:
    if not choice.goes_on:
        choice.measured.unlink(missing_ok=True)
    with _means(choice, screen=screen) as means:
        for work in choice.works:
            known = list(sides(work, means))
            for number in range(choice.rounds):
                for side in known if number % 2 == 0 else reversed(known):
                    _one(work, side, choice=choice, screen=screen)


@contextmanager
def _means(choice: Choice, *, screen: Screen) -> Iterator[Means]:
    """The portal's house and the peer's program, as far as they are wanted."""
    model = starter.unpack(screen).resolve()
    with ExitStack() as opened:
        ours = None
        if "ours" in choice.servers:
            switches = any(work.name == "switch" for work in choice.works)
            models = {TWIN: twin(model, peer.CACHE).resolve()} if switches else {}
            ours = opened.enter_context(
                house(model, tree=choice.tree, models=models, people=choice.people)
            )
        yield Means(
            house=ours,
            program=peer.build(screen) if "peer" in choice.servers else None,
            model=model,
            tree=choice.tree,
            threads=this_machine().cores,
        )


def _one(work: Work, side: Side, *, choice: Choice, screen: Screen) -> None:
    """The next round of this work on this side; the same round has the same seed everywhere."""
    begun = time.monotonic()
    known = records.of(records.read(choice.measured), work=work.name, server=side.name)
    number = len(known) + 1
    seed = choice.seed + number
    figures = side.once(seed)
    record = Record(
        work=work.name,
        server=side.name,
        command=side.command,
        round=number,
        seed=seed,
        figures=figures,
    )
    records.append(choice.measured, record)
    took = time.monotonic() - begun
    screen.say(f"{work.name}, round {number}, {side.name}: {_short(figures)} ({took:.0f} s)")


def _tell(choice: Choice, *, screen: Screen) -> None:
    measured = records.read(choice.measured)
    screen.say(table.brief(measured, works=choice.works))
    if choice.servers == BOTH:
        page = table.page(measured, machine=this_machine())
        results.put(choice.results, part=results.FIRST, text=page)
        screen.say(f"Written to {choice.results}.")


def _short(figures: Figures) -> str:
    shown = {
        "tokens/s": figures.tokens_per_second,
        "first p50": figures.first_p50,
        "p95": figures.first_p95,
        "later p50": figures.later_p50,
        "gap p50": figures.gap_p50,
        "p95 ": figures.gap_p95,
        "worst": figures.gap_worst,
        "tokens": figures.tokens,
        "seconds": figures.seconds,
        **figures.more,
    }
    return ", ".join(f"{name} {value:g}" for name, value in shown.items() if value is not None)


def _choice(arguments: Sequence[str]) -> Choice:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help="works, such as burst,talk-4")
    parser.add_argument("--rounds", type=int, default=3, help="0 only writes the table again")
    parser.add_argument("--servers", default=BOTH, choices=(BOTH, "ours", "peer"))
    parser.add_argument("--people", type=int, default=0, help="different people; 0: all different")
    parser.add_argument("--tree", type=Path, default=ROOT, help="the checkout to measure")
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--more", action="store_true", help="go on with what was measured before")
    parser.add_argument("--measured", type=Path, default=MEASURED, help="where figures are kept")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the table goes")
    told = parser.parse_args(list(arguments))
    found = works.chosen(told.only)
    if not found or not 0 <= told.rounds <= MAX_ROUNDS:
        names = ", ".join(work.name for work in works.WORKS)
        parser.error(f"works are {names}; rounds are 0 to {MAX_ROUNDS}")
    return Choice(
        works=found,
        rounds=told.rounds,
        servers=told.servers,
        people=told.people,
        tree=told.tree.resolve(),
        seed=told.seed,
        goes_on=told.more,
        measured=told.measured,
        results=told.results,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
