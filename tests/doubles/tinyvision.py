"""Projector files with random weights, small enough to be written and loaded in a moment.

Not a test itself, and of no use to anybody who wants to see: what matters is that the same picture
gives the same answer, another picture another one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import gguf
import numpy
from numpy.typing import NDArray

Kind = Literal["mlp", "gemma3", "qwen2vl_merger"]
Array = NDArray[numpy.float32]

PATCH_PIXELS = 14
PATCHES_A_SIDE = 4
_WIDTH = 32
_FEED_FORWARD = 48
_LAYERS = 2


def write_projector(path: Path, *, width: int, kind: Kind = "mlp", seed: int = 1) -> Path:
    """A vision tower for language models of this width. Gives 16 tokens a picture (gemma3: 4).

    The merger gives as many as the picture is large, and tells their rows and columns.
    """
    random = numpy.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type(gguf.GGUFType.MMPROJ)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_clip_has_vision_encoder(True)
    writer.add_string("clip.projector_type", kind)
    writer.add_vision_projection_dim(width)
    writer.add_vision_image_size(PATCH_PIXELS * PATCHES_A_SIDE)
    writer.add_vision_patch_size(PATCH_PIXELS)
    writer.add_vision_embedding_length(_WIDTH)
    writer.add_vision_feed_forward_length(_FEED_FORWARD)
    writer.add_vision_block_count(_LAYERS)
    writer.add_vision_head_count(4)
    writer.add_vision_attention_layernorm_eps(1e-5)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    writer.add_vision_use_gelu(True)
    if kind == "gemma3":
        writer.add_vision_projector_scale_factor(2)
    for name, shape in [*_tower(kind), *_projection(kind, width=width)]:
        values = random.standard_normal(shape, dtype=numpy.float32)
        is_norm = name.endswith(("ln1.weight", "ln2.weight", "ln.weight", "norm.weight"))
        writer.add_tensor(name, 1 + 0.1 * values if is_norm else 0.3 * values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tower(kind: Kind) -> Iterator[tuple[str, tuple[int, ...]]]:
    patches = PATCHES_A_SIDE**2
    yield "v.patch_embd.weight", (_WIDTH, 3, PATCH_PIXELS, PATCH_PIXELS)
    if kind == "qwen2vl_merger":
        yield "v.patch_embd.weight.1", (_WIDTH, 3, PATCH_PIXELS, PATCH_PIXELS)
    else:
        yield "v.position_embd.weight", (patches + (kind == "mlp"), _WIDTH)
    if kind == "mlp":
        yield "v.class_embd", (_WIDTH,)
        yield "v.pre_ln.weight", (_WIDTH,)
        yield "v.pre_ln.bias", (_WIDTH,)
    yield "v.post_ln.weight", (_WIDTH,)
    yield "v.post_ln.bias", (_WIDTH,)
    for layer in range(_LAYERS):
        block = f"v.blk.{layer}"
        for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
            yield f"{block}.{part}.weight", (_WIDTH, _WIDTH)
            yield f"{block}.{part}.bias", (_WIDTH,)
        for norm in ("ln1", "ln2"):
            yield f"{block}.{norm}.weight", (_WIDTH,)
            yield f"{block}.{norm}.bias", (_WIDTH,)
        yield f"{block}.ffn_up.weight", (_FEED_FORWARD, _WIDTH)
        yield f"{block}.ffn_up.bias", (_FEED_FORWARD,)
        yield f"{block}.ffn_down.weight", (_WIDTH, _FEED_FORWARD)
        yield f"{block}.ffn_down.bias", (_WIDTH,)


def _projection(kind: Kind, *, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    if kind == "gemma3":
        yield "mm.input_projection.weight", (_WIDTH, width)
        yield "mm.soft_emb_norm.weight", (_WIDTH,)
        return
    taken, hidden = (4 * _WIDTH, 4 * _WIDTH) if kind == "qwen2vl_merger" else (_WIDTH, width)
    yield "mm.0.weight", (hidden, taken)
    yield "mm.0.bias", (hidden,)
    yield "mm.2.weight", (width, hidden)
    yield "mm.2.bias", (width,)
