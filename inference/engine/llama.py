"""A model through llama.cpp: the only file that imports llama_cpp, so the only one that can abort.

Not for policy. Every return code is read here; where the library would end the process instead of
answering, the supervisor expects it.
"""

import ctypes
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.engine import sampling
from inference.engine.backend import (
    Aborted,
    BackendError,
    Chosen,
    Chunk,
    Limits,
    Marker,
    NoRoom,
    Sampler,
    Sizes,
    Unloadable,
    check_batch,
)
from inference.engine.cores import physical_cores

# How long threads wait for each other in a busy loop before they sleep; read as the library loads.
# One sequence on two cores, tokens/s alone and beside two busy processes: never 43 and 65, 10,000
# turns 101 and 50, libgomp's own 300,000 turns 113 and 32.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from llama_cpp import llama_cpp as lib

log = logging.getLogger("inference.llama")

_BATCH_TOKENS = 512
_KEPT_CANDIDATES = 1
_NO_ROOM, _ABORTED = 1, 2
_WHOLE = -1
_KV_CELL_BYTES = 2  # f16
_SPECIAL = (
    lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_USER_DEFINED | lib.LLAMA_TOKEN_ATTR_UNKNOWN
)


class LlamaVocabulary:
    """The tokenizer of a loaded model."""

    def __init__(self, model: Any) -> None:
        self._vocab = lib.llama_model_get_vocab(model)
        self.size = int(lib.llama_vocab_n_tokens(self._vocab))
        self._pieces = [self._read_piece(token) for token in range(self.size)]
        self._ends = frozenset(
            token for token in range(self.size) if lib.llama_vocab_is_eog(self._vocab, token)
        )
        self._markers = dict(self._read_markers())
        template = lib.llama_model_chat_template(model, None)
        self._template = template.decode("utf-8", "replace") if template else None
        self._invents_space = self._pieces_of(self._encode("a")).startswith(b" ")

    @property
    def markers(self) -> Mapping[str, Marker]:
        return self._markers

    @property
    def template(self) -> str | None:
        return self._template

    @property
    def bos_token(self) -> int | None:
        token = int(lib.llama_vocab_bos(self._vocab))
        return token if lib.llama_vocab_get_add_bos(self._vocab) and token >= 0 else None

    @property
    def bos_text(self) -> str:
        return self._text(int(lib.llama_vocab_bos(self._vocab)))

    @property
    def eos_text(self) -> str:
        return self._text(int(lib.llama_vocab_eos(self._vocab)))

    @property
    def longest_token_bytes(self) -> int:
        return max(1, *map(len, self._pieces), *(len(text.encode()) for text in self._markers))

    def encode(self, text: str, *, continues: bool = False) -> list[int]:
        if not (continues and self._invents_space):
            return self._encode(text)
        # A line break takes the invented space; behind it the text is read as going on.
        lead = self._encode("\n")
        tokens = self._encode("\n" + text)
        return tokens[len(lead) :] if tokens[: len(lead)] == lead else self._encode(text)

    def piece(self, token: int) -> bytes:
        if not 0 <= token < self.size:
            raise ValueError(token)
        return self._pieces[token]

    def is_end(self, token: int) -> bool:
        return token in self._ends

    def _encode(self, text: str) -> list[int]:
        data = text.encode("utf-8", errors="replace")
        room = len(data) + 16
        tokens = (lib.llama_token * room)()
        count = lib.llama_tokenize(self._vocab, data, len(data), tokens, room, False, False)
        if count < 0:
            raise BackendError("the tokenizer wants more tokens than there are bytes")
        return list(tokens[:count])

    def _pieces_of(self, tokens: Sequence[int]) -> bytes:
        return b"".join(self._pieces[token] for token in tokens)

    def _read_piece(self, token: int) -> bytes:
        for room in (64, 1024, 65536):
            buffer = ctypes.create_string_buffer(room)
            length = lib.llama_token_to_piece(self._vocab, token, buffer, room, 0, False)
            if length >= 0:
                return buffer.raw[:length]
        raise Unloadable("a token of more than 64 KiB")

    def _read_markers(self) -> list[tuple[str, Marker]]:
        found = []
        for token in range(self.size):
            attributes = int(lib.llama_vocab_get_attr(self._vocab, token))
            text = self._text(token) if attributes & _SPECIAL else ""
            if text:
                marker = Marker(
                    token=token,
                    is_control=bool(attributes & lib.LLAMA_TOKEN_ATTR_CONTROL)
                    or token in self._ends,
                    strips_left=bool(attributes & lib.LLAMA_TOKEN_ATTR_LSTRIP),
                    strips_right=bool(attributes & lib.LLAMA_TOKEN_ATTR_RSTRIP),
                )
                found.append((text, marker))
        return found

    def _text(self, token: int) -> str:
        text = lib.llama_vocab_get_text(self._vocab, token) if 0 <= token < self.size else b""
        return (text or b"").decode("utf-8", "replace")


class LlamaSampler:
    """A chain of llama.cpp's samplers; freed once."""

    def __init__(self, recipe: sampling.Recipe, *, vocabulary_size: int) -> None:
        self.chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        for stage in recipe:
            lib.llama_sampler_chain_add(self.chain, _stage(stage, vocabulary_size=vocabulary_size))

    def accept(self, tokens: Sequence[int]) -> None:
        for token in tokens:
            lib.llama_sampler_accept(self.chain, token)

    def close(self) -> None:
        chain, self.chain = self.chain, None
        if chain is not None:
            lib.llama_sampler_free(chain)


def _stage(stage: sampling.Stage, *, vocabulary_size: int) -> Any:  # noqa: C901 - one line a stage
    match stage:
        case sampling.Penalties(last_tokens=last, repeat=repeat, frequency=often, presence=there):
            return lib.llama_sampler_init_penalties(vocabulary_size, last, repeat, often, there)
        case sampling.TopK(tokens):
            return lib.llama_sampler_init_top_k(tokens)
        case sampling.Typical(mass):
            return lib.llama_sampler_init_typical(mass, _KEPT_CANDIDATES)
        case sampling.TopP(mass):
            return lib.llama_sampler_init_top_p(mass, _KEPT_CANDIDATES)
        case sampling.MinP(share):
            return lib.llama_sampler_init_min_p(share, _KEPT_CANDIDATES)
        case sampling.Temperature(value):
            return lib.llama_sampler_init_temp(value)
        case sampling.Draw(seed):
            return lib.llama_sampler_init_dist(seed)
        case sampling.Greedy():
            return lib.llama_sampler_init_greedy()


class LlamaBackend:
    """One model, one context, `slots` separate streams of memory."""

    def __init__(
        self, model: Any, context: Any, *, limits: Limits, sizes: Sizes, vocabulary: LlamaVocabulary
    ) -> None:
        self._model = model
        self._context = context
        self._memory = lib.llama_get_memory(context)
        self._batch = lib.llama_batch_init(limits.batch_tokens, 0, 1)
        self._limits = limits
        self._sizes = sizes
        self._vocabulary = vocabulary

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def sizes(self) -> Sizes:
        return self._sizes

    @property
    def vocabulary(self) -> LlamaVocabulary:
        return self._vocabulary

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        rows = self._fill(batch)
        code = lib.llama_decode(self._context, self._batch)
        if code == _NO_ROOM:
            raise NoRoom
        if code == _ABORTED:
            raise Aborted
        if code != 0:
            raise BackendError(f"llama_decode returned {code}")
        return [self._choose(row, chunk) for row, chunk in rows]

    def length(self, slot: int) -> int:
        return int(lib.llama_memory_seq_pos_max(self._memory, slot)) + 1

    def cut(self, slot: int, *, length: int) -> bool:
        if length == 0:
            return bool(lib.llama_memory_seq_rm(self._memory, slot, _WHOLE, _WHOLE))
        if self.length(slot) == length:
            return True
        is_cut = bool(lib.llama_memory_seq_rm(self._memory, slot, length, _WHOLE))
        # A window that has moved on has no beginning any more: going back would be wrong, not slow.
        begins = int(lib.llama_memory_seq_pos_min(self._memory, slot))
        return is_cut and begins == 0 and self.length(slot) == length

    def saved_bytes(self, slot: int) -> int:
        return int(lib.llama_state_seq_get_size(self._context, slot))

    def save(self, slot: int) -> bytes:
        state = bytearray(self.saved_bytes(slot))
        buffer = (ctypes.c_uint8 * len(state)).from_buffer(state)
        written = lib.llama_state_seq_get_data(self._context, buffer, len(state), slot)
        if written != len(state):
            raise BackendError("the state of a slot is not of the size that was told")
        del buffer
        return bytes(state)

    def restore(self, slot: int, state: bytes) -> bool:
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        return bool(lib.llama_state_seq_set_data(self._context, buffer, len(state), slot))

    def new_sampler(self, recipe: sampling.Recipe, *, history: Sequence[int]) -> Sampler:
        sampler = LlamaSampler(recipe, vocabulary_size=self._limits.vocabulary_size)
        remembered = max(
            (s.last_tokens for s in recipe if isinstance(s, sampling.Penalties)), default=0
        )
        if remembered:
            sampler.accept(history[-remembered:])
        return sampler

    def close(self) -> None:
        if self._context is None:
            return
        lib.llama_batch_free(self._batch)
        lib.llama_free(self._context)
        lib.llama_model_free(self._model)
        self._context = self._model = self._memory = None

    def _fill(self, batch: Sequence[Chunk]) -> list[tuple[int, Chunk]]:
        """Write the chunks into the native batch. Returns which row answers which chunk."""
        check_batch(batch, self._limits)
        native, row = self._batch, 0
        rows: list[tuple[int, Chunk]] = []
        for chunk in batch:
            for offset, token in enumerate(chunk.tokens):
                native.token[row] = token
                native.pos[row] = chunk.start + offset
                native.n_seq_id[row] = 1
                native.seq_id[row][0] = chunk.slot
                native.logits[row] = 0
                row += 1
            if chunk.sampler is not None:
                native.logits[row - 1] = 1
                rows.append((row - 1, chunk))
        native.n_tokens = row
        return rows

    def _choose(self, row: int, chunk: Chunk) -> Chosen:
        """The token for a row; whose it is, is read back from the row itself."""
        if not isinstance(chunk.sampler, LlamaSampler):
            raise BackendError("a sampler of another backend")
        token = int(lib.llama_sampler_sample(chunk.sampler.chain, self._context, row))
        return Chosen(
            sequence=chunk.sequence,
            slot=int(self._batch.seq_id[row][0]),
            position=int(self._batch.pos[row]) + 1,
            token=token,
        )


def load(
    path: Path,
    *,
    context_length: int,
    slots: int,
    gpu_layers: int = -1,
    threads: int | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> LlamaBackend:
    """The model in memory, warmed up. `gpu_layers` -1 means all that fit; 0 means none."""
    lib.llama_log_set(_log_callback, None)
    lib.llama_backend_init()
    model = _load_model(path, gpu_layers=gpu_layers, progress=progress)
    try:
        return _with_context(
            model,
            context_length=context_length,
            slots=slots,
            gpu_layers=gpu_layers,
            threads=threads,
        )
    except Unloadable:
        lib.llama_model_free(model)
        raise


def _load_model(path: Path, *, gpu_layers: int, progress: Callable[[float], None]) -> Any:
    def report(fraction: float, _: object) -> bool:
        progress(fraction)
        return True

    params = lib.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    callback = lib.llama_progress_callback(report)
    params.progress_callback = callback
    model = lib.llama_model_load_from_file(os.fsencode(path), params)
    if not model:
        raise Unloadable("llama.cpp cannot load this file")
    return model


def _with_context(
    model: Any, *, context_length: int, slots: int, gpu_layers: int, threads: int | None
) -> LlamaBackend:
    if not lib.llama_model_has_decoder(model) or lib.llama_model_has_encoder(model):
        raise Unloadable("not a model that answers by decoding alone")
    vocabulary = LlamaVocabulary(model)
    trained = int(lib.llama_model_n_ctx_train(model))
    length = min(context_length, trained) if trained > 0 else context_length
    params = lib.llama_context_default_params()
    params.n_ctx = length * slots
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.n_seq_max = slots
    params.n_threads = params.n_threads_batch = threads or physical_cores()
    params.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_AUTO
    params.kv_unified = False
    context = lib.llama_init_from_model(model, params)
    if not context:
        raise Unloadable("no memory for a context of this size")
    limits = Limits(
        slots=slots,
        context_length=min(length, int(lib.llama_n_ctx_seq(context))),
        batch_tokens=_BATCH_TOKENS,
        vocabulary_size=vocabulary.size,
    )
    sizes = _sizes(model, cells=int(lib.llama_n_ctx(context)), gpu_layers=gpu_layers)
    backend = LlamaBackend(model, context, limits=limits, sizes=sizes, vocabulary=vocabulary)
    _warm_up(context, token=max(0, int(lib.llama_vocab_bos(lib.llama_model_get_vocab(model)))))
    return backend


def _warm_up(context: Any, *, token: int) -> None:
    """The first computation touches all weights; better now than in somebody's answer."""
    tokens = (lib.llama_token * 1)(token)
    lib.llama_decode(context, lib.llama_batch_get_one(tokens, 1))
    lib.llama_memory_clear(lib.llama_get_memory(context), True)


def _sizes(model: Any, *, cells: int, gpu_layers: int) -> Sizes:
    """Weights as the file has them; keys and values as the attention's shape has them."""
    heads = max(1, int(lib.llama_model_n_head(model)))
    layers = int(lib.llama_model_n_layer(model))
    width = int(lib.llama_model_n_embd(model)) // heads * int(lib.llama_model_n_head_kv(model))
    model_bytes = int(lib.llama_model_size(model))
    context_bytes = cells * layers * width * 2 * _KV_CELL_BYTES
    on_gpu = 0.0
    if lib.llama_supports_gpu_offload() and gpu_layers != 0:
        on_gpu = 1.0 if gpu_layers < 0 else min(1.0, gpu_layers / (layers + 1))
    return Sizes(
        model_bytes=model_bytes,
        context_bytes=context_bytes,
        vram_bytes=int((model_bytes + context_bytes) * on_gpu),
    )


@lib.llama_log_callback  # type: ignore[untyped-decorator] # llama_cpp has no types
def _log_callback(level: int, text: bytes, _: object) -> None:
    """Its news are of interest to whoever debugs; only errors are to anyone else."""
    line = text.decode("utf-8", "replace").strip()
    if line:
        log.log(logging.ERROR if level == 4 else logging.DEBUG, "%s", line)
