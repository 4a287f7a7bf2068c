"""Who is compared in a work: the portal and its rivals, each as something to measure once.

Starts nothing until it is asked to.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import measure
from bench.figures import Figures
from bench.ours import TWIN, House, Ours
from bench.peer import Peer
from bench.works import Rival, Work

OURS = "ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """`command` says how it is started, for whoever wants to repeat it. `once` takes a seed."""

    name: str
    command: str
    once: Callable[[int], Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What there is to measure with. Without a house no portal, without a program no peer."""

    house: House | None
    program: Path | None
    model: Path
    tree: Path
    threads: int


def sides(work: Work, means: Means) -> Iterator[Side]:
    if means.house is not None:
        yield _ours(work, means, house=means.house)
    for rival in work.rivals:
        if rival.kind == "engine":
            yield _engine(work, rival, means)
        elif means.program is not None:
            yield _peer(work, rival, means, program=means.program)


def _ours(work: Work, means: Means, *, house: House) -> Side:
    is_switch = work.name == "switch"
    server = Ours(
        name=OURS,
        house=house,
        shape=work.shape,
        threads=means.threads,
        other_model=TWIN if is_switch else "",
        settings={"OLLAMA_MAX_LOADED_MODELS": "1", "OLLAMA_KEEP_ALIVE": "5m"} if is_switch else {},
    )
    return Side(
        name=OURS,
        command=server.command,
        once=lambda seed: measure.served(work, server, seed=seed),
    )


def _peer(work: Work, rival: Rival, means: Means, *, program: Path) -> Side:
    server = Peer(
        name=rival.name,
        binary=program,
        model=means.model,
        shape=rival.shape,
        threads=means.threads,
    )
    if rival.kind == "bare load":
        return Side(
            name=rival.name,
            command=server.command,
            once=lambda seed: measure.bare_loads(server, seed=seed),
        )
    return Side(
        name=rival.name,
        command=server.command,
        once=lambda seed: measure.served(work, server, seed=seed),
    )


def _engine(work: Work, rival: Rival, means: Means) -> Side:
    task = {
        "model": str(means.model),
        "slots": rival.shape.slots,
        "context": rival.shape.context,
        "threads": means.threads,
        "people": work.people,
        "times": work.times,
        "max_tokens": work.max_tokens,
    }
    return Side(
        name=rival.name,
        command="python -m bench.inprocess",
        once=lambda seed: measure.in_process({**task, "seed": seed}, tree=means.tree),
    )
