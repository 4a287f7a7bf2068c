"""How likely a token was, and which others were likelier or nearly so. Not for choosing.

As the model itself saw it, before temperature, penalties and all other stages, as Ollama tells it.
"""

import numpy
from numpy.typing import NDArray

from inference.engine.llama.vocabulary import LlamaVocabulary
from inference.protocol import Alternative, TokenLogprob

# What JSON can carry, where a token is impossible.
_LEAST = -9999.0
_MAX_TOKEN_CHARS = 4_000


def token_logprob(
    token: int, logits: NDArray[numpy.float32], *, top: int, of: LlamaVocabulary
) -> TokenLogprob:
    values = logits.astype(numpy.float64)
    values -= values.max()
    values -= numpy.log(numpy.exp(values).sum())
    likeliest = _likeliest(values, min(top, len(values)))
    data = of.piece(token)
    return TokenLogprob(
        token=_text(data),
        logprob=_bounded(values[token]),
        data=data[:_MAX_TOKEN_CHARS],
        top=tuple(_alternative(other, values, of=of) for other in likeliest),
    )


def _likeliest(values: NDArray[numpy.float64], count: int) -> list[int]:
    if count == 0:
        return []
    best = numpy.argpartition(values, len(values) - count)[-count:]
    ordered: list[int] = best[numpy.lexsort((best, -values[best]))].tolist()
    return ordered


def _alternative(token: int, values: NDArray[numpy.float64], *, of: LlamaVocabulary) -> Alternative:
    data = of.piece(token)
    return Alternative(
        token=_text(data), logprob=_bounded(values[token]), data=data[:_MAX_TOKEN_CHARS]
    )


def _bounded(value: float) -> float:
    """Also where the model computed nothing that can be compared."""
    return float(min(0.0, value)) if value > _LEAST else _LEAST


def _text(data: bytes) -> str:
    """A part of a character is shown as what stands for one that cannot be read."""
    return data[:_MAX_TOKEN_CHARS].decode("utf-8", "replace")
