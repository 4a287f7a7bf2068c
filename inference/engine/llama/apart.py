"""Whether a loaded model keeps two conversations apart when it computes them together.

Of some recurrent architectures llama.cpp mixes what it computes in one batch: each answer alone is
right, two at once are not, and nothing says so. It is seen on two short texts as a model is loaded.
Not for what is done then: whoever loads it decides.
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import numpy
from numpy.typing import NDArray

from inference.engine.backend import (
    Aborted,
    BackendError,
    Chosen,
    Chunk,
    Limits,
    NoRoom,
    Sampler,
)
from inference.engine.grammar.constraint import Constraint
from inference.engine.sampling import Greedy, Recipe

_TOKENS = 8
# Rounding in another order changes a thousandth; what is mixed up changes a tenth with so few
# tokens, and all with many.
_MOST_CHANGED = 0.05
# How far it is from one token to the next, and which is the first.
_TEXTS = ((7, 3), (11, 5))

Logits = NDArray[numpy.float32]


class Computing(Protocol):
    """The part of a backend that this needs."""

    @property
    def limits(self) -> Limits: ...
    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]: ...
    def logits(self, row: int) -> Logits: ...
    def cut(self, slot: int, *, length: int) -> bool: ...
    def new_sampler(
        self,
        recipe: Recipe,
        *,
        history: Sequence[int],
        logprobs: int | None = None,
        constraint: Constraint | None = None,
    ) -> Sampler: ...


def keeps_apart(backend: Computing) -> bool:
    """Two texts read together, and each alone. Needs two empty slots, and leaves them empty."""
    size, count = backend.limits.vocabulary_size, min(_TOKENS, backend.limits.context_length)
    texts = [[(step * at + start) % size for at in range(count)] for step, start in _TEXTS]
    try:
        together = _read(backend, dict(enumerate(texts)))
    except (Aborted, BackendError, NoRoom):
        return False
    alone = [_read(backend, {slot: text})[0] for slot, text in enumerate(texts)]
    return not any(map(_is_changed, together, alone))


def _read(backend: Computing, texts: dict[int, list[int]]) -> list[Logits]:
    """What may follow each of these, in the order of their slots."""
    samplers = [backend.new_sampler((Greedy(),), history=()) for _ in texts]
    batch = [
        Chunk(sequence=UUID(int=slot), slot=slot, start=0, tokens=text, sampler=sampler)
        for (slot, text), sampler in zip(texts.items(), samplers, strict=True)
    ]
    backend.decode(batch)
    ends = numpy.cumsum([len(chunk.tokens) for chunk in batch]) - 1
    found = [backend.logits(int(row)) for row in ends]
    for chunk, sampler in zip(batch, samplers, strict=True):
        backend.cut(chunk.slot, length=0)
        sampler.close()
    return found


def _is_changed(together: Logits, alone: Logits) -> bool:
    """By more than rounding. A model that computes no numbers at all is somebody else's concern."""
    if not numpy.isfinite(alone).all():
        return False
    spread = numpy.linalg.norm(alone - alone.mean())
    return not numpy.linalg.norm(together - alone) <= _MOST_CHANGED * spread
