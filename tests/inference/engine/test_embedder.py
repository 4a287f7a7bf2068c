"""Many texts in one batch: fair, bounded, and each with its own vector."""

import struct
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engine.backend import Aborted, BackendError, NoRoom
from inference.engine.embedder import Embedder
from inference.engine.pooling import PoolLimits, check_inputs
from inference.engine.scripted_pooler import ScriptedPooler
from inference.engine.updates import Embedded, Over, Scored, Update
from inference.protocol import ModelSpec, Request, Task

ROUNDS = 10_000


class Clock:
    """Time that only moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += seconds


class RecordingPooler(ScriptedPooler):
    """Writes down the batches; `troubles` are raised, one at a batch, before it computes."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.batches: list[list[list[int]]] = []
        self.encoded_chars = 0
        self.troubles: list[Exception] = []
        self.on_encode: Callable[[], None] = lambda: None

    def encode(self, text: str) -> list[int]:
        self.on_encode()
        self.encoded_chars += len(text)
        return super().encode(text)

    def pool(self, inputs: Sequence[Sequence[int]]) -> list[bytes]:
        if self.troubles:
            raise self.troubles.pop(0)
        self.batches.append([list(tokens) for tokens in inputs])
        return super().pool(inputs)


class House:
    """An embedder with its pooler, its clock, and who was announced."""

    def __init__(self, pooler: RecordingPooler | None = None) -> None:
        self.pooler = pooler or RecordingPooler()
        self.clock = Clock()
        self.announced: list[tuple[int, ...]] = []
        self.embedder = Embedder(
            self.pooler,
            clock=self.clock,
            wall_clock=self.clock,
            about_to_run=lambda ids: self.announced.append(tuple(each.int for each in ids)),
        )

    def asks(self, number: int, *inputs: str, person: str = "alice", **more: Any) -> UUID:
        request = asked(number, *inputs, person=person, **more)
        self.embedder.submit(request)
        return request.generation_id

    def runs(self) -> list[Update]:
        updates: list[Update] = []
        for _ in range(ROUNDS):
            if self.embedder.is_idle:
                return updates
            updates += self.embedder.step()
        raise AssertionError("it never ends")


def asked(number: int, *inputs: str, task: Task = "embed", **more: Any) -> Request:
    fields: dict[str, Any] = {
        "generation_id": UUID(int=number),
        "attempt": 1,
        "person": "alice",
        "lane": "api",
        "model": ModelSpec(weights="0" * 64, context_length=512, task=task),
        "model_name": "scripted:latest",
        "inputs": inputs,
        "expires_at": 1e9,
        **more,
    }
    return Request(**fields)


def vector(text: str) -> bytes:
    pooler = ScriptedPooler()
    return pooler.pool([pooler.framed(pooler.encode(text))])[0]


def vectors_of(updates: list[Update], number: int) -> list[bytes]:
    """All of them, in order and without a hole."""
    found: list[bytes] = []
    for update in updates:
        if isinstance(update, Embedded) and update.generation_id.int == number:
            assert update.first == len(found)
            found += update.vectors
    return found


def end_of(updates: list[Update], number: int) -> Over:
    (end,) = [
        update
        for update in updates
        if isinstance(update, Over) and update.generation_id.int == number
    ]
    return end


def test_every_input_gets_the_vector_it_would_get_alone() -> None:
    house = House()
    house.asks(1, "why", "", "is the sky", "蓝色")
    house.asks(2, "why", person="bob")

    updates = house.runs()

    assert vectors_of(updates, 1) == [vector(t) for t in ("why", "", "is the sky", "蓝色")]
    assert vectors_of(updates, 2) == [vector("why")]
    assert end_of(updates, 1).why == end_of(updates, 2).why == "done"


def test_special_tokens_count_as_read() -> None:
    house = House()
    house.asks(1, "abc", "")

    stats = end_of(house.runs(), 1).stats

    assert stats.prompt_tokens == 3 + 2 + 2
    assert stats.answer_tokens == 0


def test_inputs_of_several_people_share_a_batch_within_its_bounds() -> None:
    house = House(RecordingPooler(sequences=4, batch_tokens=40))
    house.asks(1, *["a" * 8] * 5)
    house.asks(2, *["b" * 8] * 5, person="bob")

    house.runs()

    assert all(len(batch) <= 4 for batch in house.pooler.batches)
    assert all(sum(map(len, batch)) <= 40 for batch in house.pooler.batches)
    assert len(house.pooler.batches) == 3
    assert Counter(tokens[1] for tokens in house.pooler.batches[0]) == {
        ord("a") + 2: 2,
        ord("b") + 2: 2,
    }


def test_an_input_longer_than_a_shared_batch_runs_alone_and_is_not_passed_over() -> None:
    house = House(RecordingPooler(batch_tokens=20, context_length=100))
    house.asks(1, "a" * 10, "b" * 90, "c" * 10)

    updates = house.runs()

    assert [len(batch) for batch in house.pooler.batches] == [1, 1, 1]
    assert vectors_of(updates, 1) == [vector("a" * 10), vector("b" * 90), vector("c" * 10)]


@pytest.mark.threat("F5")
def test_a_thousand_inputs_of_one_person_hold_up_another_by_one_batch_at_most() -> None:
    house = House(RecordingPooler(sequences=4))
    house.asks(1, *["mine"] * 1000)
    house.embedder.step()
    house.asks(2, "yours", person="bob")

    updates = house.embedder.step()

    assert vectors_of(updates, 2) == [vector("yours")]


def test_who_comes_anew_does_not_push_out_whoever_was_served_long() -> None:
    house = House(RecordingPooler(sequences=2))
    house.asks(1, *["mine"] * 100)
    for _ in range(10):
        house.embedder.step()
    house.asks(2, *["late"] * 100, person="bob")

    batches_before = len(house.pooler.batches)
    for _ in range(10):
        house.embedder.step()

    first_bytes = Counter(
        tokens[1] for batch in house.pooler.batches[batches_before:] for tokens in batch
    )
    assert first_bytes == {ord("m") + 2: 10, ord("l") + 2: 10}


def test_a_waiting_person_comes_before_programs_and_those_before_the_background() -> None:
    house = House(RecordingPooler(sequences=1))
    house.asks(1, "later", person="ann", lane="background")
    house.asks(2, "soon", person="bob", lane="api")
    house.asks(3, "now", person="cid", lane="person")

    ends = [update.generation_id.int for update in house.runs() if isinstance(update, Over)]

    assert ends == [3, 2, 1]


def test_what_is_too_long_is_cut_so_that_a_first_and_a_last_token_fit() -> None:
    house = House(RecordingPooler(context_length=10))
    house.asks(1, "abcdefghijklm")
    house.asks(2, "abcdefgh")

    updates = house.runs()

    assert vectors_of(updates, 1) == vectors_of(updates, 2) == [vector("abcdefgh")]


def test_a_request_may_bound_its_inputs_below_the_context_and_never_above() -> None:
    house = House(RecordingPooler(context_length=10))
    house.asks(1, "why is", max_input_tokens=5)
    house.asks(2, "abcdefghijklm", max_input_tokens=1000)

    updates = house.runs()

    assert vectors_of(updates, 1) == [vector("why")]
    assert vectors_of(updates, 2) == [vector("abcdefgh")]


@pytest.mark.parametrize(
    ("bound", "truncate", "detail"),
    [(2, True, "embedding"), (0, True, "embedding"), (5, False, "too-long")],
)
def test_one_input_that_cannot_be_cut_fails_its_request_and_no_other(
    bound: int, truncate: bool, detail: str
) -> None:
    house = House()
    house.asks(1, "fine", person="bob")
    house.asks(2, "", "too long", max_input_tokens=bound, truncate=truncate)

    updates = house.runs()

    end = end_of(updates, 2)
    assert (end.why, end.detail) == ("failed", detail)
    assert end_of(updates, 1).why == "done"


@pytest.mark.threat("F24")
@pytest.mark.parametrize("truncate", [True, False])
def test_of_a_book_only_as_much_is_read_as_can_matter(truncate: bool) -> None:
    house = House(RecordingPooler(context_length=64))
    house.asks(1, "x" * 1_000_000, truncate=truncate)

    updates = house.runs()

    assert house.pooler.encoded_chars < 5_000
    assert vectors_of(updates, 1) == ([vector("x" * 62)] if truncate else [])
    assert end_of(updates, 1).detail == ("" if truncate else "too-long")


class Skipping(RecordingPooler):
    """Makes no tokens of spaces."""

    def encode(self, text: str) -> list[int]:
        return super().encode(text)[: len(text.replace(" ", ""))]


@pytest.mark.threat("F24")
def test_a_text_that_may_be_cut_is_not_read_to_its_end_for_lack_of_tokens() -> None:
    house = House(Skipping(context_length=64))
    house.asks(1, "x" + " " * 1_000_000)
    house.asks(2, "x" + " " * 10_000, truncate=False, person="bob")

    updates = house.runs()

    assert vectors_of(updates, 1) == vectors_of(updates, 2) == [vector("x")]
    assert house.pooler.encoded_chars < 30_000


@pytest.mark.threat("F24")
def test_texts_that_take_long_to_read_make_a_batch_no_longer_than_the_first_of_them() -> None:
    house = House()
    house.pooler.on_encode = lambda: house.clock.pass_seconds(1.0)
    house.asks(1, *(f"text {number}" for number in range(5)))

    house.runs()

    assert [len(batch) for batch in house.pooler.batches] == [1] * 5


@pytest.mark.threat("F24")
def test_a_query_is_read_once_for_all_its_documents() -> None:
    house = House()
    house.asks(1, *"abcdefgh", task="rerank", query="q" * 20)

    house.runs()

    assert house.pooler.encoded_chars == 20 + 8


def test_a_stop_between_two_batches_ends_it_and_the_others_go_on() -> None:
    house = House(RecordingPooler(sequences=2))
    mine = house.asks(1, *["mine"] * 10)
    house.asks(2, "yours", "too", person="bob")
    before = house.embedder.step()

    house.embedder.stop(mine)
    updates = [*before, *house.runs()]

    assert end_of(updates, 1).why == "stopped"
    assert len(vectors_of(updates, 1)) < 10
    assert len(vectors_of(updates, 2)) == 2


def test_what_is_dropped_says_nothing_more() -> None:
    house = House(RecordingPooler(sequences=1))
    mine = house.asks(1, "one", "two")
    house.embedder.step()

    house.embedder.drop(mine)

    assert house.embedder.is_idle
    assert house.embedder.step() == []


def test_a_request_that_nobody_waits_for_any_more_fails_as_expired() -> None:
    house = House()
    house.clock.pass_seconds(100)
    house.asks(1, "late", expires_at=50.0)

    end = end_of(house.runs(), 1)

    assert (end.why, end.detail) == ("failed", "expired")
    assert house.pooler.batches == []


def test_submitting_twice_is_harmless_and_no_inputs_at_all_is_an_end() -> None:
    house = House()
    house.asks(1, "once")
    house.asks(1, "once")
    house.asks(2)

    updates = house.runs()

    assert len(vectors_of(updates, 1)) == 1
    assert end_of(updates, 2).why == "done"


@pytest.mark.threat("F2")
def test_a_suspect_shares_no_batch_and_is_announced_alone() -> None:
    house = House()
    house.asks(1, "fine", "fine")
    house.asks(2, "suspect", "suspect", person="bob", deaths=1)
    house.asks(3, "fine", person="cid")

    house.runs()

    assert all(2 not in ids or ids == (2,) for ids in house.announced)
    assert (2,) in house.announced


@pytest.mark.threat("F2")
def test_whoever_is_in_a_batch_was_announced_before_anything_native_was_done_for_them() -> None:
    house = House()
    house.asks(1, "one")
    house.asks(2, "two", person="bob")

    house.embedder.step()

    assert house.announced[0] == (1,)
    assert house.announced[-1] == (1, 2)


@pytest.mark.threat("F3")
def test_without_room_fewer_inputs_are_tried_and_a_single_one_fails_alone() -> None:
    house = House()
    house.pooler.troubles = [NoRoom(), Aborted(), NoRoom()]
    house.asks(1, "one", "two", "three", "four")

    updates = house.runs()

    assert vectors_of(updates, 1) == [vector(t) for t in ("one", "two", "three", "four")]
    assert len(house.pooler.batches[0]) == 1

    house.pooler.troubles = [NoRoom()]
    house.asks(2, "alone")
    end = end_of(house.runs(), 2)
    assert (end.why, end.detail) == ("failed", "no-room")


def test_a_batch_that_raises_leaves_everything_as_it_was() -> None:
    house = House()
    house.pooler.troubles = [BackendError("broken")]
    house.asks(1, "one")

    with pytest.raises(BackendError):
        house.embedder.step()

    assert vectors_of(house.runs(), 1) == [vector("one")]


def test_documents_are_scored_in_their_order_each_beside_the_query() -> None:
    house = House(RecordingPooler(sequences=2))
    house.asks(1, "aaaa", "b", "", task="rerank", query="q")

    updates = house.runs()

    (scored,) = [update for update in updates if isinstance(update, Scored)]
    expected = [struct.unpack_from("<f", v)[0] for v in map(vector, ("qaaaa", "qb", "q"))]
    assert list(scored.scores) == expected
    assert end_of(updates, 1).stats.prompt_tokens == (4 + 1 + 3) + (1 + 1 + 3) + (0 + 1 + 3)


def test_of_a_pair_that_is_too_long_the_document_is_cut_and_never_the_query() -> None:
    house = House(RecordingPooler(context_length=12))
    house.asks(1, "d" * 50, task="rerank", query="query")
    house.asks(2, "d", task="rerank", query="q" * 50)

    updates = house.runs()

    assert len(house.pooler.batches[0][0]) == 12
    assert end_of(updates, 1).why == "done"
    assert end_of(updates, 2).detail == "too-long"


def test_a_score_that_is_no_number_fails_instead_of_being_sent() -> None:
    class Broken(RecordingPooler):
        def pool(self, inputs: Sequence[Sequence[int]]) -> list[bytes]:
            return [struct.pack("<f", float("nan"))] * len(inputs)

    house = House(Broken())
    house.asks(1, "a", task="rerank", query="q")

    assert end_of(house.runs(), 1).detail == "embedding"


def test_free_slots_count_down_and_closing_ends_everything_without_a_word() -> None:
    house = House()
    free = house.embedder.free_slots
    house.asks(1, "one")

    assert (house.embedder.free_slots, house.embedder.running_count) == (free - 1, 1)
    house.embedder.close()
    assert house.embedder.is_idle


LIMITS = PoolLimits(slots=4, sequences=2, context_length=8, batch_tokens=10, vocabulary_size=100)


@pytest.mark.threat("F24")
@pytest.mark.parametrize(
    "inputs",
    [[], [[]], [[1], [1], [1]], [[1] * 9], [[1] * 6, [1] * 6], [[-1]], [[100]], [[2**31]]],
)
def test_no_batch_reaches_the_library_that_it_could_not_hold(inputs: list[list[int]]) -> None:
    with pytest.raises(BackendError):
        check_inputs(inputs, LIMITS)


@pytest.mark.threat("B14")
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whoever_comes_stops_and_goes_everybody_gets_her_own_vectors(data: st.DataObject) -> None:
    house = House(
        RecordingPooler(
            sequences=data.draw(st.integers(1, 5)), batch_tokens=data.draw(st.integers(10, 60))
        )
    )
    texts: dict[int, list[str]] = {}
    updates: list[Update] = []
    stopped: set[int] = set()
    for number in range(1, data.draw(st.integers(2, 8))):
        inputs = data.draw(st.lists(st.text("abcdefgh", max_size=40), max_size=12))
        texts[number] = inputs
        house.asks(
            number,
            *inputs,
            person=data.draw(st.sampled_from(["alice", "bob", "cid"])),
            lane=data.draw(st.sampled_from(["person", "api", "background"])),
            deaths=data.draw(st.integers(0, 1)),
        )
        for _ in range(data.draw(st.integers(0, 3))):
            updates += house.embedder.step()
        if data.draw(st.booleans()):
            stopped.add(number)
            house.embedder.stop(UUID(int=number))
    updates += house.runs()

    for number, inputs in texts.items():
        expected = [vector(text) for text in inputs]
        found = vectors_of(updates, number)
        end = end_of(updates, number)
        assert found == expected[: len(found)]
        assert end.why == "done" if number not in stopped else end.why in ("done", "stopped")
        if end.why == "done":
            assert found == expected
