"""Small models with random weights, written in a moment: llama, gemma3 (a window), mamba, jamba.

Real files for the real engine, with a byte-level vocabulary and a chat template. What they say is
nonsense but plain ASCII, the same for the same seed, and a greedy answer of theirs never ends by
itself: its length is `num_predict`. Not for anything that must make sense.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Literal

import gguf
import numpy as np

Array = np.ndarray[Any, Any]
Kind = Literal["f32", "f16", "q8_0"]

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_END, _TURN_END = 0, 2
_NORMAL, _CONTROL = 1, 3
_SHARPNESS = 4.0  # how far the best token stands out: far beyond what rounding can change


def write_llama(
    path: Path,
    *,
    layers: int = 2,
    width: int = 64,
    heads: int = 4,
    kv_heads: int = 2,
    feed_forward: int | None = None,
    vocabulary: int = 512,
    context: int = 2048,
    seed: int = 0,
    kind: Kind = "f16",
    name: str = "tiny",
    template: str | None = CHATML,
) -> Path:
    """Grouped attention without a window. `width / heads` must be even, q8_0 wants 32s."""
    writer = _Writer(path, "llama", seed=seed, kind=kind, name=name)
    writer.shape(layers=layers, width=width, context=context)
    writer.attention(heads=heads, kv_heads=kv_heads, head=width // heads)
    writer.vocabulary(vocabulary, template=template)
    writer.ends(vocabulary, width)
    hidden = feed_forward or 2 * width
    writer.writer.add_feed_forward_length(hidden)
    for layer in range(layers):
        writer.norms(layer, width, "attn_norm", "ffn_norm")
        writer.transformer(layer, width, kv=width // heads * kv_heads, hidden=hidden)
    return writer.write()


def write_qwen2vl(
    path: Path,
    *,
    layers: int = 2,
    width: int = 64,
    heads: int = 4,
    kv_heads: int = 2,
    vocabulary: int = 512,
    context: int = 2048,
    seed: int = 0,
    kind: Kind = "f16",
    name: str = "tiny-axes",
    template: str | None = CHATML,
) -> Path:
    """As a llama, but positions have rows and columns: pictures take more tokens than positions."""
    writer = _Writer(path, "qwen2vl", seed=seed, kind=kind, name=name)
    head = width // heads
    writer.shape(layers=layers, width=width, context=context)
    writer.attention(heads=heads, kv_heads=kv_heads, head=head)
    writer.writer.add_rope_dimension_sections([head // 2 - 6, 3, 3, 0])
    writer.vocabulary(vocabulary, template=template)
    writer.ends(vocabulary, width)
    writer.writer.add_feed_forward_length(2 * width)
    for layer in range(layers):
        writer.norms(layer, width, "attn_norm", "ffn_norm")
        writer.transformer(layer, width, kv=head * kv_heads, hidden=2 * width)
        for part, size in (("q", width), ("k", head * kv_heads), ("v", head * kv_heads)):
            writer.plain(f"blk.{layer}.attn_{part}.bias", np.zeros(size))
    return writer.write()


def write_gemma3(
    path: Path,
    *,
    layers: int = 6,
    width: int = 64,
    heads: int = 4,
    kv_heads: int = 2,
    window: int = 64,
    vocabulary: int = 512,
    context: int = 2048,
    seed: int = 0,
    kind: Kind = "f16",
    name: str = "tiny-window",
    template: str | None = CHATML,
) -> Path:
    """Five layers of six see only the last `window` tokens, the sixth sees all."""
    writer = _Writer(path, "gemma3", seed=seed, kind=kind, name=name)
    head = width // heads
    writer.shape(layers=layers, width=width, context=context)
    writer.attention(heads=heads, kv_heads=kv_heads, head=head)
    writer.writer.add_sliding_window(window)
    writer.vocabulary(vocabulary, template=template)
    writer.ends(vocabulary, width)
    writer.writer.add_feed_forward_length(2 * width)
    for layer in range(layers):
        writer.norms(layer, width, "attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
        writer.norms(layer, head, "attn_q_norm", "attn_k_norm")
        writer.transformer(layer, width, kv=head * kv_heads, hidden=2 * width)
    return writer.write()


def write_mamba(
    path: Path,
    *,
    layers: int = 2,
    width: int = 64,
    state: int = 16,
    vocabulary: int = 512,
    context: int = 2048,
    seed: int = 0,
    kind: Kind = "f16",
    name: str = "tiny-recurrent",
    template: str | None = CHATML,
) -> Path:
    """A recurrent model: its memory is one state, which cannot be cut back."""
    writer = _Writer(path, "mamba", seed=seed, kind=kind, name=name)
    rank = max(1, width // 16)
    writer.shape(layers=layers, width=width, context=context)
    writer.vocabulary(vocabulary, template=template)
    writer.ends(vocabulary, width)
    writer.writer.add_feed_forward_length(0)
    writer.writer.add_head_count(0)
    writer.state(width, state=state, rank=rank)
    for layer in range(layers):
        writer.norms(layer, width, "attn_norm")
        writer.recurrent(layer, width, state=state, rank=rank)
    return writer.write()


def write_jamba(
    path: Path,
    *,
    layers: int = 4,
    width: int = 64,
    heads: int = 4,
    kv_heads: int = 2,
    state: int = 16,
    vocabulary: int = 512,
    context: int = 2048,
    seed: int = 0,
    kind: Kind = "f16",
    name: str = "tiny-hybrid",
    template: str | None = CHATML,
) -> Path:
    """Both in turn: a recurrent layer, then one with attention."""
    writer = _Writer(path, "jamba", seed=seed, kind=kind, name=name)
    rank = max(1, width // 16)
    writer.shape(layers=layers, width=width, context=context)
    writer.vocabulary(vocabulary, template=template)
    writer.ends(vocabulary, width)
    writer.writer.add_feed_forward_length(2 * width)
    writer.writer.add_head_count(heads)
    writer.writer.add_head_count_kv([kv_heads * (layer % 2) for layer in range(layers)])
    writer.state(width, state=state, rank=rank)
    for layer in range(layers):
        writer.norms(layer, width, "attn_norm", "ffn_norm")
        if layer % 2:
            writer.attention_part(layer, width, kv=width // heads * kv_heads)
        else:
            writer.norms(layer, rank, "ssm_dt_norm")
            writer.norms(layer, state, "ssm_b_norm", "ssm_c_norm")
            writer.recurrent(layer, width, state=state, rank=rank)
        writer.feed_forward(layer, width, hidden=2 * width)
    return writer.write()


class _Writer:
    """The parts that all architectures share. Weights are drawn in the order they are written."""

    def __init__(self, path: Path, architecture: str, *, seed: int, kind: Kind, name: str) -> None:
        self.writer = gguf.GGUFWriter(path, architecture)
        self.writer.add_name(name)
        self.writer.add_file_type({"f32": 0, "f16": 1, "q8_0": 7}[kind])
        self._path = path
        self._kind = kind
        self._dice = np.random.default_rng(seed)

    def shape(self, *, layers: int, width: int, context: int) -> None:
        self.writer.add_block_count(layers)
        self.writer.add_embedding_length(width)
        self.writer.add_context_length(context)
        self.writer.add_layer_norm_rms_eps(1e-5)

    def attention(self, *, heads: int, kv_heads: int, head: int) -> None:
        self.writer.add_head_count(heads)
        self.writer.add_head_count_kv(kv_heads)
        self.writer.add_key_length(head)
        self.writer.add_value_length(head)
        self.writer.add_rope_dimension_count(head)
        self.writer.add_rope_freq_base(10_000.0)

    def vocabulary(self, size: int, *, template: str | None) -> None:
        letters = list(gguf_bytes())
        merges = list(_merges(size - len(letters) - len(CONTROL)))
        tokens = [*CONTROL, *letters, *(left + right for left, right in merges)]
        self.writer.add_tokenizer_model("gpt2")
        self.writer.add_tokenizer_pre("gpt-2")
        self.writer.add_token_list(tokens)
        kinds = [_CONTROL] * len(CONTROL) + [_NORMAL] * (len(tokens) - len(CONTROL))
        self.writer.add_token_types(kinds)
        self.writer.add_token_merges([f"{left} {right}" for left, right in merges])
        self.writer.add_bos_token_id(_END)
        self.writer.add_eos_token_id(_TURN_END)
        self.writer.add_add_bos_token(False)
        if template is not None:
            self.writer.add_chat_template(template)

    def ends(self, size: int, width: int) -> None:
        """Into the network and out of it; nothing but ASCII stands a chance to be chosen."""
        self.matrix("token_embd.weight", size, width, scale=1.0)
        self.plain("output_norm.weight", np.ones(width))
        output = self.random(size, width, scale=_SHARPNESS / np.sqrt(width))
        for token, text in enumerate([*CONTROL, *gguf_bytes()]):
            if token < len(CONTROL) or not (text.isascii() or text == _SPACE):
                output[token] = 0
        self._add("output.weight", output)

    def transformer(self, layer: int, width: int, *, kv: int, hidden: int) -> None:
        self.attention_part(layer, width, kv=kv)
        self.feed_forward(layer, width, hidden=hidden)

    def attention_part(self, layer: int, width: int, *, kv: int) -> None:
        block = f"blk.{layer}"
        self.matrix(f"{block}.attn_q.weight", width, width)
        self.matrix(f"{block}.attn_k.weight", kv, width)
        self.matrix(f"{block}.attn_v.weight", kv, width)
        self.matrix(f"{block}.attn_output.weight", width, width)

    def feed_forward(self, layer: int, width: int, *, hidden: int) -> None:
        block = f"blk.{layer}"
        self.matrix(f"{block}.ffn_gate.weight", hidden, width)
        self.matrix(f"{block}.ffn_up.weight", hidden, width)
        self.matrix(f"{block}.ffn_down.weight", width, hidden)

    def state(self, width: int, *, state: int, rank: int) -> None:
        self.writer.add_ssm_conv_kernel(_KERNEL)
        self.writer.add_ssm_inner_size(2 * width)
        self.writer.add_ssm_state_size(state)
        self.writer.add_ssm_time_step_rank(rank)

    def recurrent(self, layer: int, width: int, *, state: int, rank: int) -> None:
        block, inner = f"blk.{layer}", 2 * width
        self.matrix(f"{block}.ssm_in.weight", 2 * inner, width)
        self.plain(f"{block}.ssm_conv1d.weight", self.random(inner, _KERNEL))
        self.plain(f"{block}.ssm_conv1d.bias", np.zeros(inner))
        self.matrix(f"{block}.ssm_x.weight", rank + 2 * state, inner)
        self.plain(f"{block}.ssm_dt.weight", self.random(inner, rank))
        self.plain(f"{block}.ssm_dt.bias", np.zeros(inner))
        decay = -np.tile(np.arange(1, state + 1), (inner, 1))
        self.plain(f"{block}.ssm_a", decay)
        self.plain(f"{block}.ssm_d", np.ones(inner))
        self.matrix(f"{block}.ssm_out.weight", width, inner)

    def norms(self, layer: int, width: int, *names: str) -> None:
        for name in names:
            self.plain(f"blk.{layer}.{name}.weight", np.ones(width))

    def matrix(self, name: str, rows: int, columns: int, *, scale: float | None = None) -> None:
        self._add(name, self.random(rows, columns, scale=scale))

    def plain(self, name: str, values: Array) -> None:
        self.writer.add_tensor(name, values.astype(np.float32))

    def random(self, rows: int, columns: int, *, scale: float | None = None) -> Array:
        """Large ones repeat a block: drawing hundreds of megabytes would take seconds."""
        size = rows * columns
        drawn = self._dice.standard_normal(min(size, _MOST_DRAWN), dtype=np.float32)
        values = np.resize(drawn, size).reshape(rows, columns)
        return np.asarray(values * np.float32(1 / np.sqrt(columns) if scale is None else scale))

    def write(self) -> Path:
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()
        return self._path

    def _add(self, name: str, values: Array) -> None:
        if self._kind == "q8_0":
            kind = gguf.GGMLQuantizationType.Q8_0
            self.writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            self.writer.add_tensor(
                name, values.astype(np.float16 if self._kind == "f16" else np.float32)
            )


_KERNEL = 4
_MOST_DRAWN = 4_000_003  # odd to all widths, so that no two rows are equal
_SPACE = "\u0120"


def gguf_bytes() -> Iterator[str]:
    """The 256 bytes as this kind of vocabulary writes them: visible ones as they are."""
    spare = 256
    for byte in range(256):
        if 33 <= byte <= 126 or 161 <= byte <= 172 or 174 <= byte <= 255:
            yield chr(byte)
        else:
            yield chr(spare)
            spare += 1


def _merges(count: int) -> Iterator[tuple[str, str]]:
    """Pairs of letters, then pairs with a third and a fourth: each merge has its parts before."""
    if count < 0:
        raise ValueError("a vocabulary holds at least the bytes and the control tokens")
    for length in range(2, 6):
        for letters in product(ascii_lowercase, repeat=length):
            if count == 0:
                return
            count -= 1
            word = "".join(letters)
            yield word[:-1], word[-1]
    raise ValueError("so many words are not to be had")
