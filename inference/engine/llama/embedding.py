"""Models that make vectors of whole texts, on llama.cpp: loading and computing. Not for policy.

A model without a memory (BERT and its kin) must see all of a batch in one computation. One with a
memory reads a long input piece by piece, and what its pieces gave is put together here.
"""

import ctypes
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inference.engine.backend import (
    Aborted,
    BackendError,
    DeviceLost,
    NoRoom,
    OutOfMemory,
    Sizes,
    Unloadable,
)
from inference.engine.cores import physical_cores
from inference.engine.llama import adapters as lora
from inference.engine.llama import library, loading
from inference.engine.llama.buffers import Buffers
from inference.engine.llama.facts import facts_of
from inference.engine.llama.library import lib
from inference.engine.llama.vocabulary import LlamaVocabulary
from inference.engine.pooling import PoolLimits, check_inputs
from inference.protocol import Facts

_SEQUENCES = 64
_BATCH_TOKENS = 512
_NO_ROOM, _ABORTED, _NO_MEMORY, _NOT_COMPUTED = 1, 2, -2, -3
_MEAN = lib.LLAMA_POOLING_TYPE_MEAN
_CLS = lib.LLAMA_POOLING_TYPE_CLS
_LAST = lib.LLAMA_POOLING_TYPE_LAST
_RANK = lib.LLAMA_POOLING_TYPE_RANK
_QUERY, _DOCUMENT = "{query}", "{document}"


def load(
    path: Path,
    *,
    task: Literal["embed", "rerank"],
    context_length: int,
    gpu_layers: int = -1,
    threads: int | None = None,
    adapters: Sequence[Path] = (),
    progress: Callable[[float], None] = lambda _: None,
) -> "LlamaPooler":
    """The model in memory, warmed up. `gpu_layers` -1 means all that fit; 0 means none."""
    library.start()
    buffers = Buffers()
    with library.overheard(buffers.hear):
        model = loading.load_model(path, gpu_layers=gpu_layers, progress=progress)
    try:
        pooling = _pooling_of(model, task=task)
        laid = lora.read(model, adapters)
        trained = int(lib.llama_model_n_ctx_train(model))
        length = min(context_length, trained) if trained > 0 else context_length
        kind = _kind_of(model, pooling=pooling)
        with library.overheard(buffers.hear):
            context = _new_context(model, kind, length=length, threads=threads)
        lora.lay(context, laid)
    except Unloadable:
        lib.llama_model_free(model)
        raise
    sizes = buffers.sizes(model_bytes=int(lib.llama_model_size(model)), context_bytes=0)
    pooler = LlamaPooler(model, context, kind=kind, context_length=length, sizes=sizes)
    pooler.pool([pooler.framed([])])
    return pooler


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a model makes one vector of many tokens. `has_memory` ones may be fed piece by piece."""

    pooling: int
    has_memory: bool
    is_causal: bool
    is_encoder: bool

    @property
    def is_divisible(self) -> bool:
        return self.has_memory and self.is_causal and not self.is_encoder


def _pooling_of(model: Any, *, task: str) -> int:
    """As the file says; a model that says nothing, such as one made for chat, gets the mean."""
    declared = _pooling_in_file(model)
    if task == "rerank":
        if declared != _RANK:
            raise Unloadable("not a model that ranks")
        return int(_RANK)
    return declared if declared in (_MEAN, _CLS, _LAST) else int(_MEAN)


def _pooling_in_file(model: Any) -> int | None:
    text = _metadata(model, f"{_metadata(model, 'general.architecture')}.pooling_type")
    return int(text) if text.isdecimal() else None


def _metadata(model: Any, key: str) -> str:
    buffer = ctypes.create_string_buffer(256)
    length = lib.llama_model_meta_val_str(model, key.encode(), buffer, len(buffer))
    return buffer.value.decode("utf-8", "replace") if length >= 0 else ""


def _kind_of(model: Any, *, pooling: int) -> Kind:
    """Learnt from a context too small to cost anything, before the real one is made."""
    params = lib.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = 32
    params.embeddings = True
    params.pooling_type = pooling
    context = lib.llama_init_from_model(model, params)
    if not context:
        raise Unloadable("no memory for a context of any size")
    kind = Kind(
        pooling=pooling,
        has_memory=bool(lib.llama_get_memory(context)),
        is_causal=bool(lib.llama_get_causal_attn(context)),
        is_encoder=bool(lib.llama_model_has_encoder(model)),
    )
    lib.llama_free(context)
    return kind


def _new_context(model: Any, kind: Kind, *, length: int, threads: int | None) -> Any:
    capacity = max(length, _BATCH_TOKENS)
    params = lib.llama_context_default_params()
    params.n_ctx = capacity
    params.n_batch = params.n_ubatch = _BATCH_TOKENS if kind.is_divisible else capacity
    params.n_seq_max = _SEQUENCES
    params.n_threads = params.n_threads_batch = threads or physical_cores()
    params.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_AUTO
    params.kv_unified = True
    params.embeddings = True
    params.pooling_type = kind.pooling
    context = lib.llama_init_from_model(model, params)
    if not context:
        raise Unloadable(f"no memory for inputs of {length} tokens")
    return context


class LlamaPooler:
    """One model, one context, whose memory lasts for one batch."""

    def __init__(
        self, model: Any, context: Any, *, kind: Kind, context_length: int, sizes: Sizes
    ) -> None:
        self._model = model
        self._context = context
        self._kind = kind
        self._sizes = sizes
        self._vocab = lib.llama_model_get_vocab(model)
        self._vocabulary = LlamaVocabulary(model)
        self._rows_at_once = int(lib.llama_n_ubatch(context))
        self._batch = lib.llama_batch_init(self._rows_at_once, 0, 1)
        count = lib.llama_model_n_cls_out if kind.pooling == _RANK else lib.llama_model_n_embd_out
        self._vector_bytes = 4 * int(count(model))
        self._before, self._behind = self._frame()
        self._limits = PoolLimits(
            slots=_SEQUENCES,
            sequences=_SEQUENCES,
            context_length=context_length,
            batch_tokens=_BATCH_TOKENS,
            vocabulary_size=self._vocabulary.size,
        )

    @property
    def limits(self) -> PoolLimits:
        return self._limits

    @property
    def sizes(self) -> Sizes:
        return self._sizes

    def facts(self) -> Facts:
        """What the model says of itself."""
        return facts_of(self._model, self._context)

    @property
    def longest_token_bytes(self) -> int:
        return self._vocabulary.longest_token_bytes

    def encode(self, text: str) -> list[int]:
        return self._vocabulary.encode(text)

    def framed(self, tokens: Sequence[int]) -> list[int]:
        framed = [*self._before, *tokens, *self._behind]
        return framed or [self._border]

    def paired(self, query: Sequence[int], document: Sequence[int]) -> list[int]:
        template = lib.llama_model_chat_template(self._model, b"rerank")
        if template:
            return self._templated(template.decode("utf-8", "replace"), query, document)
        between = []
        if lib.llama_vocab_get_add_eos(self._vocab):
            between.append(self._end_token)
        if lib.llama_vocab_get_add_sep(self._vocab):
            between.append(int(lib.llama_vocab_sep(self._vocab)))
        return [*self._before, *query, *between, *document, *self._behind]

    def pool(self, inputs: Sequence[Sequence[int]]) -> list[bytes]:
        check_inputs(inputs, self._limits)
        rows = [
            (sequence, position, token)
            for sequence, tokens in enumerate(inputs)
            for position, token in enumerate(tokens)
        ]
        pieces: dict[int, list[tuple[int, bytes]]] = {}
        try:
            for part in _parts(rows, of=self._rows_at_once):
                self._compute(part)
                for sequence, count in Counter(row[0] for row in part).items():
                    pieces.setdefault(sequence, []).append((count, self._vector(sequence)))
        finally:
            lib.llama_memory_clear(lib.llama_get_memory(self._context), False)
        return [_joined(pieces[sequence], self._kind) for sequence in range(len(inputs))]

    def close(self) -> None:
        if self._context is None:
            return
        lib.llama_batch_free(self._batch)
        lib.llama_free(self._context)
        lib.llama_model_free(self._model)
        self._context = self._model = None

    def _compute(self, rows: Sequence[tuple[int, int, int]]) -> None:
        native = self._batch
        for row, (sequence, position, token) in enumerate(rows):
            native.token[row] = token
            native.pos[row] = position
            native.n_seq_id[row] = 1
            native.seq_id[row][0] = sequence
            native.logits[row] = 1
        native.n_tokens = len(rows)
        run = lib.llama_encode if self._kind.is_encoder else lib.llama_decode
        code = run(self._context, native)
        if code == _NO_ROOM:
            raise NoRoom
        if code == _ABORTED:
            raise Aborted
        if code == _NO_MEMORY:
            raise OutOfMemory("no memory in the middle of a computation")
        if code == _NOT_COMPUTED and self._sizes.vram_bytes > 0:
            raise DeviceLost("the accelerator did not compute")
        if code != 0:
            raise BackendError(f"llama.cpp returned {code} for a batch of inputs")

    def _vector(self, sequence: int) -> bytes:
        """What the library holds for this sequence, by its id and never by its place."""
        values = lib.llama_get_embeddings_seq(self._context, sequence)
        if not values:
            raise BackendError("an input of the batch has no vector")
        return ctypes.string_at(values, self._vector_bytes)

    def _frame(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts around a text: seen on one that is short."""
        plain, framed = self.encode("a"), self._special("a", add_special=True)
        for start in range(len(framed) - len(plain) + 1):
            if framed[start : start + len(plain)] == plain:
                return framed[:start], framed[start + len(plain) :]
        raise Unloadable("the tokenizer reads a framed text in another way than a bare one")

    def _templated(self, template: str, query: Sequence[int], document: Sequence[int]) -> list[int]:
        """The marks of the model's own template count; those in people's texts are only letters."""
        tokens: list[int] = []
        for part in _split(template):
            if part == _QUERY:
                tokens += query
            elif part == _DOCUMENT:
                tokens += document
            elif part:
                tokens += self._special(part, add_special=False)
        return tokens

    def _special(self, text: str, *, add_special: bool) -> list[int]:
        data = text.encode()
        room = len(data) + 16
        tokens = (lib.llama_token * room)()
        count = lib.llama_tokenize(
            self._vocab, data, len(data), tokens, room, add_special, not add_special
        )
        if count < 0:
            raise BackendError("the tokenizer wants more tokens than there are bytes")
        return list(tokens[:count])

    @property
    def _end_token(self) -> int:
        end = int(lib.llama_vocab_eos(self._vocab))
        return end if end >= 0 else int(lib.llama_vocab_sep(self._vocab))

    @property
    def _border(self) -> int:
        """Stands for a text without any token in a model that frames nothing."""
        return max(0, int(lib.llama_vocab_bos(self._vocab)), self._end_token)


def _parts(
    rows: Sequence[tuple[int, int, int]], *, of: int
) -> Iterator[Sequence[tuple[int, int, int]]]:
    for start in range(0, len(rows), of):
        yield rows[start : start + of]


def _split(template: str) -> Iterator[str]:
    for number, part in enumerate(template.split(_QUERY)):
        if number:
            yield _QUERY
        for inner, text in enumerate(part.split(_DOCUMENT)):
            if inner:
                yield _DOCUMENT
            yield text


def _joined(pieces: Sequence[tuple[int, bytes]], kind: Kind) -> bytes:
    """One vector of what the pieces of an input gave, each of so many tokens."""
    if len(pieces) == 1 or kind.pooling in (_LAST, _RANK):
        return pieces[-1][1]
    if kind.pooling == _CLS:
        return pieces[0][1]
    total = sum(count for count, _ in pieces)
    sums = [0.0] * (len(pieces[0][1]) // 4)
    for count, vector in pieces:
        for at, value in enumerate(array("f", vector)):
            sums[at] += value * count
    return array("f", [value / total for value in sums]).tobytes()
