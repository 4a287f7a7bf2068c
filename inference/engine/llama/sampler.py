"""Chooses the tokens of one sequence with llama.cpp's samplers. Not for the order of stages.

A recipe has that order. Where a format is wanted, a token is drawn freely first and only drawn
again among those that fit when it does not, as llama.cpp's server does: nearly all fit anyway.
"""

import ctypes
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from inference.engine import sampling
from inference.engine.grammar.constraint import Broken, Constraint
from inference.engine.grammar.tokens import MAX_WORK
from inference.engine.grammar.walking import TooManyWays
from inference.engine.llama.library import lib
from inference.engine.llama.logprobs import token_logprob
from inference.engine.llama.vocabulary import LlamaVocabulary
from inference.protocol import TokenLogprob

_KEPT_CANDIDATES = 1
_CANDIDATE = numpy.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])
# How far down the list of likely tokens to look for those that fit, before looking at all of them:
# that takes long only where very many fit, and there some of these do.
_LIKELY = 512
_LIKELY_OF_ALL = 4_096
_NEVER = float("-inf")

Logits = NDArray[numpy.float32]
Ids = NDArray[numpy.int64]


class Pick(NamedTuple):
    """`fault` names what made it impossible to choose; the token means nothing then."""

    token: int
    logprobs: TokenLogprob | None = None
    fault: str = ""


class LlamaSampler:
    """A chain of llama.cpp's samplers; freed once."""

    def __init__(
        self,
        recipe: sampling.Recipe,
        *,
        vocabulary: LlamaVocabulary,
        logprobs: int | None = None,
        constraint: Constraint | None = None,
    ) -> None:
        self._vocabulary = vocabulary
        self._logprobs = logprobs
        self._constraint = constraint
        self._top = _top(recipe)
        # Then the chain would only look for the largest number, ten times as long as numpy does.
        self._is_greedy = recipe == (sampling.Greedy(),) and not vocabulary.suppressed
        self._recent: deque[int] = deque(maxlen=_remembered(recipe))
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        if vocabulary.suppressed:
            lib.llama_sampler_chain_add(self._chain, _suppressing(vocabulary))
        for stage in recipe:
            lib.llama_sampler_chain_add(self._chain, _stage(stage, size=vocabulary.size))

    def accept(self, tokens: Sequence[int]) -> None:
        """These stand before what it is to choose."""
        newest = tokens[len(tokens) - (self._recent.maxlen or 0) :]
        known = [token for token in newest if token >= 0]  # pictures say nothing again
        self._recent.extend(known)
        for token in known:
            lib.llama_sampler_accept(self._chain, token)

    def sample(self, context: Any, row: int) -> Pick:
        """The token for a row of the last batch. One after the other: each remembers the last."""
        if self._constraint is None and self._logprobs is None and not self._is_greedy:
            return Pick(int(lib.llama_sampler_sample(self._chain, context, row)))
        found = lib.llama_get_logits_ith(context, row)
        logits: Logits = numpy.ctypeslib.as_array(found, (self._vocabulary.size,))
        try:
            token = self._chosen(logits)
        except (TooManyWays, Broken):
            token = None
        if token is None:
            return Pick(0, fault="format")
        lib.llama_sampler_accept(self._chain, token)
        self._recent.append(token)
        if self._logprobs is None:
            return Pick(token)
        return Pick(token, token_logprob(token, logits, top=self._logprobs, of=self._vocabulary))

    def close(self) -> None:
        chain, self._chain = self._chain, None
        if chain is not None:
            lib.llama_sampler_free(chain)

    def _chosen(self, logits: Logits) -> int | None:
        """None when nothing fits the wanted format."""
        token = self._drawn(logits)
        constraint = self._constraint
        if constraint is None:
            return token
        if not self._fits(constraint, token):
            fitting = self._fitting(constraint, logits)
            if not len(fitting):
                return None
            token = self._drawn(logits[fitting], ids=fitting)
        if token not in self._vocabulary.ends:
            constraint.advance(self._bytes(constraint, token))
        return token

    def _drawn(self, logits: Logits, *, ids: Ids | None = None) -> int:
        """One of all tokens, or of those with these ids."""
        if self._is_greedy:
            best = int(logits.argmax())
            return best if ids is None else int(ids[best])
        candidates = numpy.zeros(len(logits), dtype=_CANDIDATE)
        candidates["id"] = numpy.arange(len(logits)) if ids is None else ids
        candidates["logit"] = logits
        array = lib.llama_token_data_array(
            data=candidates.ctypes.data_as(lib.llama_token_data_p),
            size=len(logits),
            selected=-1,
            sorted=False,
        )
        lib.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)

    def _fits(self, constraint: Constraint, token: int) -> bool:
        if token in self._vocabulary.ends:
            return constraint.is_complete
        return constraint.fits(self._bytes(constraint, token))

    def _fitting(self, constraint: Constraint, logits: Logits) -> Ids:
        """The tokens to draw from: all that fit, or those of them that the chain would reach."""
        likely = self._likeliest(constraint, logits)
        if likely is not None:
            return numpy.asarray(likely, dtype=numpy.int64)
        found = list(self._vocabulary.tokens.fitting(constraint.walk, constraint.frontier))
        found.extend(token for token in constraint.marks if self._fits(constraint, token))
        if constraint.is_complete:
            found.extend(self._vocabulary.ends)
        return numpy.asarray(found, dtype=numpy.int64)

    def _likeliest(self, constraint: Constraint, logits: Logits) -> list[int] | None:
        """As many as top-k leaves, counted without those that penalties may have moved.

        Where it leaves more than we look for, or all, any that fit among thousands have to do.
        """
        is_small = 0 < self._top <= _LIKELY // 2
        limit = constraint.walk.work + MAX_WORK
        recent = set(self._recent)
        found = [token for token in recent if self._fits(constraint, token)]
        count = 0
        for token in _best(logits, _LIKELY if is_small else _LIKELY_OF_ALL):
            if constraint.walk.work > limit:
                return found or None
            if token not in recent and self._fits(constraint, token):
                found.append(token)
                count += 1
                if is_small and count == self._top:
                    return found
        return None if is_small or not count else found

    def _bytes(self, constraint: Constraint, token: int) -> bytes:
        return constraint.marks.get(token) or self._vocabulary.piece(token)


def _best(logits: Logits, count: int) -> list[int]:
    """The tokens with the greatest logits, greatest first."""
    if count == 0:
        return []
    if len(logits) > count:
        best = numpy.argpartition(logits, len(logits) - count)[-count:]
    else:
        best = numpy.arange(len(logits))
    ordered: list[int] = best[numpy.argsort(-logits[best], kind="stable")].tolist()
    return ordered


def _top(recipe: sampling.Recipe) -> int:
    """How many of the likeliest tokens the last stage can choose from; 0 means any."""
    for stage in recipe:
        if isinstance(stage, sampling.TopK):
            return stage.tokens
        if isinstance(stage, sampling.Greedy):
            return 1
    return 0


def _remembered(recipe: sampling.Recipe) -> int:
    return max((s.last_tokens for s in recipe if isinstance(s, sampling.Penalties)), default=0)


def _suppressing(vocabulary: LlamaVocabulary) -> Any:
    """Tokens that the model's own file says must never be said."""
    biases = (lib.llama_logit_bias * len(vocabulary.suppressed))()
    for at, token in enumerate(vocabulary.suppressed):
        biases[at] = lib.llama_logit_bias(token=token, bias=_NEVER)
    return lib.llama_sampler_init_logit_bias(vocabulary.size, len(biases), biases)


def _stage(stage: sampling.Stage, *, size: int) -> Any:  # noqa: C901 - one line a stage
    match stage:
        case sampling.Penalties(last_tokens=last, repeat=repeat, frequency=often, presence=there):
            return lib.llama_sampler_init_penalties(size, last, repeat, often, there)
        case sampling.TopK(tokens):
            return lib.llama_sampler_init_top_k(tokens)
        case sampling.Typical(mass):
            return lib.llama_sampler_init_typical(mass, _KEPT_CANDIDATES)
        case sampling.TopP(mass):
            return lib.llama_sampler_init_top_p(mass, _KEPT_CANDIDATES)
        case sampling.MinP(share):
            return lib.llama_sampler_init_min_p(share, _KEPT_CANDIDATES)
        case sampling.Temperature(value):
            return lib.llama_sampler_init_temp(value)
        case sampling.Draw(seed):
            return lib.llama_sampler_init_dist(seed)
        case sampling.Greedy():
            return lib.llama_sampler_init_greedy()
