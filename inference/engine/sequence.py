"""One generation in flight: what it must read, what it has said, how it ends. Not for order."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from inference.engine.backend import BackendError, Sampler
from inference.engine.replies.pieces import Part, Splitter
from inference.engine.replies.plain import Plain
from inference.engine.slots import Slot
from inference.engine.text import TextStream
from inference.protocol import LANES, Request, Stats

Why = Literal["done", "length", "stopped", "failed"]

# A request that was aboard when a runner died runs alone until it has said this many tokens.
PROBATION_TOKENS = 16


@dataclass(slots=True)
class Sequence:
    """`tokens` is the prompt and then everything said; the slot holds a beginning of them."""

    request: Request
    order: int
    submitted_at: float
    tokens: list[int] = field(default_factory=list)
    prompt_length: int = 0
    said_count: int = 0
    max_said: int | None = None
    cached_count: int = 0
    slot: Slot | None = None
    sampler: Sampler | None = None
    text: TextStream = field(default_factory=TextStream)
    splitter: Splitter = field(default_factory=Plain)
    is_prepared: bool = False
    last_run: int = -1
    reading_since: float | None = None
    writing_since: float | None = None

    @property
    def id(self) -> UUID:
        return self.request.generation_id

    @property
    def person(self) -> str:
        return self.request.person

    @property
    def lane(self) -> int:
        """0 is served first."""
        return LANES.index(self.request.lane)

    @property
    def is_suspect(self) -> bool:
        """Whether it must run alone still."""
        return self.request.deaths > 0 and self.said_count < PROBATION_TOKENS

    @property
    def held_slot(self) -> Slot:
        """Where it runs; only who runs may be asked."""
        if self.slot is None:
            raise BackendError("a sequence without a slot was to run")
        return self.slot

    @property
    def held_count(self) -> int:
        return 0 if self.slot is None else len(self.slot.tokens)

    @property
    def unread_count(self) -> int:
        """Tokens that the model has not seen yet. One means: ready for the next token."""
        return len(self.tokens) - self.held_count

    def rest(self) -> list[Part]:
        """Everything held back, now that nothing follows."""
        return [*self.splitter.feed(self.text.finish()), *self.splitter.finish()]

    def stats(self, *, now: float) -> Stats:
        reading, writing = self.reading_since, self.writing_since
        read_until = now if writing is None else writing
        return Stats(
            prompt_tokens=self.prompt_length,
            cached_tokens=self.cached_count,
            answer_tokens=self.said_count,
            prompt_ns=0 if reading is None else _ns(read_until - reading),
            answer_ns=0 if writing is None else _ns(now - writing),
        )


def _ns(seconds: float) -> int:
    return max(0, round(seconds * 1_000_000_000))
