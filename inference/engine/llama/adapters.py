"""LoRA adapters laid over loaded weights. Not for which belong to which model: manifests say."""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.engine.backend import Unloadable
from inference.engine.llama.library import lib


def read(model: Any, paths: Sequence[Path]) -> list[Any]:
    """The adapters in memory, in order; they go with the model. Raises Unloadable for a stranger.

    Before any context is made, as the library wants it.
    """
    adapters = []
    for number, path in enumerate(paths, start=1):
        adapter = lib.llama_adapter_lora_init(model, os.fsencode(path))
        if not adapter:
            raise Unloadable(f"adapter {number} of {len(paths)} is not one for this model")
        adapters.append(adapter)
    return adapters


def lay(context: Any, adapters: Sequence[Any]) -> None:
    """Every computation of this context goes through them from now on, each at its full weight."""
    if not adapters:
        return
    count = len(adapters)
    pointers = (lib.llama_adapter_lora_p_ctypes * count)(
        *(ctypes.cast(adapter, lib.llama_adapter_lora_p_ctypes) for adapter in adapters)
    )
    scales = (ctypes.c_float * count)(*[1.0] * count)
    if lib.llama_set_adapters_lora(context, pointers, count, scales) != 0:
        raise Unloadable("the adapters of this model cannot be applied")
