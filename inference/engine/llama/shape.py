"""How a context is to remember, and what that comes to. Not for weights, nor for computing.

Memory is one stream a slot (DESIGN section 3). Layers with a sliding window keep that window and a
batch behind it, not the whole context: of a gemma that is a sixth of the bytes, and what had to be
remembered further back is marked instead (`slots.py`).
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from inference.engine.backend import Unloadable
from inference.engine.llama.library import lib
from inference.engine.llama.memory import Memory

log = logging.getLogger(__name__)

KvType = Literal["f16", "q8_0", "q4_0"]
# GGML_TYPE_F16 and so on; the binding does not name them.
_TYPES: dict[KvType, int] = {"f16": 1, "q8_0": 8, "q4_0": 2}
# A cell's position, its count of sequences, and the sequence.
_CELL_NOTE_BYTES = 12
_WINDOW_STEP = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`flash_attention` None leaves it to the library. Quantised values cannot do without it."""

    kv_type: KvType = "f16"
    flash_attention: bool | None = None

    def fitting(self) -> Iterator["Wish"]:
        """This wish, then what may be had instead."""
        if self.kv_type != "f16" and self.flash_attention is False:
            log.warning("keys and values stay f16: %s needs flash attention", self.kv_type)
        else:
            yield self
        if self.kv_type != "f16":
            yield Wish(flash_attention=self.flash_attention)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What sort of memory this is, and the bytes it takes. `window` 0: all tokens are seen."""

    can_cut: bool
    window: int
    size_bytes: int


def new_context(model: Any, params: Any, *, wish: Wish) -> Any:
    """A context that remembers as wished, or as near to it as this model allows."""
    params.kv_unified = False
    params.swa_full = False
    for possible in wish.fitting():
        params.type_k = params.type_v = _TYPES[possible.kv_type]
        params.flash_attn_type = _flash_attention(possible.flash_attention)
        context = lib.llama_init_from_model(model, params)
        if context:
            if possible.kv_type != wish.kv_type:
                log.warning("this model's keys and values cannot be %s", wish.kv_type)
            return context
    raise Unloadable("no memory for a context of this size")


def kind_of(model: Any, context: Any) -> Kind:
    """Asked once slot 0 holds exactly two tokens: they tell what every further one will take."""
    memory = Memory(context, can_cut=True, window=0)
    whole, part = memory.saved_bytes(0), memory.marked_bytes(0)
    slots, cells = int(lib.llama_n_seq_max(context)), int(lib.llama_n_ctx_seq(context))
    rest = cells * _cell_bytes(whole - part)
    if lib.llama_model_is_recurrent(model) or lib.llama_model_is_hybrid(model):
        return Kind(can_cut=False, window=0, size_bytes=slots * (part + rest))
    window = max(0, int(lib.llama_model_n_swa(model)))
    if not window or part == whole:  # some models name a window and do not use it
        return Kind(can_cut=True, window=0, size_bytes=slots * cells * _cell_bytes(whole))
    kept = window + int(lib.llama_n_ubatch(context))
    near = min(cells, -(-kept // _WINDOW_STEP) * _WINDOW_STEP)
    return Kind(can_cut=True, window=window, size_bytes=slots * (near * _cell_bytes(part) + rest))


def _cell_bytes(two_cells: int) -> int:
    return max(0, two_cells // 2 - _CELL_NOTE_BYTES)


def _flash_attention(wanted: bool | None) -> int:
    if wanted is None:
        return int(lib.LLAMA_FLASH_ATTN_TYPE_AUTO)
    kinds = (lib.LLAMA_FLASH_ATTN_TYPE_DISABLED, lib.LLAMA_FLASH_ATTN_TYPE_ENABLED)
    return int(kinds[wanted])
