"""The part of RESULTS.md about the page: what was found, the budgets, and Open WebUI beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from bench.figures import median
from bench.machine import Machine
from bench.page.records import Taken

Unit = Literal["KB", "MB", "ms", "s", "count", "a second"]
# In figures as they are taken: bytes and milliseconds.
_DIVISORS: dict[Unit, float] = {"KB": 1_000, "MB": 1_000_000, "s": 1_000}

_HEAD = """## The chat page

Written by `make bench-page`; run it again rather than change a figure here. A living portal whose
model follows a script, and a browser that has never been here, both on one machine; the browser's
processor is slowed four times where not said otherwise. A key counts from its press until the frame
that shows its letter is made. The long talk is opened {openings} times a round, and the slowest
counts. An hour of answers is {tokens:,} tokens in {answers} answers of one conversation, as fast as
they come. Each line is the median of its rounds. Open WebUI's figures (0.12.4, a talk of 1,000
messages) were taken once on a machine like this one; they are not taken again here.

"""
_COLUMNS = "| figure | ours | Open WebUI | goal | |\n|---|---|---|---|---|\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure in words. `bound` None: shown, not judged."""

    work: str
    figure: str
    words: str
    unit: Unit
    theirs: str = ""
    bound: float | None = None
    is_most: bool = True

    def is_met(self, found: float) -> bool | None:
        if self.bound is None:
            return None
        return found < self.bound if self.is_most else found >= self.bound


def _keys(streamed: str, words: str) -> tuple[Line, ...]:
    work = f"keys-{streamed}"
    return (
        Line(
            work=work,
            figure=f"{streamed}_key_p95",
            words=f"key p95 while {words} streams",
            unit="ms",
            theirs="27–56 ms",
            bound=50,
        ),
        Line(
            work=work,
            figure=f"{streamed}_event_p95",
            words="the same as the browser times it, in steps of 8 ms",
            unit="ms",
        ),
        Line(
            work=work,
            figure=f"{streamed}_tokens_per_second",
            words="tokens of four letters shown meanwhile",
            unit="a second",
            bound=200,
            is_most=False,
        ),
    )


def _load(work: str, language: str, *, theirs: bool) -> tuple[Line, ...]:
    return (
        Line(
            work=work,
            figure="bytes",
            words=f"first load, {language}",
            unit="KB",
            theirs="2,730 KB" if theirs else "",
            bound=150_000,
        ),
        Line(
            work=work,
            figure="requests",
            words="in so many requests",
            unit="count",
            theirs="234" if theirs else "",
        ),
        Line(work=work, figure="socket_bytes", words="and over the WebSocket", unit="KB"),
        Line(
            work=work,
            figure="typing_slowed",
            words="typing possible after",
            unit="s",
            theirs="7.7 s" if theirs else "",
            bound=1_000,
        ),
        Line(work=work, figure="typing_again_slowed", words="on the second visit", unit="s"),
        Line(
            work=work,
            figure="typing",
            words="on the first visit at full speed",
            unit="s",
            theirs="3.3 s" if theirs else "",
        ),
    )


LINES = (
    *_load("load", "English", theirs=True),
    *_load("load-zh", "简体中文", theirs=False),
    Line(
        work="open",
        figure="open",
        words="a talk of 2,000 messages opens",
        unit="s",
        theirs="8 s (1,000)",
        bound=1_000,
    ),
    Line(
        work="open",
        figure="open_by_address",
        words="by its address, with the page",
        unit="s",
    ),
    Line(work="open", figure="open_drawn", words="answers drawn of it", unit="count"),
    Line(work="open", figure="back", words="all the way up to its first question", unit="s"),
    Line(work="open", figure="back_stall", words="longest stall on that way", unit="ms"),
    Line(work="open", figure="back_drawn", words="answers drawn at its end", unit="count"),
    *_keys("prose", "text"),
    *_keys("program", "one long block of code"),
    Line(
        work="hour",
        figure="hour_heap",
        words="memory of scripts after an hour of answers",
        unit="MB",
    ),
    Line(work="hour", figure="hour_heap_before", words="after the first of them", unit="MB"),
    Line(work="hour", figure="hour_nodes", words="nodes after an hour", unit="count"),
    Line(work="hour", figure="hour_nodes_before", words="after the first answer", unit="count"),
    Line(work="hour", figure="hour_listeners", words="listeners after an hour", unit="count"),
)


def part(
    taken: Sequence[Taken],
    *,
    machine: Machine,
    openings: int,
    tokens: int,
    answers: int,
    now: datetime | None = None,
) -> str:
    rows = [row for line in LINES if (row := _row(line, taken)) is not None]
    when = f"{now or datetime.now(UTC):%Y-%m-%d}"
    browsers = ", ".join(sorted({each.browser for each in taken}))
    counts: dict[str, int] = {}
    for each in taken:
        counts[each.work] = counts.get(each.work, 0) + 1
    rounds = ", ".join(f"{work} {count}" for work, count in counts.items())
    return (
        _HEAD.format(openings=openings, tokens=tokens, answers=answers)
        + f"Taken {when} with {browsers} on {machine.processor}, {machine.cores} cores, "
        f"{machine.memory_gib} GiB, {machine.system}; rounds: {rounds}.\n\n"
        + _COLUMNS
        + "\n".join(f"| {' | '.join(row)} |" for row in rows)
    )


def brief(taken: Sequence[Taken], *, works: Sequence[str]) -> str:
    """For the screen: a line a figure of what was measured."""
    rows = [_row(line, taken) for line in LINES if line.work in works]
    return "\n".join(": ".join(filter(None, row[:2])) + f"  {row[4]}" for row in rows if row)


def _row(line: Line, taken: Sequence[Taken]) -> tuple[str, str, str, str, str] | None:
    found = median(each.figures.get(line.figure) for each in taken if each.work == line.work)
    if found is None:
        return None
    goal = ""
    if line.bound is not None:
        goal = f"{'<' if line.is_most else '≥'} {_shown(line.bound, line.unit)}"
    verdict = {None: "", True: "met", False: "**missed**"}[line.is_met(found)]
    return line.words, _shown(found, line.unit), line.theirs, goal, verdict


def _shown(value: float, unit: Unit) -> str:
    number = value / _DIVISORS.get(unit, 1.0)
    if unit in ("count", "a second"):
        return f"{number:,.0f}"
    return f"{number:,.2f} {unit}" if number < 10 else f"{number:,.0f} {unit}"
