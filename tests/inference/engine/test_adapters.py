"""LoRA adapters: laid over the weights, they are what merging them by hand would be."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from inference.engine import llama
from inference.engine.backend import Chunk, Unloadable
from inference.engine.sampling import Greedy
from tests.doubles.lora import random_pairs, write_lora, write_merged
from tests.doubles.tinymodels import write_llama

NAMES = ("blk.0.attn_q.weight", "blk.0.ffn_down.weight", "blk.1.attn_v.weight", "output.weight")
PROMPT = [20, 30, 40, 50, 60]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_llama(tmp_path / "base.gguf", kind="f32")


def greedy(path: Path, *, adapters: Sequence[Path] = (), count: int = 24) -> list[int]:
    """The tokens an answer would be made of."""
    backend = llama.load(
        path, context_length=256, slots=1, gpu_layers=0, threads=1, adapters=adapters
    )
    sampler = backend.new_sampler((Greedy(),), history=())
    said: list[int] = []
    start, tokens = 0, PROMPT
    for _ in range(count):
        chunk = Chunk(sequence=UUID(int=1), slot=0, start=start, tokens=tokens, sampler=sampler)
        (chosen,) = backend.decode([chunk])
        said.append(chosen.token)
        start, tokens = chosen.position, [chosen.token]
    sampler.close()
    backend.close()
    return said


def vector(path: Path, *, adapters: Sequence[Path] = ()) -> np.ndarray:
    pooler = llama.load_pooler(
        path, task="embed", context_length=256, gpu_layers=0, threads=1, adapters=adapters
    )
    (found,) = pooler.pool([PROMPT * 8])
    pooler.close()
    return np.frombuffer(found, "<f4")


def test_an_adapter_gives_the_answers_of_the_merged_weights(base: Path, tmp_path: Path) -> None:
    pairs = random_pairs(base, *NAMES)
    adapter = write_lora(tmp_path / "lora.gguf", pairs)
    merged = write_merged(base, tmp_path / "merged.gguf", pairs)

    plain, adapted = greedy(base), greedy(base, adapters=[adapter])

    assert adapted == greedy(merged)
    assert adapted != plain


def test_an_adapter_gives_the_vectors_of_the_merged_weights(base: Path, tmp_path: Path) -> None:
    pairs = random_pairs(base, *NAMES[:3])
    adapter = write_lora(tmp_path / "lora.gguf", pairs)
    merged = write_merged(base, tmp_path / "merged.gguf", pairs)

    adapted = vector(base, adapters=[adapter])

    assert np.allclose(adapted, vector(merged), atol=1e-2)
    assert not np.allclose(adapted, vector(base), atol=1e-1)


def test_several_adapters_are_laid_one_over_the_other(base: Path, tmp_path: Path) -> None:
    first, second = (random_pairs(base, *NAMES, seed=seed) for seed in (1, 2))
    adapters = [
        write_lora(tmp_path / "first.gguf", first),
        write_lora(tmp_path / "second.gguf", second),
    ]
    half = write_merged(base, tmp_path / "half.gguf", first)
    merged = write_merged(half, tmp_path / "merged.gguf", second)

    assert greedy(base, adapters=adapters) == greedy(merged)


def test_an_adapter_of_another_model_or_no_adapter_at_all_is_refused_with_its_number(
    base: Path, tmp_path: Path
) -> None:
    pairs = random_pairs(base, *NAMES[:1])
    good = write_lora(tmp_path / "good.gguf", pairs)
    wide = write_llama(tmp_path / "wide.gguf", width=128, kind="f32")
    strangers = [
        write_lora(tmp_path / "arch.gguf", pairs, architecture="qwen2"),
        write_lora(tmp_path / "shape.gguf", random_pairs(wide, NAMES[0])),
        base,
        tmp_path / "absent.gguf",
    ]

    for stranger in strangers:
        with pytest.raises(Unloadable, match="adapter 2 of 2"):
            greedy(base, adapters=[good, stranger])
