"""What a model must be able to do for the engine, and what it may answer instead.

Not for policy: which slot, which tokens and when are decided elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from inference.engine.grammar.constraint import Constraint
from inference.engine.pictures.seen import Eyes, Span
from inference.engine.sampling import Recipe
from inference.protocol import TokenLogprob


class BackendError(Exception):
    """The backend cannot go on, or was used wrongly. The runner must end."""


class DeviceLost(BackendError):
    """An accelerator does not answer any more, and what was on it is gone."""


class OutOfMemory(BackendError):
    """Memory ran out in the middle of a computation; what the slots hold is not known."""


class NoRoom(Exception):
    """No memory for this batch. Nothing of it was kept; a smaller one may pass."""


class Aborted(Exception):
    """The computation was ended from outside. Some of the batch may have been kept."""


class Unloadable(Exception):
    """The file is not a model this backend can load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the loaded model can hold. `context_length` is tokens per slot.

    `can_cut`: the newest tokens of a slot can be taken back. A recurrent memory cannot do that.
    `window` is how many tokens most layers see of the past; 0 means all. A model that repeats one
    piece more than `most_repeats` times in a row has lost its way.
    """

    slots: int
    context_length: int
    batch_tokens: int
    vocabulary_size: int
    can_cut: bool = True
    window: int = 0
    most_repeats: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What the loaded model occupies; `vram_bytes` is the part of the sum on an accelerator."""

    model_bytes: int = 0
    context_bytes: int = 0
    compute_bytes: int = 0
    vram_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        return self.model_bytes + self.context_bytes + self.compute_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A text that the tokenizer may read as one special token.

    `is_control` tells the model's own turn marks from words merely added to its vocabulary.
    """

    token: int
    is_control: bool
    strips_left: bool = False
    strips_right: bool = False


class Vocabulary(Protocol):
    """The tokenizer of the loaded model."""

    @property
    def markers(self) -> Mapping[str, Marker]: ...
    @property
    def template(self) -> str | None: ...
    @property
    def bos_token(self) -> int | None:
        """The token every prompt begins with, or None when this model wants none."""
        ...

    @property
    def bos_text(self) -> str: ...
    @property
    def eos_text(self) -> str: ...
    @property
    def longest_token_bytes(self) -> int: ...
    @property
    def spelt(self) -> bytes:
        """The bytes that an answer can be made of, one after the other. Some models lack a few."""
        ...

    def encode(self, text: str, *, continues: bool = False) -> list[int]:
        """Tokens of plain text: control markers in it are only letters.

        `continues` means that text went before it, so that no leading space is invented.
        """
        ...

    def piece(self, token: int) -> bytes:
        """The bytes this token shows; none for control tokens. Raises ValueError out of range."""
        ...

    def is_end(self, token: int) -> bool: ...


class Sampler(Protocol):
    """Chooses the tokens of one sequence; only the backend that made it can use it."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Tokens of one sequence for consecutive cells of its slot, the first at `start`.

    With a sampler, the token after the last one is wanted. The last `drafted` tokens are guesses:
    then the token after the one before them is wanted, and after each guess that proved right.

    With a `span`, the tokens are marks of it, from `span_offset` on.
    """

    sequence: UUID
    slot: int
    start: int
    tokens: Sequence[int]
    sampler: Sampler | None = None
    drafted: int = 0
    span: Span | None = None
    span_offset: int = 0

    @property
    def certain(self) -> Sequence[int]:
        """The tokens that are no guesses."""
        return self.tokens[: len(self.tokens) - self.drafted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The token chosen for a sequence, to stand at `position`. Identity travels with the row.

    `fault` is one of `protocol.DETAILS` where none could be chosen: the sequence ends with it.
    """

    sequence: UUID
    slot: int
    position: int
    token: int
    logprobs: TokenLogprob | None = None
    fault: str = ""


class Memory(Protocol):
    """What a model remembers, in numbered slots."""

    @property
    def limits(self) -> Limits: ...

    def length(self, slot: int) -> int:
        """How many tokens the slot holds, from its beginning."""
        ...

    def cut(self, slot: int, *, length: int) -> bool:
        """Keep only the first `length` tokens. False when this memory cannot do it exactly; then
        the content is of no use any more and only a cut to 0, which never fails, may follow."""
        ...

    def floor(self, slot: int) -> int:
        """The shortest length, besides 0, that this slot can be cut to exactly; 0 means any."""
        ...

    def mark(self, slot: int) -> bytes:
        """What is needed to put this slot back to here, where it could not be cut to."""
        ...

    def rewind(self, slot: int, state: bytes, *, length: int) -> bool:
        """Put the slot back to where it was marked, at `length`; all before is still in it.

        False when that failed; the slot is empty then.
        """
        ...

    def saved_bytes(self, slot: int) -> int:
        """How large `save` would be now."""
        ...

    def save(self, slot: int) -> bytes: ...

    def restore(self, slot: int, state: bytes) -> bool:
        """Fill an empty slot from `save`. False when it did not fit; the slot is empty then."""
        ...


class Backend(Memory, Protocol):
    """A loaded model with numbered slots of memory."""

    @property
    def sizes(self) -> Sizes: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def eyes(self) -> Eyes | None:
        """None when this model sees no pictures."""
        ...

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        """Run one batch and choose a token for each chunk with a sampler, in order.

        Where the token chosen is the guess that stands next in the chunk, the one after it is
        chosen too. The slot holds all guesses then, the wrong ones as well: cut them off.
        Raises NoRoom (nothing kept), Aborted (ask `length`), or BackendError (the end).
        """
        ...

    def new_sampler(
        self,
        recipe: Recipe,
        *,
        history: Sequence[int],
        logprobs: int | None = None,
        constraint: Constraint | None = None,
    ) -> Sampler:
        """A sampler that has already seen `history`.

        With `logprobs` it tells how likely each token was, and so many others; with a constraint it
        chooses only what fits it.
        """
        ...

    def close(self) -> None: ...


def check_batch(batch: Sequence[Chunk], limits: Limits) -> None:
    """Raise BackendError for what a library would answer with an abort, or not notice at all."""
    total = sum(len(chunk.tokens) for chunk in batch if chunk.span is None)
    slots = {chunk.slot for chunk in batch}
    if not batch or total > limits.batch_tokens or len(slots) != len(batch):
        raise BackendError("a batch that cannot be run")
    for chunk in batch:
        is_within = chunk.start + len(chunk.tokens) <= limits.context_length
        if not chunk.tokens or not is_within or not 0 <= chunk.slot < limits.slots:
            raise BackendError("a chunk past its slot")
        if chunk.span is not None:
            _check_span(chunk, chunk.span)
        elif min(chunk.tokens) < 0 or max(chunk.tokens) >= limits.vocabulary_size:
            raise BackendError("a token outside the vocabulary")


def _check_span(chunk: Chunk, span: Span) -> None:
    end = chunk.span_offset + len(chunk.tokens)
    is_of_it = list(chunk.tokens) == span.marks[chunk.span_offset : end]
    if not is_of_it or chunk.sampler is not None or chunk.drafted:
        raise BackendError("a chunk that is not of its picture")
    if not span.is_encoded or (span.is_whole and len(chunk.tokens) != span.length):
        raise BackendError("a picture that cannot be read yet, or not in parts")
