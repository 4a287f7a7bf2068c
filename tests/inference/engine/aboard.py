"""Requests, clocks and engines for the tests of the engine. Not a test itself."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from typing import Any
from uuid import UUID

from inference.engine.backend import Backend, Chosen, Chunk
from inference.engine.beside import NewExecutor, one_thread
from inference.engine.engine import Engine, EngineLimits, Over, Said, Update
from inference.engine.pictures.reading import BadPicture
from inference.engine.pictures.seen import Unseeable
from inference.engine.scripted import ScriptedBackend, ScriptedVocabulary, read_script
from inference.engine.templates.sandbox import Renderer
from inference.protocol import Format, Lane, Message, ModelSpec, Options, Request

SPEC = ModelSpec(weights="0" * 64, context_length=4096)


class Clock:
    """Time that only moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += seconds


class RecordingBackend(ScriptedBackend):
    """Takes time for what it computes, and writes down what was asked of it."""

    def __init__(
        self,
        script: str = "[]",
        *,
        slots: int = 4,
        context_length: int = 4096,
        clock: Clock | None = None,
        seconds_per_token: float = 0.0,
        seconds_per_step: float = 0.0,
        vocabulary: ScriptedVocabulary | None = None,
    ) -> None:
        self.clock = clock or Clock()
        super().__init__(
            read_script(script),
            context_length=context_length,
            slots=slots,
            vocabulary=vocabulary,
            sleep=self.clock.pass_seconds,
        )
        self._seconds_per_token = seconds_per_token
        self._seconds_per_step = seconds_per_step
        self.computed: defaultdict[UUID, int] = defaultdict(int)
        self.batches: list[list[Chunk]] = []
        self.journal: list[tuple[str, int]] = []

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        self.batches.append(list(batch))
        total = 0
        for chunk in batch:
            if chunk.start == 0:
                self.journal.append(("first", chunk.slot))
            self.computed[chunk.sequence] += len(chunk.tokens)
            total += len(chunk.tokens)
        self.clock.pass_seconds(self._seconds_per_step + total * self._seconds_per_token)
        return super().decode(batch)

    def cut(self, slot: int, *, length: int) -> bool:
        self.journal.append(("cleared" if length == 0 else "cut", slot))
        return super().cut(slot, length=length)


class AtOnce(Executor):
    """Does what is asked of it before anybody goes on, so that a step is the same each time."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **named))
        except (BadPicture, Unseeable) as error:
            done.set_exception(error)
        return done


def prompts_at_once(kind: str) -> Executor:
    return AtOnce() if kind == "prompts" else one_thread(kind)


def request(
    number: int = 1,
    *,
    text: str = "Hello",
    person: str = "alice",
    lane: Lane = "person",
    messages: Iterable[tuple[str, str]] = (),
    expires_at: float = 1e12,
    template: str | None = None,
    so_far: str = "",
    deaths: int = 0,
    wanted: Format | None = None,
    logprobs: int | None = None,
    weight: float = 1.0,
    **options: Any,
) -> Request:
    turns = tuple(messages) or (("user", text),)
    return Request(
        generation_id=UUID(int=number),
        attempt=1,
        person=person,
        weight=weight,
        lane=lane,
        model=ModelSpec(weights="0" * 64, context_length=4096, template=template),
        model_name="scripted",
        messages=tuple(Message(role=role, content=content) for role, content in turns),
        options=Options(**options),
        so_far=so_far,
        deaths=deaths,
        format=wanted,
        logprobs=logprobs,
        expires_at=expires_at,
    )


def engine_on(
    backend: Backend,
    *,
    about_to_run: Callable[[tuple[UUID, ...]], None] = lambda _: None,
    wall_clock: Callable[[], float] = lambda: 0.0,
    new_executor: NewExecutor = prompts_at_once,
    renderer: Renderer | None = None,
    **limits: Any,
) -> Engine:
    return Engine(
        backend,
        clock=backend.clock if isinstance(backend, RecordingBackend) else Clock(),
        wall_clock=wall_clock,
        limits=EngineLimits(**{"max_draft": 0, **limits}),
        about_to_run=about_to_run,
        new_seed=lambda: 7,
        new_executor=new_executor,
        renderer=renderer,
    )


def run(engine: Engine) -> list[Update]:
    """Everything that happens until nobody is aboard."""
    updates: list[Update] = []
    for _ in range(200_000):
        if engine.is_idle:
            return updates
        updates.extend(engine.step())
    raise AssertionError("the engine does not come to an end")


def text_of(updates: Iterable[Update], number: int = 1, *, kind: str = "answer") -> str:
    return "".join(
        update.text
        for update in updates
        if isinstance(update, Said)
        and update.kind == kind
        and update.generation_id == UUID(int=number)
    )


def end_of(updates: Iterable[Update], number: int = 1) -> Over:
    (over,) = [
        update
        for update in updates
        if isinstance(update, Over) and update.generation_id == UUID(int=number)
    ]
    return over
