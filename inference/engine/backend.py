"""What a model must be able to do for the engine, and what it may answer instead.

Not for policy: which slot, which tokens and when are decided elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from inference.engine.sampling import Recipe


class BackendError(Exception):
    """The backend cannot go on, or was used wrongly. The runner must end."""


class NoRoom(Exception):
    """No memory for this batch. Nothing of it was kept; a smaller one may pass."""


class Aborted(Exception):
    """The computation was ended from outside. Some of the batch may have been kept."""


class Unloadable(Exception):
    """The file is not a model this backend can load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the loaded model can hold. `context_length` is tokens per slot."""

    slots: int
    context_length: int
    batch_tokens: int
    vocabulary_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What the loaded model occupies; `vram_bytes` is the part of the sum on an accelerator."""

    model_bytes: int = 0
    context_bytes: int = 0
    vram_bytes: int = 0


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

    With a sampler, the token after the last one is wanted.
    """

    sequence: UUID
    slot: int
    start: int
    tokens: Sequence[int]
    sampler: Sampler | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The token chosen for a sequence, to stand at `position`. Identity travels with the row."""

    sequence: UUID
    slot: int
    position: int
    token: int


class Backend(Protocol):
    """A loaded model with numbered slots of memory."""

    @property
    def limits(self) -> Limits: ...
    @property
    def sizes(self) -> Sizes: ...
    @property
    def vocabulary(self) -> Vocabulary: ...

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        """Run one batch and choose a token for each chunk with a sampler.

        Raises NoRoom (nothing kept), Aborted (ask `length`), or BackendError (the end).
        """
        ...

    def length(self, slot: int) -> int:
        """How many tokens the slot holds, from its beginning."""
        ...

    def cut(self, slot: int, *, length: int) -> bool:
        """Keep only the first `length` tokens. False when this memory cannot do it exactly; then
        the content is of no use any more and only a cut to 0, which never fails, may follow."""
        ...

    def saved_bytes(self, slot: int) -> int:
        """How large `save` would be now."""
        ...

    def save(self, slot: int) -> bytes: ...

    def restore(self, slot: int, state: bytes) -> bool:
        """Fill an empty slot from `save`. False when it did not fit; the slot is empty then."""
        ...

    def new_sampler(self, recipe: Recipe, *, history: Sequence[int]) -> Sampler:
        """A sampler that has already seen `history`."""
        ...

    def close(self) -> None: ...


def check_batch(batch: Sequence[Chunk], limits: Limits) -> None:
    """Raise BackendError for what a library would answer with an abort, or not notice at all."""
    total = sum(len(chunk.tokens) for chunk in batch)
    slots = {chunk.slot for chunk in batch}
    if not 0 < total <= limits.batch_tokens or len(slots) != len(batch):
        raise BackendError("a batch that cannot be run")
    for chunk in batch:
        is_within = chunk.start + len(chunk.tokens) <= limits.context_length
        if not chunk.tokens or not is_within or not 0 <= chunk.slot < limits.slots:
            raise BackendError("a chunk past its slot")
        if min(chunk.tokens) < 0 or max(chunk.tokens) >= limits.vocabulary_size:
            raise BackendError("a token outside the vocabulary")
