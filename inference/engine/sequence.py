"""One generation in flight: what it must read, what it has said, how it ends. Not for order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from inference.engine.backend import BackendError, Sampler
from inference.engine.grammar.compiling import Making
from inference.engine.lookup import Lookup
from inference.engine.odds import Odds
from inference.engine.pace import Price
from inference.engine.pictures.seen import Seen, Span
from inference.engine.repeats import Repeats
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
    # Of the messages, where older ones had to be left out; 0: all of them.
    read_messages: int = 0
    # How long the documents in them are, and how much of that was left out.
    document_chars: int = 0
    cut_chars: int = 0
    # What is seen in its first pictures, in the end in all, and the spans among `tokens`.
    pictures: tuple[Seen, ...] = ()
    spans: list[tuple[int, Span]] = field(default_factory=list)
    # So many of the first tokens are the same for everybody, and may be shared between people.
    shared_count: int = 0
    said_count: int = 0
    max_said: int | None = None
    cached_count: int = 0
    slot: Slot | None = None
    grammar: Making | None = None
    sampler: Sampler | None = None
    text: TextStream = field(default_factory=TextStream)
    splitter: Splitter = field(default_factory=Plain)
    # What the splitter must be given for tokens that show nothing of themselves.
    marks: Mapping[int, bytes] = field(default_factory=dict)
    odds: Odds = field(default_factory=Odds)
    repeats: Repeats = field(default_factory=Repeats)
    lookup: Lookup = field(default_factory=Lookup)
    # The prompt as text, where only that was asked for.
    shown: str = ""
    is_prepared: bool = False
    is_so_far_told: bool = False
    last_run: int = -1
    waiting_since: float = 0.0
    running_since: float = 0.0
    reading_since: float | None = None
    writing_since: float | None = None

    @property
    def id(self) -> UUID:
        return self.request.generation_id

    @property
    def person(self) -> str:
        return self.request.person

    @property
    def weight(self) -> float:
        """How much its person counts: with 2 as much as two others."""
        return self.request.weight

    @property
    def lane(self) -> int:
        """0 is served first."""
        return LANES.index(self.request.lane)

    @property
    def is_suspect(self) -> bool:
        """Whether it must run alone still."""
        return self.request.deaths > 0 and self.said_count < PROBATION_TOKENS

    @property
    def is_being_made(self) -> bool:
        """Whether it waits for the grammar that its answer is held to."""
        return self.grammar is not None and not self.grammar.done()

    @property
    def is_reading(self) -> bool:
        """Whether its prompt is not read to the end yet."""
        return self.slot is not None and self.said_count == 0

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

    def span_at(self, place: int) -> tuple[int, Span] | None:
        """The picture that this token is a mark of, and where that begins."""
        for start, span in self.spans:
            if start <= place < start + span.length:
                return start, span
        return None

    @property
    def awaited_span(self) -> Span | None:
        """The first picture in what is left to read that nobody has looked at closely yet."""
        held = self.held_count
        unread = (span for start, span in self.spans if start + span.length > held)
        return next((span for span in unread if not span.is_encoded), None)

    @property
    def is_blocked(self) -> bool:
        """Whether it cannot go on until a picture has been looked at."""
        placed = self.span_at(self.held_count)
        return placed is not None and not placed[1].is_encoded

    def readable(self, most: int) -> int:
        """How many tokens may be read next in one chunk, about `most`; a picture by itself.

        Some models look ahead in pictures: those are read whole, however many tokens they take.
        """
        held = self.held_count
        most = min(most, self.unread_count)
        placed = self.span_at(held)
        if placed is None:
            ahead = [start - held for start, _ in self.spans if start > held]
            return self.held_slot.room(min([most, *ahead]))
        start, span = placed
        if span.is_whole:
            return span.length
        return self.held_slot.room(min(most, start + span.length - held))

    @property
    def spare_cells(self) -> int:
        """Places of memory that its pictures take beyond one for each of their tokens."""
        return sum(span.token_count - span.length for _, span in self.spans)

    def context(self, *, begin: int | None, is_end: Callable[[int], bool]) -> tuple[int, ...]:
        """What a later request can go on from: prompt and answer without what stands around."""
        if self.request.completion is None or not self.request.completion.wants_context:
            return ()
        start = 1 if self.tokens[:1] == [begin] else 0
        is_over = self.said_count > 0 and is_end(self.tokens[-1])
        tokens = self.tokens[start : len(self.tokens) - is_over]
        return tuple(token for token in tokens if token >= 0)

    def guess(self, *, most: int, price: Price) -> list[int]:
        """What may follow, where that is likely enough to pay."""
        self.lookup.follow(self.tokens, said=self.said_count)
        return self.lookup.guess(most=most, price=price.each, start_price=price.start)

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
            read_messages=self.read_messages,
            document_chars=self.document_chars,
            cut_chars=self.cut_chars,
        )


def _ns(seconds: float) -> int:
    return max(0, round(seconds * 1_000_000_000))
