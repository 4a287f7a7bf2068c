"""Slots: prefixes are reused by their own person only; a slot is empty before another gets it."""

from uuid import UUID

import pytest

from inference.engine.backend import BackendError
from inference.engine.slots import Slots, common_prefix
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


def test_common_prefix_is_what_both_begin_with() -> None:
    assert common_prefix([1, 2, 3], [1, 2, 4, 5]) == 2
    assert common_prefix([1, 2], [1, 2, 3]) == 2
    assert common_prefix([], [1]) == 0
    assert common_prefix([2], [1]) == 0
