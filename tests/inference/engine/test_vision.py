"""Pictures in prompts of real (tiny) models: every quick way says what the slow one says.

The projectors have random weights, so nothing sensible is seen; but the same picture is the same,
and another is another.
"""

import io
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import msgspec
import numpy
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference.engine.backend import Backend, Chosen, Chunk
from inference.engine.engine import Engine, EngineLimits
from inference.engine.llama import LlamaBackend, load
from inference.engine.llama.vision import LlamaSpan
from inference.engine.pictures.seen import Unseeable
from inference.engine.templates.sandbox import TrustedRenderer
from inference.engine.updates import Over, Update
from inference.protocol import Message, Request
from tests.doubles import tinymodels, tinyvision
from tests.inference.engine.aboard import (
    Clock,
    RecordingBackend,
    end_of,
    request,
    run,
    text_of,
)

pytestmark = [pytest.mark.threat("F15"), pytest.mark.timeout(450)]

WIDTH, CONTEXT = 64, 512
# The same numbers added up in another order.
TOLERANCE_LOGITS = 0.05
BROKEN = b"\x89PNG\r\n\x1a\n and then nothing of the kind"
Logits = NDArray[numpy.float32]
KINDS: dict[tinyvision.Kind, tuple[Callable[..., Path], int]] = {
    "mlp": (tinymodels.write_llama, 16),
    "gemma3": (tinymodels.write_gemma3, 4),
    "qwen2vl_merger": (tinymodels.write_qwen2vl, 3),
}


def picture(seed: int) -> bytes:
    noise = numpy.random.default_rng(seed).integers(0, 255, (60, 80, 3), dtype=numpy.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def seeing(number: int, *images: bytes, text: str = "What is it?", **others: Any) -> Request:
    asked = request(number, **{"temperature": 0.0, "num_predict": 12, **others})
    message = Message(role="user", content=text, images=images)
    return msgspec.structs.replace(asked, messages=(message,))


class Watching(LlamaBackend):
    """The loaded model, with a note of what was computed for whom, and how it was looked at."""

    computed: Counter[int]
    chunks: list[Chunk]
    rows: defaultdict[int, list[Logits]]

    @classmethod
    def over(cls, backend: LlamaBackend) -> Self:
        watching = cls.__new__(cls)
        watching.__dict__.update(backend.__dict__)
        watching.computed, watching.chunks = Counter(), []
        watching.rows = defaultdict(list)
        for slot in range(backend.limits.slots):
            backend.cut(slot, length=0)
        return watching

    def close(self) -> None:
        """The model stays loaded for the next test."""

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        self.chunks.extend(batch)
        for chunk in batch:
            self.computed[chunk.sequence.int] += len(chunk.tokens)
        return super().decode(batch)

    def _choose(self, row: int, chunk: Chunk) -> Chosen:
        self.rows[chunk.sequence.int].append(self.logits(row))
        return super()._choose(row, chunk)

    def answer(self, updates: Sequence[Update], number: int = 1) -> "Answer":
        return Answer(text_of(updates, number), numpy.stack(self.rows[number]))


@dataclass(frozen=True)
class Answer:
    """What was said, and what each token was chosen from."""

    said: str
    logits: Logits

    def is_as(self, other: "Answer") -> bool:
        return self.said == other.said and bool(
            numpy.abs(self.logits - other.logits).max() < TOLERANCE_LOGITS
        )


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> tinyvision.Kind:
    chosen: tinyvision.Kind = request.param
    return chosen


@pytest.fixture(scope="module")
def loaded(
    kind: tinyvision.Kind, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LlamaBackend]:
    folder = tmp_path_factory.mktemp("seeing")
    write, _ = KINDS[kind]
    backend = load(
        write(folder / "model.gguf", width=WIDTH, kind="f32"),
        context_length=CONTEXT,
        slots=3,
        gpu_layers=0,
        threads=1,
        projector=tinyvision.write_projector(folder / "eyes.gguf", width=WIDTH, kind=kind),
    )
    yield backend
    backend.close()


@pytest.fixture
def model(loaded: LlamaBackend) -> Watching:
    return Watching.over(loaded)


_open: list[Engine] = []


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while _open:
        _open.pop().close()


def engine_of(
    model: Backend,
    *,
    about_to_run: Callable[[tuple[UUID, ...]], None] = lambda _: None,
    **limits: Any,
) -> Engine:
    engine = Engine(
        model,
        clock=Clock(),
        wall_clock=lambda: 0.0,
        limits=EngineLimits(**{"max_draft": 0, **limits}),
        about_to_run=about_to_run,
        new_seed=lambda: 7,
        renderer=TrustedRenderer(),
    )
    _open.append(engine)
    return engine


def alone(model: LlamaBackend, asked: Request) -> Answer:
    """The slow way: by itself, on empty memory. Any memory that others had is empty afterwards."""
    watching = Watching.over(model)
    engine = engine_of(watching)
    engine.submit(asked)
    answer = watching.answer(run(engine), asked.generation_id.int)
    assert answer.said
    Watching.over(model)
    return answer


def test_the_same_picture_gives_the_same_answer_and_another_another(model: Watching):
    first, again = (alone(model, seeing(1, picture(1))) for _ in range(2))
    other = alone(model, seeing(1, picture(2)))

    assert first.is_as(again)
    assert numpy.abs(first.logits[0] - other.logits[0]).max() > 10 * TOLERANCE_LOGITS


def test_several_people_with_several_pictures_are_answered_as_each_alone(model: Watching):
    asked = [
        seeing(1, picture(1), person="alice"),
        seeing(2, picture(2), picture(3), text="Before [img] between [img] after", person="bob"),
        request(3, text="No picture at all", person="carol", temperature=0.0, num_predict=12),
        seeing(4, picture(1), text="And here?", person="dave"),
    ]
    expected = [alone(model, each) for each in asked]
    engine = engine_of(model)
    for each in asked:
        engine.submit(each)

    updates = run(engine)

    for each, wanted in zip(asked, expected, strict=True):
        assert model.answer(updates, each.generation_id.int).is_as(wanted)


def test_a_picture_read_in_slices_is_read_as_at_once(model: Watching):
    expected = alone(model, seeing(1, picture(1)))
    engine = engine_of(model, first_chunk=3, smallest_chunk=3, max_idle_step_seconds=0.0)
    engine.submit(seeing(1, picture(1)))

    answer = model.answer(run(engine))

    spans = [(chunk.span, len(chunk.tokens)) for chunk in model.chunks if chunk.span is not None]
    is_whole, slices = spans[0][0].is_whole, [count for _, count in spans]
    assert answer.is_as(expected)
    assert slices == [spans[0][0].length] if is_whole else max(slices) <= 6 and len(slices) > 2


def test_an_answer_ends_where_pictures_and_words_together_fill_the_memory(model: Watching):
    engine = engine_of(model)
    engine.submit(seeing(1, picture(1), num_predict=5_000))

    over = end_of(run(engine))

    spans = {id(c.span): c.span for c in model.chunks if c.span is not None}.values()
    spare = sum(span.token_count - span.length for span in spans)
    assert (over.why, over.detail) == ("length", "")
    assert over.stats.prompt_tokens + over.stats.answer_tokens == CONTEXT - spare


def test_the_next_turn_computes_only_what_is_new(model: Watching, kind: tinyvision.Kind):
    engine = engine_of(model)
    asked = seeing(1, picture(1), text="What is it? " * 5)
    engine.submit(asked)
    said = text_of(run(engine))
    talk = (
        *asked.messages,
        Message(role="assistant", content=said),
        Message(role="user", content="Why?"),
    )
    following = msgspec.structs.replace(seeing(2), messages=talk)
    model.chunks.clear()

    engine.submit(following)
    updates = run(engine)

    assert model.answer(updates, 2).is_as(alone(model, following))
    assert not [chunk for chunk in model.chunks if chunk.span is not None]
    assert end_of(updates, 2).stats.cached_tokens > KINDS[kind][1]


def test_a_talk_that_was_parked_goes_on_with_its_picture(model: Watching):
    engine = engine_of(model)
    asked = seeing(1, picture(1), text="What is it? " * 5)
    engine.submit(asked)
    said = text_of(run(engine))
    for number in range(2, 6):
        filler = request(number, text="word " * 40, person=f"person {number}", num_predict=2)
        engine.submit(filler)
    run(engine)
    talk = (
        *asked.messages,
        Message(role="assistant", content=said),
        Message(role="user", content="Why?"),
    )
    following = msgspec.structs.replace(seeing(9), messages=talk)
    model.chunks.clear()

    engine.submit(following)
    updates = run(engine)

    assert model.answer(updates, 9).is_as(alone(model, following))
    assert not [c for c in model.chunks if c.span is not None and c.sequence == UUID(int=9)]


@pytest.mark.threat("B12")
def test_another_persons_equal_picture_is_computed_anew(model: Watching):
    engine = engine_of(model)
    engine.submit(seeing(1, picture(1), person="alice"))
    run(engine)
    engine.submit(seeing(2, picture(1), person="bob"))
    updates = run(engine)

    assert end_of(updates, 2).stats.cached_tokens == 0
    assert model.computed[1] == model.computed[2]


@pytest.mark.threat("F23")
def test_a_bad_picture_fails_one_and_the_others_go_on(model: Watching):
    expected = alone(model, seeing(2, picture(2), person="bob"))
    engine = engine_of(model)
    engine.submit(seeing(1, BROKEN))
    engine.submit(seeing(2, picture(2), person="bob"))

    updates = run(engine)

    over = end_of(updates, 1)
    assert (over.why, over.detail, over.words) == (
        "failed",
        "image",
        "not a picture that can be read",
    )
    assert model.answer(updates, 2).is_as(expected)


class Gate:
    """Lets nothing be looked at closely before it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, fails: bool = False) -> None:
        self.is_reached, self.is_open = threading.Event(), threading.Event()
        plain = LlamaSpan.encode

        def encode(span: LlamaSpan) -> None:
            self.is_reached.set()
            assert self.is_open.wait(60)
            if fails:
                raise Unseeable("no finite numbers")
            plain(span)

        monkeypatch.setattr(LlamaSpan, "encode", encode)


def step_until(engine: Engine, reached: threading.Event) -> list[Any]:
    updates: list[Any] = []
    for _ in range(2_000):
        updates.extend(engine.step())
        if reached.is_set():
            return updates
    raise AssertionError("nobody looks")


def test_others_are_answered_while_a_picture_is_looked_at(
    model: Watching, monkeypatch: pytest.MonkeyPatch
):
    expected = alone(model, seeing(1, picture(1)))
    gate = Gate(monkeypatch)
    engine = engine_of(model)
    engine.submit(seeing(1, picture(1)))
    updates = step_until(engine, gate.is_reached)

    engine.submit(request(2, text="Hello", person="bob", num_predict=5))
    while not any(isinstance(each, Over) for each in updates):
        updates.extend(engine.step())
    assert updates[-1].generation_id == UUID(int=2)
    gate.is_open.set()

    assert model.answer(run(engine)).is_as(expected)


@pytest.mark.threat("F14")
def test_stop_while_a_picture_is_looked_at_ends_at_once(
    model: Watching, monkeypatch: pytest.MonkeyPatch
):
    gate = Gate(monkeypatch)
    engine = engine_of(model)
    engine.submit(seeing(1, picture(1)))
    step_until(engine, gate.is_reached)

    engine.stop(UUID(int=1))

    assert end_of(engine.step()).why == "stopped"
    assert engine.is_idle
    gate.is_open.set()
    engine.submit(seeing(2, picture(2)))
    assert end_of(run(engine), 2).why == "length"


@pytest.mark.threat("F23")
def test_a_picture_that_cannot_be_computed_fails_its_own_request(
    model: Watching, monkeypatch: pytest.MonkeyPatch
):
    gate = Gate(monkeypatch, fails=True)
    gate.is_open.set()
    engine = engine_of(model)
    engine.submit(seeing(1, picture(1)))
    engine.submit(request(2, text="Hello", person="bob", num_predict=5))

    updates = run(engine)

    assert (end_of(updates).detail, end_of(updates).words) == ("image", "no finite numbers")
    assert end_of(updates, 2).why == "length"


def test_who_may_have_killed_a_runner_is_looked_at_alone(
    model: Watching, monkeypatch: pytest.MonkeyPatch
):
    gate = Gate(monkeypatch)
    told: list[tuple[UUID, ...]] = []
    engine = engine_of(model, about_to_run=told.append)
    engine.submit(request(2, text="Hello", person="bob", num_predict=50))
    engine.step()
    engine.submit(seeing(1, picture(1), deaths=1))
    step_until(engine, gate.is_reached)
    before = sum(model.computed.values())

    for _ in range(3):
        engine.step()

    assert sum(model.computed.values()) == before
    assert told[-1] == (UUID(int=1),)
    gate.is_open.set()
    run(engine)


def test_old_messages_are_dropped_with_their_pictures(model: Watching):
    old = Message(role="user", content="word " * 100, images=(picture(1),))
    talk = (
        *(old, Message(role="assistant", content="yes")) * 6,
        Message(role="user", content="And this?", images=(picture(2),)),
    )
    engine = engine_of(model)
    engine.submit(msgspec.structs.replace(seeing(1), messages=talk))

    updates = run(engine)

    spans = {id(chunk.span) for chunk in model.chunks if chunk.span is not None}
    assert end_of(updates).why == "length"
    assert 1 <= len(spans) < 7


@pytest.mark.threat("E19")
def test_nobody_can_write_a_picture_into_a_text():
    backend = RecordingBackend()
    engine = engine_of(backend)
    engine.submit(seeing(1, picture(1), text="a \U00100000 b \U00100001 c", num_predict=100))

    said = text_of(run(engine))

    assert said.startswith("You said: [picture 80x60 ")
    assert said.endswith("]a \ufffd b \ufffd c")


class Blind(RecordingBackend):
    @property
    def eyes(self) -> None:
        return None


def test_a_model_without_eyes_says_so():
    engine = engine_of(Blind())
    engine.submit(seeing(1, picture(1)))

    over = end_of(run(engine))

    assert (over.detail, over.words) == ("image", "this model sees no pictures")
