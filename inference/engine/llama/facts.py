"""What a loaded model says of itself. Not for sizes of memory: `loading.py` estimates those."""

from typing import Any, Literal

from inference.engine.llama.library import lib
from inference.protocol import Facts

Pooling = Literal["none", "mean", "cls", "last", "rank"]
_POOLINGS: tuple[Pooling, ...] = ("none", "mean", "cls", "last", "rank")


def facts_of(model: Any, context: Any) -> Facts:
    """Counts that no file can have chosen outside of what the contract allows are kept in it."""
    vocabulary = lib.llama_model_get_vocab(model)
    pooling = int(lib.llama_pooling_type(context))
    return Facts(
        layers=max(0, int(lib.llama_model_n_layer(model))),
        trained_context=max(0, int(lib.llama_model_n_ctx_train(model))),
        embedding_length=max(0, int(lib.llama_model_n_embd(model))),
        vocabulary_size=max(0, int(lib.llama_vocab_n_tokens(vocabulary))),
        has_encoder=bool(lib.llama_model_has_encoder(model)),
        has_decoder=bool(lib.llama_model_has_decoder(model)),
        pooling=_POOLINGS[pooling] if 0 <= pooling < len(_POOLINGS) else "unspecified",
        model_bytes=max(0, int(lib.llama_model_size(model))),
        context_bytes=max(0, int(lib.llama_state_get_size(context))),
    )
