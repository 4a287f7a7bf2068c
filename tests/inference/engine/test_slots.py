"""Slots: prefixes are reused by their own person only; a slot is empty before another gets it."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from inference.engine.backend import BackendError
from inference.engine.slots import Slots
from tests.inference.engine.aboard import RecordingBackend, end_of, engine_on, request, run, text_of

STORY = "Once upon a time there was a king. " * 40


@pytest.mark.threat("B12")
def test_anothers_copy_of_a_prompt_is_computed_in_full() -> None:
    backend = RecordingBackend()
    engine = engine_on(backend)
    engine.submit(request(1, person="alice", text=STORY))
    first = end_of(run(engine), 1).stats
    engine.submit(request(2, person="bob", text=STORY))
    engine.submit(request(3, person="alice", text=STORY))

    updates = run(engine)

    assert end_of(updates, 2).stats.cached_tokens == 0
    assert backend.computed[UUID(int=2)] == backend.computed[UUID(int=1)]
    assert end_of(updates, 3).stats.cached_tokens == first.prompt_tokens - 1


@pytest.mark.threat("B12")
def test_the_prefix_of_a_running_answer_serves_its_own_person_only() -> None:
    backend = RecordingBackend('[{"when": "", "says": ["word "], "repeat": 200}]')
    engine = engine_on(backend)
    engine.submit(request(1, person="alice", text=STORY))
    for _ in range(60):
        engine.step()
    engine.submit(request(2, person="alice", text=STORY + "The end."))
    engine.submit(request(3, person="bob", text=STORY + "The end."))

    updates = run(engine)

    assert end_of(updates, 2).stats.cached_tokens > 400
    assert end_of(updates, 3).stats.cached_tokens == 0


@pytest.mark.threat("B13")
def test_a_slot_is_cleared_before_another_person_reads_into_it() -> None:
    backend = RecordingBackend(slots=1)
    engine = engine_on(backend)
    for number, person in enumerate(["alice", "bob", "alice", "carol"], start=1):
        engine.submit(request(number, person=person, text=f"{person} {STORY}"))
        run(engine)

    for at, (what, _) in enumerate(backend.journal):
        if what == "first":
            assert ("cleared", 0) in backend.journal[max(0, at - 2) : at]


@pytest.mark.threat("B13")
def test_a_slot_that_is_not_empty_is_never_given_away() -> None:
    class Disobeying(RecordingBackend):
        def cut(self, slot: int, *, length: int) -> bool:
            return True

    backend = Disobeying(slots=1)
    slots = Slots(backend, park_bytes=0)
    backend.restore(0, (1000).to_bytes(4, "big"))

    with pytest.raises(BackendError):
        slots.take(UUID(int=1), person="alice", tokens=[1, 2, 3])


@pytest.mark.threat("B13")
def test_a_reused_slot_answers_as_a_fresh_one() -> None:
    used, fresh = engine_on(RecordingBackend(slots=1)), engine_on(RecordingBackend(slots=1))
    used.submit(request(1, person="bob", text="Remember the word swordfish."))
    run(used)
    for engine in (used, fresh):
        engine.submit(request(2, person="alice", text="Which word?"))

    assert text_of(run(used), 2) == text_of(run(fresh), 2) == "You said: Which word?"


def test_a_conversation_that_lost_its_slot_comes_back_from_ram() -> None:
    backend = RecordingBackend(slots=1)
    engine = engine_on(backend, park_bytes=1_000_000)
    talk = [("user", STORY), ("assistant", f"You said: {STORY}"), ("user", "And then?")]
    engine.submit(request(1, person="alice", text=STORY))
    run(engine)
    engine.submit(request(2, person="bob", text="Hello"))
    run(engine)
    engine.submit(request(3, person="alice", messages=talk))

    updates = run(engine)

    assert end_of(updates, 3).stats.cached_tokens > 900
    assert text_of(updates, 3) == "You said: And then?"


def test_parking_keeps_to_its_budget() -> None:
    backend = RecordingBackend(slots=1)
    slots = Slots(backend, park_bytes=4_000)
    for number in range(1, 20):
        slot = slots.take(
            UUID(int=number), person=f"person {number}", tokens=list(range(2_000, 2_400))
        )
        backend.restore(slot.index, b"".join(t.to_bytes(4, "big") for t in range(2_000, 2_400)))
        slot.tokens = list(range(2_000, 2_400))
        slots.release(slot)
        assert slots.parked_bytes <= 4_000


def test_memory_that_cannot_be_cut_is_computed_again() -> None:
    class Uncuttable(RecordingBackend):
        def cut(self, slot: int, *, length: int) -> bool:
            is_exact = length in (0, self.length(slot))
            super().cut(slot, length=length if is_exact else max(0, length - 5))
            return is_exact

    backend = Uncuttable(slots=1)
    engine = engine_on(backend)
    engine.submit(request(1, text=STORY))
    run(engine)
    engine.submit(request(2, text=STORY + "The end."))
    updates = run(engine)

    assert end_of(updates, 2).stats.cached_tokens == 0
    assert text_of(updates, 2) == f"You said: {STORY}The end."


@pytest.mark.threat("B12")
def test_a_published_system_prompt_is_computed_once_for_everybody() -> None:
    """And what a person adds to it, or sends as a system prompt of her own, is not."""
    backend = RecordingBackend()
    engine = engine_on(backend)
    talk = [("system", STORY), ("user", "A secret question of mine, and a long one at that.")]
    asked = [
        replace(request(1, person="alice", messages=talk), published=1),
        replace(request(2, person="bob", messages=talk), published=1),
        replace(request(3, person="carol", messages=talk), published=0),
    ]
    cached = []
    for each in asked:
        engine.submit(each)
        cached.append(end_of(run(engine), each.generation_id.int).stats.cached_tokens)

    said_in_private = len(backend.vocabulary.encode(talk[1][1]))
    assert cached[0] == cached[2] == 0
    assert cached[1] > len(backend.vocabulary.encode(STORY))
    assert cached[1] < len(backend.vocabulary.encode(STORY)) + said_in_private
    assert backend.computed[UUID(int=2)] > said_in_private


@pytest.mark.threat("F15")
def test_who_gives_way_goes_on_as_if_nothing_had_been() -> None:
    backend = RecordingBackend(slots=1)
    engine = engine_on(backend, patience_seconds=0.0, least_run_seconds=0.0)
    engine.submit(request(1, person="alice", text=STORY))
    updates = [update for _ in range(60) for update in engine.step()]
    engine.submit(request(2, person="bob", text="Quickly?"))

    updates += run(engine)

    assert text_of(updates, 1) == f"You said: {STORY}"
    assert text_of(updates, 2) == "You said: Quickly?"
    read_again = backend.computed[UUID(int=1)] - end_of(updates, 1).stats.prompt_tokens
    assert read_again <= end_of(updates, 1).stats.answer_tokens
