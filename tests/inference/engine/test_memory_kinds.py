"""Every kind of memory of real (tiny) models: reused, parked and marked is as computed afresh."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from llama_cpp import llama_cpp as lib

from inference.engine.backend import Chunk
from inference.engine.llama import LlamaBackend, load
from inference.engine.sampling import Greedy
from inference.engine.shelf import Shelf
from inference.engine.slots import Slot, Slots
from tests.doubles import tinymodels

pytestmark = pytest.mark.timeout(450)

# The same numbers added up in another order; the best token stands out by far more than this.
TOLERANCE_LOGITS = 0.05
WINDOW = 64
PROMPT = [3 + (at * 37 + at // 7) % 250 for at in range(300)]
MORE = [3 + (at * 11 + 5) % 250 for at in range(60)]


@dataclass(frozen=True)
class Kind:
    name: str
    write: Callable[..., Path]
    shape: dict[str, Any] = field(default_factory=dict)
    load: dict[str, Any] = field(default_factory=dict)


WIDE = {"width": 128}
KINDS = [
    Kind("plain", tinymodels.write_llama),
    Kind("plain-q8", tinymodels.write_llama, WIDE, {"kv_type": "q8_0"}),
    Kind("plain-q4", tinymodels.write_llama, WIDE, {"kv_type": "q4_0"}),
    Kind("plain-no-flash", tinymodels.write_llama, {}, {"flash_attention": False}),
    Kind("window", tinymodels.write_gemma3, {"window": WINDOW}),
    Kind("window-q8", tinymodels.write_gemma3, {"window": WINDOW, **WIDE}, {"kv_type": "q8_0"}),
    Kind("recurrent", tinymodels.write_mamba),
    Kind("hybrid", tinymodels.write_jamba),
]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LlamaBackend]:
    kind: Kind = request.param
    path = kind.write(tmp_path_factory.mktemp("models") / f"{kind.name}.gguf", **kind.shape)
    made = load(path, context_length=2048, slots=3, gpu_layers=0, threads=1, **kind.load)
    yield made
    made.close()


@pytest.fixture
def slots(backend: LlamaBackend) -> Iterator[Slots]:
    made = Slots(backend, park_bytes=64_000_000)
    yield made
    for slot in made.all:
        made.clear(slot)


def test_a_next_turn_is_as_computed_afresh(backend: LlamaBackend, slots: Slots) -> None:
    slot = begin(slots, 1, PROMPT)
    said, _ = say(backend, slots, slot, PROMPT, count=20)
    slots.release(slot)
    turn = [*PROMPT, *said, *MORE]

    slot = begin(slots, 2, turn)
    reused = len(slot.tokens)

    assert reused == len(PROMPT) + 19
    assert_as_afresh(backend, say(backend, slots, slot, turn, count=10), turn)


@pytest.mark.parametrize("answer_length", [10, 700])
def test_an_answer_that_is_taken_back_is_as_if_never_given(
    backend: LlamaBackend, slots: Slots, answer_length: int
) -> None:
    """As when thinking falls out of the next prompt, or somebody asks once more."""
    slot = begin(slots, 1, PROMPT)
    say(backend, slots, slot, PROMPT, count=answer_length)
    slots.release(slot)
    turn = [*PROMPT[:-2], *MORE]

    slot = begin(slots, 2, turn)

    assert len(slot.tokens) >= len(PROMPT) - 8
    assert_as_afresh(backend, say(backend, slots, slot, turn, count=10), turn)


@pytest.mark.threat("F15")
def test_parked_and_restored_is_as_resident(backend: LlamaBackend, slots: Slots) -> None:
    slot = begin(slots, 1, PROMPT)
    whole, expected = say(backend, slots, slot, PROMPT, count=30)
    slots.clear(slot)
    slots.release(slot)

    slot = begin(slots, 2, PROMPT)
    first, _ = say(backend, slots, slot, PROMPT, count=12)
    slots.park(slot)
    fill_all(backend, slots, person="bob")
    so_far = [*PROMPT, *first]
    slot = begin(slots, 2, so_far)

    assert len(slot.tokens) == len(so_far) - 1
    rest, logits = say(backend, slots, slot, so_far, count=18)
    assert [*first, *rest] == whole
    assert logits == pytest.approx(expected, abs=TOLERANCE_LOGITS)


def test_from_disk_is_as_from_ram(backend: LlamaBackend, tmp_path: Path) -> None:
    slots = Slots(backend, park_bytes=64_000_000)
    slot = begin(slots, 1, PROMPT)
    said, _ = say(backend, slots, slot, PROMPT, count=20)
    turn = [*PROMPT, *said, *MORE]
    size = backend.saved_bytes(slot.index)
    slots.clear(slot)
    shelf = Shelf(tmp_path, budget_bytes=100 * size)
    # Room for one conversation without a slot: the next one pushes it out to the disk.
    slots = Slots(backend, park_bytes=3 * size, shelf=shelf)
    slots._parking._budget_bytes = size + size // 2
    slot = begin(slots, 1, PROMPT)
    say(backend, slots, slot, PROMPT, count=20)
    slots.release(slot)
    fill_all(backend, slots, person="bob")
    fill_all(backend, slots, person="carol")
    shelf.settle()
    [alices] = [kept for kept in slots._parking._kept.values() if kept.person == "alice"]
    assert alices.state is None

    slot = begin(slots, 2, turn)

    assert len(slot.tokens) == len(PROMPT) + 19
    assert_as_afresh(backend, say(backend, slots, slot, turn, count=10), turn)
    for slot in slots.all:
        slots.clear(slot)
    slots.close()


@pytest.mark.threat("B13")
def test_a_slot_used_by_others_answers_as_a_fresh_one(backend: LlamaBackend, slots: Slots) -> None:
    for person in ("bob", "carol"):
        fill_all(backend, slots, person=person)

    slot = begin(slots, 9, PROMPT)

    assert not slot.tokens
    assert_as_afresh(backend, say(backend, slots, slot, PROMPT, count=10), PROMPT)


def test_a_running_answer_lends_its_beginning(backend: LlamaBackend, slots: Slots) -> None:
    slot = begin(slots, 1, PROMPT)
    say(backend, slots, slot, PROMPT, count=5)
    turn = [*PROMPT[:-2], *MORE]

    other = begin(slots, 2, turn)

    assert len(other.tokens) >= len(PROMPT) - 8
    assert_as_afresh(backend, say(backend, slots, other, turn, count=10), turn)
    more, _ = say(backend, slots, slot, [*slot.tokens, 3], count=3)
    assert len(more) == 3


def test_a_memory_too_full_for_a_state_refuses_it(backend: LlamaBackend) -> None:
    slot = Slot(0)
    slots = Slots(backend, park_bytes=0)
    read(backend, slots, slot, PROMPT)
    state = backend.save(0)

    assert not backend.restore(1, state[: len(state) // 2])
    assert backend.length(1) == 0
    assert not backend.restore(1, b"no state at all")
    assert backend.length(1) == 0
    assert backend.restore(1, state)
    for index in (0, 1):
        backend.cut(index, length=0)


@pytest.mark.model
@pytest.mark.threat("F15")
def test_the_starter_goes_on_from_ram_and_disk_as_from_where_it_was(
    starter: LlamaBackend, tmp_path: Path
) -> None:
    story = starter.vocabulary.encode("The sea is wide and the ship is small. " * 4)
    size = size_of_state(starter, story)
    shelf = Shelf(tmp_path, budget_bytes=100 * size)
    slots = Slots(starter, park_bytes=size + size // 2, shelf=shelf)
    turn = [*story, story[0]]
    slot = begin(slots, 1, story)
    read(starter, slots, slot, story)
    slots.release(slot)
    logits = []
    for crowds in ((), ("bob",), ("bob", "carol")):  # resident, from RAM, from disk
        for person in crowds:
            fill_all(starter, slots, person=person, tokens=story)
        shelf.settle()
        slot = begin(slots, 2, turn)
        assert len(slot.tokens) == len(story)
        logits.append(say(starter, slots, slot, turn, count=1)[1])
        slots.release(slot)

    assert len(list(shelf.directory.iterdir())) > 1
    assert logits[1] == pytest.approx(logits[0], abs=TOLERANCE_LOGITS)
    assert logits[2] == pytest.approx(logits[0], abs=TOLERANCE_LOGITS)
    for slot in slots.all:
        slots.clear(slot)
    slots.close()


def size_of_state(backend: LlamaBackend, tokens: Sequence[int]) -> int:
    slots = Slots(backend, park_bytes=0)
    slot = begin(slots, 1, tokens)
    read(backend, slots, slot, tokens)
    size = backend.saved_bytes(slot.index)
    slots.clear(slot)
    return size


def test_what_a_memory_takes_follows_its_type_and_its_window(tmp_path: Path) -> None:
    """Two keys and values of 64 numbers a layer and token; a window of 64 and a batch are 768."""
    plain = tinymodels.write_llama(tmp_path / "plain.gguf", width=128)
    window = tinymodels.write_gemma3(tmp_path / "window.gguf", width=128, window=WINDOW)
    state = tinymodels.write_mamba(tmp_path / "state.gguf")
    cell = 2 * 64 * 2

    assert bytes_of(plain) == pytest.approx(2 * 2048 * 2 * cell, rel=0.06)
    assert bytes_of(plain, kv_type="q8_0") == pytest.approx(bytes_of(plain) * 0.54, rel=0.06)
    assert bytes_of(plain, kv_type="q4_0") == pytest.approx(bytes_of(plain) * 0.3, rel=0.1)
    assert bytes_of(window) == pytest.approx(2 * (2048 + 5 * 768) * cell, rel=0.06)
    assert bytes_of(state) < 100_000


@pytest.mark.parametrize(
    ("width", "wish"),
    [(64, {"kv_type": "q8_0"}), (128, {"kv_type": "q8_0", "flash_attention": False})],
)
def test_where_keys_and_values_cannot_be_smaller_they_stay_whole(
    tmp_path: Path, width: int, wish: dict[str, Any]
) -> None:
    path = tinymodels.write_llama(tmp_path / "plain.gguf", width=width)

    assert bytes_of(path, **wish) == bytes_of(path)


def bytes_of(path: Path, **wish: Any) -> int:
    backend = load(path, context_length=2048, slots=2, gpu_layers=0, threads=1, **wish)
    backend.close()
    return backend.sizes.context_bytes


def begin(slots: Slots, number: int, tokens: Sequence[int], *, person: str = "alice") -> Slot:
    return slots.take(UUID(int=number), person=person, tokens=tokens)


def read(
    backend: LlamaBackend, slots: Slots, slot: Slot, tokens: Sequence[int], sampler: Any = None
) -> int | None:
    """Everything unread, in chunks as the engine makes them; the token after it, if wanted."""
    chosen = []
    while len(slot.tokens) < len(tokens):
        held = len(slot.tokens)
        count = slot.room(min(100, len(tokens) - held))
        is_last = held + count == len(tokens)
        chunk = Chunk(
            sequence=UUID(int=1),
            slot=slot.index,
            start=held,
            tokens=tokens[held : held + count],
            sampler=sampler if is_last else None,
        )
        chosen = backend.decode([chunk])
        slots.extend(slot, chunk.tokens)
    return chosen[0].token if chosen else None


def say(
    backend: LlamaBackend, slots: Slots, slot: Slot, tokens: Sequence[int], *, count: int
) -> tuple[list[int], list[float]]:
    """So many tokens, the best each time, and the logits behind the last of them."""
    sampler = backend.new_sampler((Greedy(),), history=())
    all_tokens = list(tokens)
    for _ in range(count):
        token = read(backend, slots, slot, all_tokens, sampler)
        assert token is not None
        all_tokens.append(token)
    sampler.close()
    logits = lib.llama_get_logits_ith(backend._context, -1)
    return all_tokens[len(tokens) :], list(logits[: backend.limits.vocabulary_size])


def assert_as_afresh(
    backend: LlamaBackend, said: tuple[list[int], list[float]], tokens: Sequence[int]
) -> None:
    slots = Slots(backend, park_bytes=0)
    for slot in slots.all:
        slots.clear(slot)
    slot = begin(slots, 99, tokens)
    expected = say(backend, slots, slot, tokens, count=len(said[0]))
    slots.clear(slot)

    assert said[0] == expected[0]
    assert said[1] == pytest.approx(expected[1], abs=TOLERANCE_LOGITS)


def fill_all(
    backend: LlamaBackend, slots: Slots, *, person: str, tokens: Sequence[int] = PROMPT
) -> None:
    """Somebody else uses every free slot, each for something else of about that length."""
    taken = []
    for number in range(slots.free_count):
        own = [3 + number, 60 + len(person), *tokens[2:]]
        slot = begin(slots, 50 + number, own, person=person)
        read(backend, slots, slot, own)
        taken.append(slot)
    for slot in taken:
        slots.release(slot)
