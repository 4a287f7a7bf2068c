"""What a model must be able to do to embed and to rank. Not for policy: that is `embedder.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from inference.engine.backend import BackendError, Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How much fits. `context_length` is tokens of one input, `batch_tokens` of a batch of several.

    A single input may be longer than `batch_tokens`, never than `context_length`. `slots` is how
    many requests are worth having at once, `sequences` how many inputs a batch may hold.
    """

    slots: int
    sequences: int
    context_length: int
    batch_tokens: int
    vocabulary_size: int


class Pooler(Protocol):
    """A loaded model that makes one vector of each input, all of it seen at once."""

    @property
    def limits(self) -> PoolLimits: ...
    @property
    def sizes(self) -> Sizes: ...
    @property
    def longest_token_bytes(self) -> int: ...

    def encode(self, text: str) -> list[int]:
        """Tokens of plain text alone: control markers in it are only letters."""
        ...

    def framed(self, tokens: Sequence[int]) -> list[int]:
        """With what this model puts before and behind every input; never empty."""
        ...

    def paired(self, query: Sequence[int], document: Sequence[int]) -> list[int]:
        """A query and a document to be ranked by it, as this model was taught to read them."""
        ...

    def pool(self, inputs: Sequence[Sequence[int]]) -> list[bytes]:
        """A vector for each input, in order, as little-endian float32 and not normalised.

        Raises NoRoom (nothing kept), Aborted, or BackendError (the end).
        """
        ...

    def close(self) -> None: ...


def check_inputs(inputs: Sequence[Sequence[int]], limits: PoolLimits) -> None:
    """Raise BackendError for what a library would answer with an abort, or not notice at all."""
    if not 0 < len(inputs) <= limits.sequences:
        raise BackendError("a batch that cannot be run")
    if len(inputs) > 1 and sum(map(len, inputs)) > limits.batch_tokens:
        raise BackendError("a batch that is too large")
    for tokens in inputs:
        if not 0 < len(tokens) <= limits.context_length:
            raise BackendError("an input that does not fit")
        if min(tokens) < 0 or max(tokens) >= limits.vocabulary_size:
            raise BackendError("a token outside the vocabulary")
