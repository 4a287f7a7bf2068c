"""A model that embeds without a model file, for tests and for running the portal without one.

Equal texts have equal vectors, and a crossed or lost input shows. Tokens are single bytes.
"""

from array import array
from collections.abc import Sequence

from inference.engine.backend import BackendError, Sizes
from inference.engine.pooling import PoolLimits, check_inputs

WIDTH = 8
_FIRST, _LAST, _BYTES = 0, 1, 2


def load(*, context_length: int) -> "ScriptedPooler":
    return ScriptedPooler(context_length=context_length)


class ScriptedPooler:
    """A vector counts the bytes of a text, each in the place of its three lowest bits."""

    def __init__(
        self, *, context_length: int = 512, sequences: int = 64, batch_tokens: int = 512
    ) -> None:
        self._limits = PoolLimits(
            slots=64,
            sequences=sequences,
            context_length=context_length,
            batch_tokens=batch_tokens,
            vocabulary_size=_BYTES + 256,
        )
        self._is_closed = False

    @property
    def limits(self) -> PoolLimits:
        return self._limits

    @property
    def sizes(self) -> Sizes:
        return Sizes()

    @property
    def longest_token_bytes(self) -> int:
        return 1

    def encode(self, text: str) -> list[int]:
        return [_BYTES + byte for byte in text.encode("utf-8", "replace")]

    def framed(self, tokens: Sequence[int]) -> list[int]:
        return [_FIRST, *tokens, _LAST]

    def paired(self, query: Sequence[int], document: Sequence[int]) -> list[int]:
        return [_FIRST, *query, _LAST, *document, _LAST]

    def pool(self, inputs: Sequence[Sequence[int]]) -> list[bytes]:
        if self._is_closed:
            raise BackendError("used after it was closed")
        check_inputs(inputs, self._limits)
        return [_vector(tokens) for tokens in inputs]

    def close(self) -> None:
        self._is_closed = True


def _vector(tokens: Sequence[int]) -> bytes:
    counts = array("f", [0.0] * WIDTH)
    for token in tokens:
        if token >= _BYTES:
            counts[(token - _BYTES) % WIDTH] += 1
    return counts.tobytes()
