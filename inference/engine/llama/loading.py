"""A model file into memory: weights, context, warm-up. Not for what is done with it then."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inference.engine.backend import Limits, Unloadable
from inference.engine.cores import physical_cores
from inference.engine.llama import adapters as lora
from inference.engine.llama import library
from inference.engine.llama.apart import keeps_apart
from inference.engine.llama.backend import LlamaBackend
from inference.engine.llama.buffers import Buffers
from inference.engine.llama.library import lib
from inference.engine.llama.shape import Kind, KvType, Wish, kind_of, new_context
from inference.engine.llama.vision import LlamaEyes
from inference.engine.llama.vocabulary import LlamaVocabulary

log = logging.getLogger(__name__)

_BATCH_TOKENS = 512
_MOST_REPEATS = 30


def load(
    path: Path,
    *,
    context_length: int,
    slots: int,
    gpu_layers: int = -1,
    threads: int | None = None,
    adapters: Sequence[Path] = (),
    projector: Path | None = None,
    kv_type: KvType = "f16",
    flash_attention: bool | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> LlamaBackend:
    """The model in memory, warmed up. `gpu_layers` -1 means all that fit; 0 means none.

    `adapters` are LoRA files, laid over the weights in order; with a `projector` it sees pictures.
    `kv_type` is how keys and values are
    kept, f16 where the model allows no other; `flash_attention` None leaves it to the library.
    There are fewer slots than wanted, one, where several would not be kept apart.
    """

    def loaded(slots: int) -> LlamaBackend:
        return _loaded(
            path,
            context_length=context_length,
            slots=slots,
            gpu_layers=gpu_layers,
            threads=threads,
            adapters=adapters,
            projector=projector,
            wish=Wish(kv_type=kv_type, flash_attention=flash_attention),
            progress=progress,
        )

    backend = loaded(slots)
    # What only attends computes each conversation by itself, whatever the architecture.
    if slots == 1 or backend.limits.can_cut or keeps_apart(backend):
        return backend
    log.warning("this model mixes conversations up: it is loaded for one at a time")
    backend.close()
    return loaded(1)


def _loaded(
    path: Path,
    *,
    context_length: int,
    slots: int,
    gpu_layers: int,
    threads: int | None,
    adapters: Sequence[Path],
    projector: Path | None,
    wish: Wish,
    progress: Callable[[float], None],
) -> LlamaBackend:
    library.start()
    buffers = Buffers()
    with library.overheard(buffers.hear):
        model = load_model(path, gpu_layers=gpu_layers, progress=progress)
        try:
            return _with_context(
                model,
                context_length=context_length,
                slots=slots,
                buffers=buffers,
                threads=threads,
                adapters=lora.read(model, adapters),
                projector=projector,
                on_gpu=gpu_layers != 0 and bool(lib.llama_supports_gpu_offload()),
                wish=wish,
            )
        except Unloadable:
            lib.llama_model_free(model)
            raise


def load_model(path: Path, *, gpu_layers: int, progress: Callable[[float], None]) -> Any:
    """The weights alone."""

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
    model: Any,
    *,
    context_length: int,
    slots: int,
    buffers: Buffers,
    threads: int | None,
    adapters: Sequence[Any],
    projector: Path | None,
    on_gpu: bool,
    wish: Wish,
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
    params.n_threads = params.n_threads_batch = threads = threads or physical_cores()
    context = new_context(model, params, wish=wish)
    if not lib.llama_get_memory(context):
        lib.llama_free(context)
        raise Unloadable("a model that only embeds")
    lora.lay(context, adapters)
    eyes = _eyes(model, context, projector, threads=threads, on_gpu=on_gpu)
    token = max(0, int(lib.llama_vocab_bos(lib.llama_model_get_vocab(model))))
    kind = _warmed_up(model, context, token=token)
    limits = Limits(
        slots=slots,
        context_length=min(length, int(lib.llama_n_ctx_seq(context))),
        batch_tokens=_BATCH_TOKENS,
        vocabulary_size=vocabulary.size,
        can_cut=kind.can_cut,
        window=kind.window,
        most_repeats=_MOST_REPEATS,
    )
    sizes = buffers.sizes(
        model_bytes=int(lib.llama_model_size(model)), context_bytes=kind.size_bytes
    )
    return LlamaBackend(
        model, context, limits=limits, sizes=sizes, vocabulary=vocabulary, eyes=eyes
    )


def _eyes(
    model: Any, context: Any, projector: Path | None, *, threads: int, on_gpu: bool
) -> LlamaEyes | None:
    """With half the threads, for others go on writing meanwhile."""
    if projector is None:
        return None
    try:
        return LlamaEyes(
            projector,
            model,
            threads=max(1, threads // 2),
            batch_tokens=_BATCH_TOKENS,
            on_gpu=on_gpu,
        )
    except Unloadable:
        lib.llama_free(context)
        raise


def _warmed_up(model: Any, context: Any, *, token: int) -> Kind:
    """The first computation touches all weights; better now than in somebody's answer."""
    tokens = (lib.llama_token * 2)(token, token)
    lib.llama_decode(context, lib.llama_batch_get_one(tokens, 2))
    kind = kind_of(model, context)
    lib.llama_memory_clear(lib.llama_get_memory(context), True)
    return kind
