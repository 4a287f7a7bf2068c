"""The page of results: what was found, with the goals beside it. Measures nothing."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from bench import records
from bench.figures import median, ratio
from bench.machine import Machine
from bench.records import Record
from bench.works import WORKS, Goal, Rival, Work

OURS = "ours"
# More than this share of the machine, and somebody else computed while we measured.
QUIET_SHARE = 0.05
_NUMBERS = {"ratio": "{:.2f} ×", "more_ms": "{:+.1f} ms", "ours": "{:.2f}"}
_HEAD = """# What was measured

Written by `make bench`; run it again rather than change a figure here. "Ours" is the whole portal
over HTTP, every person with a key of her own. Both sides are sent the same words; the system prompt
they begin with is the model's own, so that the engine may share what it made of it. Each line is
the median of its rounds: both sides, and what the goal is about (`×` is ours divided by theirs,
round by round). Times are in seconds.

"""
_COLUMNS = "| figure | ours | theirs | found | goal | |\n|---|---|---|---|---|---|\n"


class Line(NamedTuple):
    """One figure of one comparison, in words."""

    words: str
    ours: str
    theirs: str
    found: str
    goal: str
    verdict: str


def brief(measured: Sequence[Record], *, works: Sequence[Work]) -> str:
    """For the screen: a line a figure of what was measured on both sides."""
    return "\n".join(
        f"{work.name} to {rival.name}: {' | '.join(part for part in line if part)}"
        for work in works
        for rival in work.rivals
        for line in _lines(measured, work=work, rival=rival)
    )


def page(measured: Sequence[Record], *, machine: Machine, now: datetime | None = None) -> str:
    """What RESULTS.md begins with; `results.py` keeps its other parts."""
    blocks = [_block(measured, work=work, rival=rival) for work in WORKS for rival in work.rivals]
    return "\n".join(
        [
            _HEAD + _conditions(machine, now=now or datetime.now(UTC)),
            *(block for block in blocks if block),
            _commands(measured),
        ]
    )


def _conditions(machine: Machine, *, now: datetime) -> str:
    return (
        f"Taken {now:%Y-%m-%d} on {machine.processor}, {machine.cores} cores, "
        f"{machine.memory_gib} GiB, {machine.system}, Python {machine.python}, "
        f"llama-cpp-python {machine.llama_cpp_python} and the llama-server of its sources, "
        f"{machine.cores} threads each, SmolLM2-135M-Instruct Q4_1.\n"
    )


def _block(measured: Sequence[Record], *, work: Work, rival: Rival) -> str:
    lines = [f"| {' | '.join(line)} |" for line in _lines(measured, work=work, rival=rival)]
    if not lines:
        return ""
    pairs = _pairs(measured, work=work, rival=rival)
    rounds = f"{len(pairs)} round{'s' if len(pairs) > 1 else ''}"
    noise = _noise([each for pair in pairs for each in pair])
    head = f"## {work.name} beside {rival.name}\n\n{work.words}; {rounds}{noise}.\n\n"
    return head + _COLUMNS + "\n".join(lines) + "\n"


def _lines(measured: Sequence[Record], *, work: Work, rival: Rival) -> Iterator[Line]:
    pairs = _pairs(measured, work=work, rival=rival)
    for goal in rival.goals:
        found = median(_found(goal, ours, theirs) for ours, theirs in pairs)
        if found is None:
            continue
        yield Line(
            words=goal.words,
            ours=_number(median(ours.figures.value(goal.figure) for ours, _ in pairs)),
            theirs=_number(median(theirs.figures.value(goal.figure) for _, theirs in pairs)),
            found=_NUMBERS[goal.measure].format(found),
            goal=_bound(goal),
            verdict={None: "", True: "met", False: "**missed**"}[goal.is_met(found)],
        )


def _pairs(measured: Sequence[Record], *, work: Work, rival: Rival) -> list[tuple[Record, Record]]:
    """Both sides of the rounds that both have."""
    theirs = {each.round: each for each in records.of(measured, work=work.name, server=rival.name)}
    ours = records.of(measured, work=work.name, server=OURS)
    return [(each, theirs[each.round]) for each in ours if each.round in theirs]


def _found(goal: Goal, ours: Record, theirs: Record) -> float | None:
    own, other = ours.figures.value(goal.figure), theirs.figures.value(goal.figure)
    if goal.measure == "ours":
        return own
    if goal.measure == "ratio":
        return ratio(own, other)
    return None if own is None or other is None else (own - other) * 1000


def _noise(taken: Iterable[Record]) -> str:
    """Said only where others computed too much for the figures to be trusted."""
    shares = [
        each.figures.more.get("others_cpu", 0.0) / each.figures.seconds
        for each in taken
        if each.figures.seconds
    ]
    worst = max(shares, default=0.0)
    return f"; others computed for up to {worst:.0%} of a core" if worst > QUIET_SHARE else ""


def _commands(measured: Sequence[Record]) -> str:
    told = dict.fromkeys(f"{each.server}: {each.command}" for each in measured)
    lines = "\n".join(told)
    return f"## How each was started\n\n```text\n{lines}\n```\n"


def _bound(goal: Goal) -> str:
    if goal.bound is None:
        return ""
    return f"{'≤' if goal.is_most else '≥'} {goal.bound:g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
