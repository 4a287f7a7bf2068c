"""LoRA adapters with random numbers, and the same laid over the weights by hand. Not for training.

An adapter adds `alpha / rank * B @ A` to a matrix of the model.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np

Array = np.ndarray[Any, Any]
Pairs = Mapping[str, tuple[Array, Array]]
RANK, ALPHA = 4, 8.0


def random_pairs(base: Path, *names: str, seed: int = 0, size: float = 0.5) -> Pairs:
    """A and B for these tensors of a model, as large as `size` in the end."""
    dice = np.random.default_rng(seed)
    shapes = {tensor.name: tensor.data.shape for tensor in gguf.GGUFReader(base).tensors}
    pairs: dict[str, tuple[Array, Array]] = {}
    for name in names:
        rows, columns = shapes[name]
        first = dice.normal(size=(RANK, columns)) / np.sqrt(columns)
        second = dice.normal(size=(rows, RANK)) * size / np.sqrt(RANK)
        pairs[name] = (first.astype(np.float32), second.astype(np.float32))
    return pairs


def write_lora(path: Path, pairs: Pairs, *, architecture: str = "llama") -> Path:
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", ALPHA)
    for name, (first, second) in pairs.items():
        writer.add_tensor(f"{name}.lora_a", first)
        writer.add_tensor(f"{name}.lora_b", second)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_merged(base: Path, path: Path, pairs: Pairs) -> Path:
    """The model itself with the adapter worked in: a file of 32-bit weights is wanted."""
    shutil.copyfile(base, path)
    for tensor in gguf.GGUFReader(path, "r+").tensors:
        if tensor.name in pairs:
            first, second = pairs[tensor.name]
            tensor.data[...] += ALPHA / RANK * second @ first
    return path
