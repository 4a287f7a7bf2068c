"""The part of RESULTS.md about crowds: what was found, and the goals of DESIGN section 3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.crowd import script
from bench.figures import median
from bench.machine import Machine

_HEAD = """## Many tabs

Written by `make bench-crowd`; run it again rather than change a figure here. One web process, the
whole road, and a model that follows a script: {people} people, {tabs} tabs each, all of which are
shown an answer that grows {pace} times a second. A frame's delay is from the moment in which its
entry lies in Valkey to the moment in which the tab has it. The tabs run on the same machine, in one
process. Then {idle:,} tabs stand open in which nothing happens. Each line is the median of its
rounds.

"""
_COLUMNS = "| figure | found | goal | |\n|---|---|---|---|\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure in words. `bound` None: shown, not judged; otherwise no more than that."""

    figure: str
    words: str
    unit: str = ""
    digits: int = 0
    bound: float | None = None

    def row(self, found: float | None) -> str:
        if found is None:
            return f"| {self.words} |  |  |  |"
        shown = f"{found:,.{self.digits}f}{self.unit}"
        if self.bound is None:
            return f"| {self.words} | {shown} |  |  |"
        verdict = "met" if found <= self.bound else "**missed**"
        return f"| {self.words} | {shown} | ≤ {self.bound:g}{self.unit} | {verdict} |"


_LINES = (
    Line(figure="sockets", words="tabs that are shown an answer"),
    Line(figure="frames_a_second", words="frames a second, all together"),
    Line(figure="delay_p50", words="delay p50", unit=" ms", digits=1),
    Line(figure="delay_p95", words="delay p95", unit=" ms", digits=1, bound=100),
    Line(figure="web_us_a_frame", words="web process, a frame", unit=" µs", bound=150),
    Line(figure="web_share", words="web process, of a core", unit=" %"),
    Line(figure="web_grown", words="web process, memory more after that", unit=" MiB", digits=1),
    Line(figure="beside_share", words="all other parts, of a core", unit=" %"),
    Line(figure="tabs_share", words="the tabs themselves, of a core", unit=" %"),
    Line(figure="idle_sockets", words="idle tabs"),
    Line(
        figure="idle_share", words="web process meanwhile, of a core", unit=" %", digits=1, bound=5
    ),
    Line(figure="idle_kib", words="web process, memory a tab", unit=" KiB"),
)


def part(
    taken: Sequence[Mapping[str, float]], *, machine: Machine, now: datetime | None = None
) -> str:
    day = (now or datetime.now(UTC)).date().isoformat()
    head = _HEAD.format(
        people=script.PEOPLE,
        tabs=script.TABS_A_PERSON,
        pace=script.FRAMES_A_SECOND,
        idle=script.IDLE_TABS,
    )
    where = (
        f"Taken {day} on {machine.processor}, {machine.cores} cores, {machine.memory_gib} GiB,"
        f" {machine.system}, Python {machine.python}; rounds: {len(taken)}.\n\n"
    )
    rows = [line.row(median(each.get(line.figure) for each in taken)) for line in _LINES]
    return head + where + _COLUMNS + "\n".join(rows)
