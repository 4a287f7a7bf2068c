"""Every optimisation has a slow twin that says the same, token for token, whatever comes between.

A request alone, on one slot, read in one piece, with nothing guessed or kept, is the twin of the
same request among others who come, go, give way, are parked, interrupted and find no room, while
prompts are made and pictures looked at beside them.
"""

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engine import beside, seeing
from inference.engine.backend import (
    Aborted,
    BackendError,
    Chosen,
    Chunk,
    NoRoom,
    Sampler,
    check_batch,
)
from inference.engine.engine import Engine, Over, Said, Update
from inference.engine.grammar.constraint import Constraint
from inference.engine.pictures.reading import BadPicture, Picture
from inference.engine.pictures.seen import Seen
from inference.engine.sampling import Draw, Recipe
from inference.engine.scripted import Rule, byte_token
from inference.protocol import Lane, Message, Request
from tests.inference.engine.aboard import (
    AtOnce,
    RecordingBackend,
    end_of,
    engine_on,
    request,
    run,
    text_of,
)

LANES: tuple[Lane, ...] = ("person", "api", "background")
CONTEXT = 700
SAYS_NOTHING = Rule(when=re.compile(""), says=())
BAD = b"no picture"
PICTURES = [*(b"picture %d" % number for number in range(12)), BAD]


class Reader:
    """Pictures without pixels."""

    def read(self, data: bytes) -> Picture:
        if data == BAD:
            raise BadPicture("no picture")
        return Picture(width=1, height=1, pixels=b"", digest=data)

    def close(self) -> None:
        return None


class Spot:
    """A picture of a few tokens, as strict as the real ones; to be read whole, or not."""

    def __init__(self, digest: bytes, *, open_spots: "set[Spot]") -> None:
        roll = hashlib.blake2b(digest, digest_size=2).digest()
        self.length = 1 + roll[0] % 12
        self.is_whole = bool(roll[1] % 2)
        self.token_count = self.length + self.is_whole * (roll[1] % 3)
        self.marks = [-1 - 16 * (256 * roll[0] + roll[1]) - at for at in range(self.length)]
        self.is_encoded = False
        self._open = open_spots
        self._open.add(self)

    def encode(self) -> None:
        if self not in self._open:
            raise BackendError("a picture is looked at that was given back")
        self.is_encoded = True

    def close(self) -> None:
        self._open.discard(self)


class Eyes:
    def __init__(self) -> None:
        self.open_spots: set[Spot] = set()

    def look(self, picture: Picture) -> Seen:
        spot = Spot(picture.digest, open_spots=self.open_spots)
        return Seen([[byte_token(b"[")], spot, [byte_token(b"]")]])


class ByAndBy(Executor):
    """In place of threads: what was begun is done when the dice say so."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._begun: list[Begun] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        self._begun.append(Begun(self._dice, partial(work, *args, **named)))
        return self._begun[-1]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for begun in self._begun:
            begun.do()


class Begun(Future[Any]):
    def __init__(self, dice: random.Random, work: Callable[[], Any]) -> None:
        super().__init__()
        self._dice = dice
        self._work = work

    def do(self) -> None:
        if super().done():
            return
        try:
            self.set_result(self._work())
        except BadPicture as error:
            self.set_exception(error)

    def done(self) -> bool:
        if self._dice.random() < 0.3:
            self.do()
        return super().done()


class Dice:
    """A sampler with a state: the n-th token it chooses depends on its seed and on n."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.drawn = 0

    def close(self) -> None:
        return None


class Hashing(RecordingBackend):
    """What follows depends on every token of the slot, and on all that its sampler has chosen.

    So one wrong, missing or foreign token anywhere in the memory shows in the next one. It often
    goes on as it did before, so that there is something to guess.
    """

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.spotting = Eyes()

    @property
    def eyes(self) -> Eyes:
        return self.spotting

    def new_sampler(
        self,
        recipe: Recipe,
        *,
        history: Sequence[int],
        logprobs: int | None = None,
        constraint: Constraint | None = None,
    ) -> Sampler:
        return Dice(next((stage.seed for stage in recipe if isinstance(stage, Draw)), 0))

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        check_batch(batch, self.limits)
        self._dice = {chunk.slot: chunk.sampler for chunk in batch}
        return super().decode(batch)

    def _now_saying(self, slot: int) -> Rule:
        return SAYS_NOTHING

    def _next_token(self, slot: int) -> int:
        dice, tokens = self._dice[slot], self._memories[slot].tokens
        if not isinstance(dice, Dice):
            raise BackendError("a sampler of another backend")
        dice.drawn += 1
        key = repr((tokens, dice.seed, dice.drawn)).encode()
        roll = int.from_bytes(hashlib.blake2b(key, digest_size=4).digest(), "big")
        if roll % 120 == 0:
            return self.vocabulary.markers[self.vocabulary.eos_text].token
        if roll % 4 and (quoted := _quoted(tokens)) is not None:
            return quoted
        return byte_token(b"%02x " % (roll % 3))


def _quoted(tokens: list[int]) -> int | None:
    """What followed the last three tokens before."""
    for at in range(len(tokens) - 2, 2, -1):
        if tokens[at - 3 : at] == tokens[-3:] and tokens[at] >= byte_token(b"0"):
            return tokens[at]
    return None


class Moody(Hashing):
    """Has no room, or is interrupted with some of the batch kept, when its dice say so."""

    def __init__(self, *, dice: random.Random, trouble: float, slots: int) -> None:
        super().__init__(slots=slots, context_length=CONTEXT, seconds_per_step=0.05)
        self._moods = dice
        self._trouble = trouble

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        roll = self._moods.random()
        if len(batch) > 1 and roll < self._trouble:
            raise NoRoom
        if roll > 1 - self._trouble / 2:
            for chunk in batch[: self._moods.randint(0, len(batch))]:
                kept = self._moods.randint(1, len(chunk.tokens))
                self._take_in(chunk.tokens[:kept], memory=self._memories[chunk.slot])
            raise Aborted
        return super().decode(batch)


@dataclass
class House:
    """An engine, who came, and what they were told."""

    engine: Engine
    asked: dict[int, Request] = field(default_factory=dict)
    said: defaultdict[int, str] = field(default_factory=lambda: defaultdict(str))
    over: dict[int, Over] = field(default_factory=dict)
    left: set[int] = field(default_factory=set)

    def step(self) -> None:
        for update in self.engine.step():
            self.take(update)

    def take(self, update: Update) -> None:
        number = update.generation_id.int
        assert number not in self.over, "nothing is said after the end"
        if isinstance(update, Said):
            self.said[number] += update.text
        if isinstance(update, Over):
            self.over[number] = update


def alone(asked: Request) -> tuple[str, Over]:
    """The slow twin: one slot, the whole prompt in one piece, nothing guessed."""
    engine = engine_on(
        Hashing(slots=1, context_length=CONTEXT),
        max_draft=0,
        first_chunk=100_000,
        max_idle_step_seconds=1e6,
        new_executor=lambda _: AtOnce(),
    )
    engine.submit(asked)
    updates = run(engine)
    number = asked.generation_id.int
    return text_of(updates, number), end_of(updates, number)


def someone(dice: random.Random, number: int, house: House) -> Request:
    """A person of few, going on with what was said before, or with words that many begin with."""
    person = dice.randint(1, 4)
    earlier = [
        n for n, r in house.asked.items() if r.person == f"person {person}" and n in house.over
    ]
    messages: list[Message] = []
    if earlier and dice.random() < 0.6:
        before = dice.choice(earlier)
        said = Message(role="assistant", content=house.said[before])
        messages = [*house.asked[before].messages, said]
    shared = "Tell me of the sea. " * dice.randint(0, 8)
    text = shared + "".join(dice.choices("ab é👋\n", k=dice.randint(0, 30)))
    images = tuple(dice.choices(PICTURES, k=dice.choice([0, 0, 0, 1, 2])))
    messages.append(Message(role="user", content=text, images=images))
    asked = request(
        number,
        person=f"person {person}",
        lane=dice.choice(LANES),
        num_predict=dice.choice([None, 1, 2, 30, 60]),
        temperature=dice.choice([0.0, 0.8]),
        seed=dice.randint(0, 3),
        stop=dice.choice([(), ("00 00 00",), ("01 02 00", "é")]),
        deaths=int(dice.random() < 0.05),
    )
    return msgspec.structs.replace(asked, messages=tuple(messages[-5:]))


def happens(dice: random.Random, house: House) -> None:
    """One thing from outside, and a few steps."""
    roll = dice.random()
    if roll < 0.5:
        number = len(house.asked) + 1
        house.asked[number] = someone(dice, number, house)
        house.engine.submit(house.asked[number])
    elif roll < 0.6 and house.asked:
        victim = dice.randint(1, len(house.asked))
        if victim not in house.over:
            house.left.add(victim)
        leave = house.engine.stop if dice.random() < 0.5 else house.engine.drop
        leave(UUID(int=victim))
    for _ in range(dice.randint(0, 12)):
        house.step()


@pytest.fixture(autouse=True, scope="module")
def _without_pixels_or_waiting() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seeing, "PictureReader", Reader)
        patch.setattr(beside, "wait", lambda *_, **__: None)
        yield


@pytest.mark.threat("B13")
@pytest.mark.threat("B14")
@pytest.mark.threat("F5")
@pytest.mark.threat("F12")
@pytest.mark.threat("F15")
@settings(max_examples=60, deadline=None)
@given(
    dice=st.randoms(use_true_random=True),
    slots=st.sampled_from([1, 2, 3, 8]),
    trouble=st.sampled_from([0.0, 0.1]),
    most_guesses=st.sampled_from([0, 1, 8]),
    park_bytes=st.sampled_from([0, 3_000, 1_000_000]),
)
def test_whatever_comes_between_everyone_is_told_what_they_would_be_told_alone(
    dice: random.Random, slots: int, trouble: float, most_guesses: int, park_bytes: int
) -> None:
    backend = Moody(dice=dice, trouble=trouble, slots=slots)
    engine = engine_on(
        backend,
        new_executor=lambda _: ByAndBy(dice),
        park_bytes=park_bytes,
        max_draft=most_guesses,
        first_chunk=dice.choice([1, 40, 40]),
        max_step_seconds=dice.choice([0.01, 0.2, 0.2]),
        whole_read_seconds=dice.choice([0.0, 0.25, 10.0]),
        patience_seconds=0.1,
        least_run_seconds=0.2,
        give_way_seconds=0.1,
    )
    house = House(engine)
    for _ in range(20):
        happens(dice, house)
    for _ in range(20_000):
        if engine.is_idle:
            break
        house.step()

    assert engine.is_idle
    assert engine.free_slots > 0
    engine.close()
    assert not backend.spotting.open_spots
    for number, asked in house.asked.items():
        text, over = alone(asked)
        if number in house.left:
            # What might have become a stop string is shown when nothing follows it.
            whole = [text, *(text + stop for stop in asked.options.stop)]
            assert any(each.startswith(house.said[number]) for each in whole)
        else:
            assert house.said[number] == text
            assert house.over[number].why == over.why
            assert house.over[number].stats.answer_tokens == over.stats.answer_tokens


def told(**limits: Any) -> tuple[list[str], Hashing]:
    """What six people are told on two slots under these limits, and what it took."""
    backend = Hashing(slots=2, context_length=CONTEXT, seconds_per_step=0.05)
    house = House(engine_on(backend, **limits))
    lanes: list[Lane] = ["background", "background", "api", "person", "api", "person"]
    for number, lane in enumerate(lanes, start=1):
        asked = request(
            number,
            text="Tell me of the sea. " * 9,
            person=str(number),
            lane=lane,
            seed=number,
            num_predict=80,
        )
        house.asked[number] = asked
        house.engine.submit(asked)
        for _ in range(8):
            house.step()
    while not house.engine.is_idle:
        house.step()
    return [house.said[number] for number in sorted(house.asked)], backend


def drafted(backend: Hashing) -> int:
    return sum(chunk.drafted for batch in backend.batches for chunk in batch)


def returns(backend: Hashing) -> int:
    """How often somebody ran, was left out, and ran again."""
    ran: defaultdict[UUID, list[int]] = defaultdict(list)
    for at, batch in enumerate(backend.batches):
        for chunk in batch:
            ran[chunk.sequence].append(at)
    return sum(late - soon > 1 for at in ran.values() for soon, late in pairwise(at))


PLAIN: dict[str, Any] = {"max_draft": 0, "patience_seconds": 1e9, "whole_read_seconds": 0.0}
GIVING: dict[str, Any] = {
    "max_draft": 0,
    "whole_read_seconds": 0.0,
    "patience_seconds": 0.0,
    "least_run_seconds": 0.1,
    "give_way_seconds": 0.1,
}
TWINS: dict[str, tuple[dict[str, Any], Callable[[Hashing], int]]] = {
    "guessed": ({"max_draft": 8, "patience_seconds": 1e9}, drafted),
    "parked and restored": (GIVING, returns),
    "computed again": ({**GIVING, "park_bytes": 0}, returns),
    "read whole, while others wait": ({**PLAIN, "whole_read_seconds": 60.0}, returns),
    "in small chunks": (
        {**PLAIN, "first_chunk": 1, "max_step_seconds": 0.0, "max_idle_step_seconds": 0.0},
        lambda backend: len(backend.batches) > 200,
    ),
}


@pytest.mark.threat("F15")
@pytest.mark.parametrize("twin", TWINS)
def test_each_way_to_be_quick_says_what_the_slow_way_says(twin: str) -> None:
    limits, is_used = TWINS[twin]
    quick, backend = told(**limits)
    slow, slow_backend = told(**PLAIN)

    assert quick == slow
    assert is_used(backend)
    assert not drafted(slow_backend)
    assert not returns(slow_backend)


@pytest.mark.threat("F9")
@pytest.mark.parametrize("num_predict", [1, 2, 3, 7, 40, None])
def test_a_guess_goes_past_no_end(num_predict: int | None) -> None:
    asked = request(1, text="abc" * 190, num_predict=num_predict, seed=1, stop=("02 02 01",))
    engine = engine_on(
        Hashing(slots=1, context_length=CONTEXT, seconds_per_step=0.001), max_draft=32
    )
    engine.submit(asked)

    updates = run(engine)

    text, over = alone(asked)
    assert (text_of(updates), end_of(updates).why) == (text, over.why)
    assert end_of(updates).stats.answer_tokens == over.stats.answer_tokens
