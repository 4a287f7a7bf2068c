"""A loaded model with numbered slots of memory, on llama.cpp. Not for loading it, nor for policy.

Every return code is read here; where the library would end the process instead of answering, the
supervisor expects it.
"""

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from inference.engine import sampling
from inference.engine.backend import (
    BackendError,
    Chosen,
    Chunk,
    Limits,
    Sampler,
    Sizes,
    check_batch,
)
from inference.engine.grammar.constraint import Constraint
from inference.engine.llama import codes, vision
from inference.engine.llama.facts import facts_of
from inference.engine.llama.library import lib
from inference.engine.llama.memory import Memory
from inference.engine.llama.sampler import LlamaSampler
from inference.engine.llama.vocabulary import LlamaVocabulary
from inference.protocol import Facts


class LlamaBackend:
    """One model, one context, `slots` separate streams of memory."""

    def __init__(
        self,
        model: Any,
        context: Any,
        *,
        limits: Limits,
        sizes: Sizes,
        vocabulary: LlamaVocabulary,
        eyes: vision.LlamaEyes | None = None,
    ) -> None:
        self._model = model
        self._context = context
        self._memory = Memory(context, can_cut=limits.can_cut, window=limits.window)
        self._batch = lib.llama_batch_init(limits.batch_tokens, 0, 1)
        self._limits = limits
        self._sizes = sizes
        self._vocabulary = vocabulary
        self._eyes = eyes

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def sizes(self) -> Sizes:
        return self._sizes

    @property
    def vocabulary(self) -> LlamaVocabulary:
        return self._vocabulary

    @property
    def eyes(self) -> vision.LlamaEyes | None:
        return self._eyes

    def facts(self) -> Facts:
        """What the model says of itself."""
        return facts_of(self._model, self._context)

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        """Pictures first: once tokens are chosen, nothing may fail any more."""
        check_batch(batch, self._limits)
        for chunk in batch:
            if chunk.span is not None:
                self._read_picture(chunk)
        rows = self._fill([chunk for chunk in batch if chunk.span is None])
        if self._batch.n_tokens:
            self._check(lib.llama_decode(self._context, self._batch))
        return [chosen for row, chunk in rows for chosen in self._choose_all(row, chunk)]

    def logits(self, row: int) -> NDArray[numpy.float32]:
        """What the last batch holds of every token to follow this row: a copy."""
        found = lib.llama_get_logits_ith(self._context, row)
        return numpy.ctypeslib.as_array(found, (self._limits.vocabulary_size,)).copy()

    def length(self, slot: int) -> int:
        return self._memory.length(slot)

    def floor(self, slot: int) -> int:
        return self._memory.floor(slot)

    def cut(self, slot: int, *, length: int) -> bool:
        return self._memory.cut(slot, length=length)

    def mark(self, slot: int) -> bytes:
        return self._memory.mark(slot)

    def rewind(self, slot: int, state: bytes, *, length: int) -> bool:
        return self._memory.rewind(slot, state, length=length)

    def saved_bytes(self, slot: int) -> int:
        return self._memory.saved_bytes(slot)

    def save(self, slot: int) -> bytes:
        return self._memory.save(slot)

    def restore(self, slot: int, state: bytes) -> bool:
        return self._memory.restore(slot, state)

    def new_sampler(
        self,
        recipe: sampling.Recipe,
        *,
        history: Sequence[int],
        logprobs: int | None = None,
        constraint: Constraint | None = None,
    ) -> Sampler:
        sampler = LlamaSampler(
            recipe, vocabulary=self._vocabulary, logprobs=logprobs, constraint=constraint
        )
        sampler.accept(history)
        return sampler

    def close(self) -> None:
        if self._context is None:
            return
        if self._eyes is not None:
            self._eyes.close()
        lib.llama_batch_free(self._batch)
        lib.llama_free(self._context)
        lib.llama_model_free(self._model)
        self._context = self._model = None

    def _check(self, code: int) -> None:
        codes.check(code, on_gpu=self._sizes.vram_bytes > 0)

    def _read_picture(self, chunk: Chunk) -> None:
        if not isinstance(chunk.span, vision.LlamaSpan):
            raise BackendError("a picture of another backend")
        rows = vision.rows_of(chunk.span, chunk, most=self._limits.batch_tokens)
        with vision.attention(self._context, is_causal=not chunk.span.sees_ahead):
            for batch in rows:
                self._check(lib.llama_decode(self._context, batch.native))

    def _fill(self, batch: Sequence[Chunk]) -> list[tuple[int, Chunk]]:
        """Write the chunks into the native batch. Returns the first row that answers each chunk.

        In the order of their slots: only neighbours that ascend are computed together.
        """
        native, row = self._batch, 0
        rows: list[tuple[int, Chunk]] = []
        for chunk in sorted(batch, key=lambda chunk: chunk.slot):
            for offset, token in enumerate(chunk.tokens):
                native.token[row] = token
                native.pos[row] = chunk.start + offset
                native.n_seq_id[row] = 1
                native.seq_id[row][0] = chunk.slot
                native.logits[row] = 0
                row += 1
            if chunk.sampler is not None:
                first = row - 1 - chunk.drafted
                for wanted in range(first, row):
                    native.logits[wanted] = 1
                rows.append((first, chunk))
        native.n_tokens = row
        return rows

    def _choose_all(self, row: int, chunk: Chunk) -> list[Chosen]:
        """The token for this row, and for those after it as long as guesses prove right."""
        chosen = [self._choose(row, chunk)]
        for guess in chunk.tokens[len(chunk.tokens) - chunk.drafted :]:
            if chosen[-1].token != guess or chosen[-1].fault:
                break
            chosen.append(self._choose(row + len(chosen), chunk))
        return chosen

    def _choose(self, row: int, chunk: Chunk) -> Chosen:
        """The token for a row; whose it is, is read back from the row itself."""
        if not isinstance(chunk.sampler, LlamaSampler):
            raise BackendError("a sampler of another backend")
        pick = chunk.sampler.sample(self._context, row)
        return Chosen(
            sequence=chunk.sequence,
            slot=int(self._batch.seq_id[row][0]),
            position=int(self._batch.pos[row]) + 1,
            token=pick.token,
            logprobs=pick.logprobs,
            fault=pick.fault,
        )
