"""A model that mixes two conversations up is found out as it is loaded, and loaded for one.

No architecture in the hands of these tests does that; some of llama.cpp's do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest

from inference.engine.backend import BackendError, Chosen, Chunk, Limits, NoRoom, Sampler
from inference.engine.llama import load, loading
from inference.engine.llama.apart import Logits, keeps_apart
from tests.doubles.tinymodels import write_llama, write_mamba

SIZE = 300


class Free:
    def close(self) -> None:
        return None


class Model:
    """What follows depends on the text before it, and where `mixed` on that of others as well."""

    def __init__(
        self,
        *,
        mixed: float = 0.0,
        fails: type[Exception] | None = None,
        number: float = 1.0,
        context_length: int = 64,
    ) -> None:
        self.limits = Limits(
            slots=2, context_length=context_length, batch_tokens=512, vocabulary_size=SIZE
        )
        self._mixed, self._fails, self._number = mixed, fails, number
        self._rows: dict[int, Logits] = {}
        self.held: dict[int, int] = {}

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        if self._fails is not None and len(batch) > 1:
            raise self._fails
        whole = _numbers([token for chunk in batch for token in chunk.tokens])
        self._rows, row = {}, -1
        for chunk in batch:
            assert not self.held.get(chunk.slot)
            self.held[chunk.slot] = len(chunk.tokens)
            row += len(chunk.tokens)
            own = _numbers(chunk.tokens)
            mixed = self._number * (own + self._mixed * (whole - own))
            self._rows[row] = mixed.astype(numpy.float32)
        return []

    def logits(self, row: int) -> Logits:
        return self._rows[row]

    def cut(self, slot: int, *, length: int) -> bool:
        self.held[slot] = length
        return True

    def new_sampler(self, *_: Any, **__: Any) -> Sampler:
        return Free()


def _numbers(tokens: Sequence[int]) -> Logits:
    dice = numpy.random.default_rng(list(tokens))
    return dice.standard_normal(SIZE, dtype=numpy.float32)


@pytest.mark.threat("B13")
@pytest.mark.parametrize("mixed", [0.1, 1.0])
def test_who_is_told_something_of_another_is_not_kept_apart(mixed: float) -> None:
    assert not keeps_apart(Model(mixed=mixed))


@pytest.mark.parametrize(
    "model",
    [
        Model(),
        Model(mixed=0.005),  # the same numbers added up in another order
        Model(number=float("nan")),
        Model(number=0.0),
        Model(context_length=4),
    ],
    ids=["plain", "rounding", "no numbers", "nothing but zeroes", "short"],
)
def test_who_is_told_the_same_beside_others_is_kept_apart(model: Model) -> None:
    assert keeps_apart(model)
    assert not any(model.held.values())


@pytest.mark.parametrize("fails", [NoRoom, BackendError])
def test_who_cannot_be_read_beside_others_is_not_kept_apart(fails: type[Exception]) -> None:
    assert not keeps_apart(Model(fails=fails))


@pytest.mark.threat("B13")
def test_what_mixes_conversations_up_is_loaded_for_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_mamba(tmp_path / "recurrent.gguf")
    slots = [_slots_of(path)]
    monkeypatch.setattr(loading, "keeps_apart", lambda _: False)
    slots += [_slots_of(path), _slots_of(write_llama(tmp_path / "plain.gguf"))]

    assert slots == [3, 1, 3]


def _slots_of(path: Path) -> int:
    backend = load(path, context_length=128, slots=3, gpu_layers=0, threads=1)
    backend.close()
    return backend.limits.slots
