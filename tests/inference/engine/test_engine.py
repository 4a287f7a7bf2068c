"""The engine as a whole, on a scripted model: every stream is its own script, and ends well."""

import random
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import pytest

from inference.engine.backend import Aborted, BackendError, Chosen, Chunk, NoRoom
from inference.engine.engine import Over, Read, Said
from tests.inference.engine.aboard import (
    RecordingBackend,
    end_of,
    engine_on,
    request,
    run,
    text_of,
)

WORDS = '[{"when": "", "says": ["word "], "repeat": 100}]'


class Moody(RecordingBackend):
    """Has no room, or is interrupted, whenever its dice say so."""

    def __init__(self, *, dice: random.Random, trouble: float, slots: int) -> None:
        super().__init__(slots=slots)
        self._dice = dice
        self._trouble = trouble

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        roll = self._dice.random()
        if len(batch) > 1 and roll < self._trouble:
            raise NoRoom
        if roll > 1 - self._trouble / 4:
            for chunk in batch[: self._dice.randint(0, len(batch))]:
                self._read(chunk)
            raise Aborted
        return super().decode(batch)


@pytest.mark.threat("B14")
@pytest.mark.threat("F15")
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("slots", "trouble"), [(1, 0), (3, 0.1), (16, 0), (16, 0.1), (64, 0.1)])
def test_every_stream_is_its_own_script_whoever_comes_goes_or_is_parked(  # noqa: C901 - one story
    seed: int, slots: int, trouble: float
) -> None:
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    engine = engine_on(Moody(dice=dice, trouble=trouble, slots=slots), park_bytes=20_000)
    coming = [_own_words(dice, number) for number in range(1, 65)]
    expected: dict[int, str] = {}
    said: defaultdict[int, str] = defaultdict(str)
    left_early: set[int] = set()
    ended: list[int] = []
    while coming or not engine.is_idle:
        if coming and dice.random() < 0.3:
            number, text = len(expected) + 1, coming.pop()
            expected[number] = f"You said: {text}"
            engine.submit(request(number, text=text, person=f"person {dice.randint(1, 8)}"))
        if expected and dice.random() < 0.02:
            victim = dice.randint(1, len(expected))
            left_early.add(victim)
            leave = engine.stop if dice.random() < 0.5 else engine.drop
            leave(UUID(int=victim))
        for update in engine.step():
            if isinstance(update, Said):
                said[update.generation_id.int] += update.text
            if isinstance(update, Over):
                ended.append(update.generation_id.int)

    for number, text in expected.items():
        if number in left_early:
            assert text.startswith(said[number])
        else:
            assert said[number] == text
    assert len(ended) == len(set(ended))
    assert set(expected) - left_early <= set(ended)


def _own_words(dice: random.Random, number: int) -> str:
    """A question nobody else asks, sharing its beginning with many."""
    shared = "Tell me about the sea. " * dice.randint(0, 30)
    return (
        shared
        + f"{number}: "
        + "".join(dice.choices("abc é👋\n<|im_end|>", k=dice.randint(0, 150)))
    )


@pytest.mark.threat("B14")
@pytest.mark.parametrize("how", ["swapped", "doubled", "foreign", "missing"])
def test_a_row_that_is_not_its_sequences_own_stops_the_engine(how: str) -> None:
    class Crossing(RecordingBackend):
        def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
            rows = super().decode(batch)
            if len(rows) < 2:
                return rows
            one, other = rows[:2]
            return {
                "swapped": [_for(one, other), _for(other, one)],
                "doubled": [one, other, other],
                "foreign": [
                    one,
                    _for(other, Chosen(sequence=UUID(int=99), slot=1, position=1, token=1)),
                ],
                "missing": [one],
            }[how]

    engine = engine_on(Crossing(WORDS))
    engine.submit(request(1, person="alice"))
    engine.submit(request(2, person="bob", text="Hello, this is another length"))

    with pytest.raises(BackendError):
        run(engine)


def _for(row: Chosen, other: Chosen) -> Chosen:
    return Chosen(sequence=other.sequence, slot=row.slot, position=row.position, token=row.token)


def test_batched_is_alone() -> None:
    questions = [f"Question {number}?" * number for number in range(1, 9)]
    together = engine_on(RecordingBackend(slots=8))
    for number, text in enumerate(questions, start=1):
        together.submit(request(number, text=text, person=str(number)))
    updates = run(together)

    for number, text in enumerate(questions, start=1):
        alone = engine_on(RecordingBackend(slots=1))
        alone.submit(request(number, text=text))
        assert text_of(updates, number) == text_of(run(alone), number)


@pytest.mark.threat("F9")
@pytest.mark.parametrize(
    ("left", "why", "said"),
    [(-1, "failed", 0), (0, "failed", 0), (1, "length", 1), (2, "length", 2)],
)
def test_an_answer_ends_where_the_context_ends(left: int, why: str, said: int) -> None:
    backend = RecordingBackend(WORDS, context_length=64)
    bare = engine_on(RecordingBackend(WORDS))
    bare.submit(request(1, text=""))
    frame = end_of(run(bare)).stats.prompt_tokens
    engine = engine_on(backend)
    engine.submit(request(1, text="\n" * (64 - left - frame)))

    updates = run(engine)

    assert (end_of(updates).why, end_of(updates).stats.answer_tokens) == (why, said)
    assert end_of(updates).detail == ("too-long" if why == "failed" else "")
    assert all(
        chunk.start + len(chunk.tokens) <= 64 for batch in backend.batches for chunk in batch
    )


def test_a_kept_beginning_is_said_first_and_gone_on_from() -> None:
    engine = engine_on(RecordingBackend())
    engine.submit(request(1, text="How are you?", so_far="You said: Ho"))

    updates = run(engine)

    assert next(u.text for u in updates if isinstance(u, Said)) == "You said: Ho"
    assert text_of(updates) == "You said: How are you?"


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_kept_beginning_is_said_even_when_nothing_follows_it(is_stopped: bool) -> None:
    time = [0.0]
    engine = engine_on(RecordingBackend(slots=1), wall_clock=lambda: time[0])
    engine.submit(request(1))
    engine.step()
    engine.submit(request(2, person="bob", so_far="kept", expires_at=10.0))
    if is_stopped:
        engine.stop(UUID(int=2))
    else:
        time[0] = 11.0

    updates = run(engine)

    assert text_of(updates, 2) == "kept"
    assert end_of(updates, 2).why == ("stopped" if is_stopped else "failed")


def test_a_kept_beginning_that_fills_the_context_is_the_whole_answer() -> None:
    engine = engine_on(RecordingBackend(context_length=64))
    engine.submit(request(1, so_far="x" * 400))

    updates = run(engine)

    assert text_of(updates) == "x" * 400
    assert end_of(updates).why == "length"


def test_the_answer_is_no_longer_than_asked_for() -> None:
    for wanted in (0, 1, 7):
        engine = engine_on(RecordingBackend(WORDS))
        engine.submit(request(1, num_predict=wanted))
        end = end_of(run(engine))
        assert (end.why, end.stats.answer_tokens) == ("length", wanted)


def test_a_stop_string_ends_the_answer_without_being_shown() -> None:
    engine = engine_on(RecordingBackend())
    engine.submit(request(1, text="one two STOP three", stop=("STOP",)))

    updates = run(engine)

    assert text_of(updates) == "You said: one two "
    assert end_of(updates).why == "done"


def test_thinking_is_said_apart_from_the_answer() -> None:
    engine = engine_on(RecordingBackend('[{"when": "", "says": "<think>Hm.</think>\\n\\nYes."}]'))
    thinking_template = (
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content.split('</think>')[-1]"
        " + '<|im_end|>\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}"
    )
    try:
        engine.submit(request(1, template=thinking_template))
        updates = run(engine)
    finally:
        engine.close()

    assert text_of(updates, kind="thinking") == "Hm."
    assert text_of(updates) == "Yes."


@pytest.mark.threat("F12")
@pytest.mark.parametrize("steps", [0, 1, 2, 5, 1000])
def test_stop_at_any_time_ends_once_and_frees_the_slot(steps: int) -> None:
    engine = engine_on(RecordingBackend(WORDS, slots=1))
    engine.submit(request(1))
    updates = [update for _ in range(steps) for update in engine.step()]

    engine.stop(UUID(int=1))
    engine.stop(UUID(int=1))
    engine.stop(UUID(int=2))
    updates += engine.step()

    assert end_of(updates).why == ("done" if steps == 1000 else "stopped")
    assert engine.is_idle
    assert engine.free_slots == 1


def test_a_dropped_answer_says_nothing_more() -> None:
    engine = engine_on(RecordingBackend(WORDS, slots=1))
    engine.submit(request(1))
    for _ in range(4):
        engine.step()

    engine.drop(UUID(int=1))

    assert engine.step() == []
    assert engine.is_idle


def test_statistics_count_and_time_as_ollama_does() -> None:
    backend = RecordingBackend('[{"when": "", "says": ["abc"], "repeat": 9}]', seconds_per_step=0.5)
    engine = engine_on(backend)
    engine.submit(request(1, text="x" * 60))

    updates = run(engine)

    stats = end_of(updates).stats
    reads = [update for update in updates if isinstance(update, Read)]
    assert reads[-1].read_tokens == reads[-1].prompt_tokens == stats.prompt_tokens
    assert stats.answer_tokens == 10, "nine tokens and the one that ends"
    assert stats.prompt_ns == 500_000_000 * (len(backend.batches) - 9)
    assert stats.answer_ns == 500_000_000 * 9


def test_without_room_the_last_in_order_waits_and_then_goes_on() -> None:
    class Small(RecordingBackend):
        def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
            if len(batch) > 2:
                raise NoRoom
            return super().decode(batch)

    engine = engine_on(Small())
    for number in range(1, 5):
        engine.submit(request(number, person=str(number), text="word " * 30))

    updates = run(engine)

    for number in range(1, 5):
        assert text_of(updates, number) == "You said: " + "word " * 30


def test_one_sequence_that_has_no_room_fails_and_says_so() -> None:
    class Full(RecordingBackend):
        def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
            raise NoRoom

    engine = engine_on(Full())
    engine.submit(request(1))

    end = end_of(run(engine))

    assert (end.why, end.detail) == ("failed", "no-room")


def test_after_a_failed_step_the_others_go_on() -> None:
    engine = engine_on(RecordingBackend('[{"when": "bad", "says": "ab", "and": "raise"}]'))
    engine.submit(request(1, text="bad", person="mallory"))
    with pytest.raises(BackendError):
        run(engine)
    engine.drop(UUID(int=1))
    engine.submit(request(2, text="good", person="alice"))

    assert text_of(run(engine), 2) == "You said: good"


def test_submitting_twice_is_answered_once() -> None:
    engine = engine_on(RecordingBackend())
    engine.submit(request(1))
    engine.submit(request(1))

    assert text_of(run(engine)) == "You said: Hello"
