"""The quick ways and their slow twins on the real starter model.

The shape of a batch changes how the processor rounds. So the probabilities behind each token must
agree within a tolerance, and the greedy tokens wherever the two best are further apart than that.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import msgspec
import numpy
import pytest
from numpy.typing import NDArray

from inference.engine.backend import Chosen, Chunk
from inference.engine.engine import Engine, EngineLimits
from inference.engine.llama import LlamaBackend
from inference.protocol import Lane, Request
from tests.inference.engine.aboard import Clock, prompts_at_once, request

pytestmark = [pytest.mark.model, pytest.mark.threat("F15")]

# In logits. Measured over these tests: up to 0.9, where the best of 49,152 lie around 20.
TOLERANCE = 1.5
STORY = (
    "The ferry left the island at dawn. The printer belongs to the warehouse, and the lantern "
    "belongs to the harbour. Nobody had told the committee about the canal. "
)
QUOTING = "Repeat: " + STORY * 3
QUOTED = STORY[:60]
TOPICS = ("the sea", "a garden", "old maps", "the night shift")

PLAIN: dict[str, Any] = {"max_draft": 0, "first_chunk": 512, "whole_read_seconds": 0.0}


@dataclass(frozen=True)
class Row:
    """What a token was chosen from, `lead` being by how much the best is ahead of the second.

    `own` is what would have been chosen where a twin has already said how it goes on.
    """

    token: int
    own: int
    lead: float
    logits: NDArray[numpy.float32]


class Watching(LlamaBackend):
    """The loaded model, with a note of what every token was chosen from.

    It goes on as its twin did, if there is one, so that both read the same to the end.
    """

    twin: Mapping[tuple[int, int], Row]
    clock: Clock
    rows: dict[tuple[int, int], Row]
    ran: defaultdict[int, list[int]]
    drafted: int
    steps: int

    @classmethod
    def over(cls, backend: LlamaBackend, twin: "Watching | None") -> Self:
        watching = cls.__new__(cls)
        watching.__dict__.update(backend.__dict__)
        watching.twin = {} if twin is None else twin.rows
        watching.clock, watching.rows, watching.ran = Clock(), {}, defaultdict(list)
        watching.drafted = watching.steps = 0
        for slot in range(backend.limits.slots):
            backend.cut(slot, length=0)
        return watching

    def close(self) -> None:
        """The model stays loaded for the next test."""

    @property
    def returns(self) -> int:
        """How often somebody ran, was left out, and ran again."""
        return sum(late - soon > 1 for at in self.ran.values() for soon, late in pairwise(at))

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        """Takes time as an accelerator does: most of it for the step, little for a token."""
        self.clock.pass_seconds(0.03 + 0.0005 * sum(len(chunk.tokens) for chunk in batch))
        self.steps += 1
        for chunk in batch:
            self.drafted += chunk.drafted
            self.ran[chunk.sequence.int].append(self.steps)
        return super().decode(batch)

    def _choose(self, row: int, chunk: Chunk) -> Chosen:
        logits = self.logits(row)
        own = super()._choose(row, chunk)
        place = (chunk.sequence.int, own.position)
        assert place not in self.rows, "every token is chosen once"
        token = self.twin[place].token if place in self.twin else own.token
        second, best = numpy.partition(logits, -2)[-2:]
        self.rows[place] = Row(token, own.token, float(best - second), logits)
        return replace(own, token=token)


def asked(number: int, *, lane: Lane = "person", text: str = "", **options: Any) -> Request:
    text = text or f"Write about {TOPICS[number % 4]}. " + STORY * (number % 3)
    wanted = {"temperature": 0.0, "num_predict": 16, **options}
    return request(number, text=text, person=f"person {number}", lane=lane, **wanted)


def answered(
    model: LlamaBackend,
    requests: Sequence[Request],
    limits: Mapping[str, Any] | None = None,
    *,
    twin: Watching | None = None,
    together: bool = True,
    apart: int = 2,
) -> Watching:
    """What these requests led to. They come some steps apart, or one after the other."""
    watching = Watching.over(model, twin)
    engine = Engine(
        watching,
        clock=watching.clock,
        wall_clock=lambda: 0.0,
        limits=EngineLimits(**{**PLAIN, **(limits or {})}),
        about_to_run=lambda _: None,
        new_seed=lambda: 7,
        new_executor=prompts_at_once,  # else who came when would hang on how busy the machine is
    )
    for each in requests:
        engine.submit(each)
        for _ in range(apart if together else 100_000):
            engine.step()
            if engine.is_idle:
                break
    while not engine.is_idle:
        engine.step()
    engine.close()
    return watching


def assert_twins(quick: Watching, slow: Watching, *, only: int | None = None) -> None:
    places = [place for place in slow.rows if only in (None, place[0])]
    assert len(places) >= 16
    for place in places:
        one, other = quick.rows[place], slow.rows[place]
        assert float(numpy.abs(one.logits - other.logits).max()) <= TOLERANCE
        assert one.own == other.own or min(one.lead, other.lead) <= TOLERANCE


def test_read_at_once_is_read_beside_others(starter: LlamaBackend) -> None:
    requests = [asked(number) for number in range(1, 5)]

    beside = answered(starter, requests, apart=6)
    at_once = answered(starter, requests, {"whole_read_seconds": 60.0}, twin=beside, apart=6)

    assert at_once.returns > beside.returns
    assert_twins(at_once, beside)


def test_batched_is_alone(starter: LlamaBackend) -> None:
    requests = [asked(number) for number in range(1, 5)]

    alone = answered(starter, requests, together=False)
    batched = answered(starter, requests, twin=alone)

    assert batched.steps < alone.steps
    assert_twins(batched, alone)


@pytest.mark.threat("F5")
def test_chunked_is_whole(starter: LlamaBackend) -> None:
    requests = [asked(5, text=QUOTING)]
    small = {"first_chunk": 5, "max_idle_step_seconds": 0.0, "smallest_chunk": 5}

    whole = answered(starter, requests)
    chunked = answered(starter, requests, small, twin=whole)

    assert chunked.steps > whole.steps + 8
    assert_twins(chunked, whole)


@pytest.mark.threat("B13")
def test_reused_is_fresh(starter: LlamaBackend) -> None:
    first, again = asked(1, text=QUOTING), asked(2, text=QUOTING + " And once more.")
    of_the_same = msgspec.structs.replace(again, person=first.person)

    fresh = answered(starter, [again])
    reused = answered(starter, [first, of_the_same], twin=fresh, together=False)

    assert_twins(reused, fresh, only=2)


def test_parked_and_restored_is_resident(starter: LlamaBackend) -> None:
    """The background holds every slot; a person comes, and one of them gives way."""
    requests = [asked(number, text=TOPICS[number], lane="background") for number in range(4)]
    requests.append(asked(5, text="Hello"))
    giving = {"patience_seconds": 0.0, "least_run_seconds": 0.15, "give_way_seconds": 0.1}

    resident = answered(starter, requests, {"patience_seconds": 1e9})
    restored = answered(starter, requests, giving, twin=resident)
    computed_again = answered(starter, requests, {**giving, "park_bytes": 0}, twin=resident)

    assert not resident.returns
    assert restored.returns
    assert computed_again.returns
    assert_twins(restored, resident)
    assert_twins(computed_again, resident)


def test_guessed_is_plain(starter: LlamaBackend) -> None:
    requests = [asked(7, text=QUOTING, so_far=QUOTED, num_predict=50)]

    plain = answered(starter, requests)
    guessed = answered(starter, requests, {"max_draft": 8}, twin=plain)

    assert guessed.steps < plain.steps
    assert_twins(guessed, plain)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_draws_the_same_guessed_and_plain(starter: LlamaBackend, seed: int) -> None:
    """The sampler draws once a token in the same order, so only rounding can tell them apart."""
    asking = asked(8, text=QUOTING, so_far=QUOTED, num_predict=50, temperature=0.3, seed=seed)

    plain = answered(starter, [asking])
    guessed = answered(starter, [asking], {"max_draft": 8}, twin=plain)

    equal = [guessed.rows[place].own == row.own for place, row in plain.rows.items()]
    assert guessed.drafted
    assert sum(equal) >= 0.9 * len(equal)
