"""The engine alone, in a process of its own, given what a burst over HTTP is given.

`python -m bench.inprocess '{"model": …}'` prints the figures as JSON. What the whole road adds is
the difference to `ours.py`; nothing of the portal is imported.
"""

import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec

from bench import prompts
from bench.figures import Answer, Figures, figures_of
from inference import protocol
from inference.engine import llama
from inference.engine.engine import Engine
from inference.engine.limits import EngineLimits
from inference.engine.updates import Over, Said

NEVER = 1e12


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A burst, as the command line carries it."""

    model: str
    slots: int
    context: int
    threads: int
    people: int
    times: int
    max_tokens: int
    seed: int


def main(told: str) -> None:
    task = msgspec.json.decode(told, type=Task)
    backend: Any = llama.load(
        Path(task.model), context_length=task.context, slots=task.slots, threads=task.threads
    )
    engine = Engine(
        backend,
        clock=time.monotonic,
        limits=EngineLimits(),
        about_to_run=lambda _: None,
    )
    try:
        _answers(engine, [_request(task, person=0, turn=-1, max_tokens=4)])  # warm, as over HTTP
        figures = _burst(engine, task)
    finally:
        engine.close()
    sys.stdout.write(msgspec.json.encode(figures).decode())


def _burst(engine: Engine, task: Task) -> Figures:
    answers: list[Answer] = []
    begun, spent = time.perf_counter(), time.process_time()
    for turn in range(task.times):
        asked = [
            _request(task, person=person, turn=turn, max_tokens=task.max_tokens)
            for person in range(task.people)
        ]
        answers += _answers(engine, asked)
    seconds = time.perf_counter() - begun
    more = {"engine_cpu": round(time.process_time() - spent, 2)}
    return figures_of(answers, errors=0, seconds=seconds, more=more)


def _answers(engine: Engine, asked: list[protocol.Request]) -> list[Answer]:
    """All of them to their ends, noting when each piece was there to be sent."""
    pieces: dict[UUID, list[tuple[float, str]]] = {each.generation_id: [] for each in asked}
    ends: dict[UUID, protocol.Stats] = {}
    begun = time.perf_counter()
    for each in asked:
        engine.submit(each)
    while len(ends) < len(asked):
        updates = engine.step()
        now = time.perf_counter()
        for update in updates:
            if isinstance(update, Said) and update.text:
                pieces[update.generation_id].append((now, update.text))
            elif isinstance(update, Over):
                if update.why == "failed":
                    raise RuntimeError(update.detail)
                ends[update.generation_id] = update.stats
    return [_answer(pieces[each], ends[each], begun=begun) for each in pieces]


def _answer(pieces: list[tuple[float, str]], stats: protocol.Stats, *, begun: float) -> Answer:
    return Answer(
        text="".join(text for _, text in pieces),
        first=(pieces[0][0] if pieces else time.perf_counter()) - begun,
        pieces_at=tuple(at for at, _ in pieces),
        tokens=stats.answer_tokens,
        prompt_tokens=stats.prompt_tokens,
    )


def _request(task: Task, *, person: int, turn: int, max_tokens: int) -> protocol.Request:
    said = prompts.essay(task.seed, person, turn=turn)
    return protocol.Request(
        generation_id=uuid4(),
        attempt=1,
        person=f"person-{person}",
        lane="api",
        model=protocol.ModelSpec(weights="0" * 64, context_length=task.context),
        model_name="bench",
        messages=tuple(msgspec.convert(message, protocol.Message) for message in said),
        options=protocol.Options(temperature=0.0, num_predict=max_tokens),
        expires_at=NEVER,
        published=1,  # the system prompt, as over HTTP
    )


if __name__ == "__main__":
    main(sys.argv[1])
