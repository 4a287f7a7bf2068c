"""Numbers out of what clients saw: percentiles, medians, ratios. Measures nothing itself."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One streamed answer as its client saw it; all times in seconds.

    `gaps` lie between pieces that were shown, `pieces_at` is when each came, on the client's clock.
    """

    text: str
    first: float
    pieces_at: tuple[float, ...]
    tokens: int
    prompt_tokens: int
    is_later_turn: bool = False

    @property
    def gaps(self) -> list[float]:
        return [late - soon for soon, late in zip(self.pieces_at, self.pieces_at[1:], strict=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one run of one work on one server came to. None where there is nothing to tell.

    `more` holds what only some works have, and seconds of processor time by who spent them.
    """

    answers: int
    errors: int
    tokens: int
    prompt_tokens: int
    seconds: float
    tokens_per_second: float
    first_p50: float | None
    first_p95: float | None
    later_p50: float | None
    later_p95: float | None
    gap_p50: float | None
    gap_p95: float | None
    gap_worst: float | None
    more: dict[str, float] = field(default_factory=dict)

    def value(self, name: str) -> float | None:
        if name in self.more:
            return self.more[name]
        found = getattr(self, name, None)
        return None if found is None else float(found)


def figures_of(
    answers: Sequence[Answer], *, errors: int, seconds: float, more: dict[str, float] | None = None
) -> Figures:
    firsts = [answer.first for answer in answers]
    later = [answer.first for answer in answers if answer.is_later_turn]
    gaps = [gap for answer in answers for gap in answer.gaps]
    tokens = sum(answer.tokens for answer in answers)
    return Figures(
        answers=len(answers),
        errors=errors,
        tokens=tokens,
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        seconds=round(seconds, 3),
        tokens_per_second=round(tokens / seconds, 2) if seconds else 0.0,
        first_p50=percentile(firsts, 0.5),
        first_p95=percentile(firsts, 0.95),
        later_p50=percentile(later, 0.5),
        later_p95=percentile(later, 0.95),
        gap_p50=percentile(gaps, 0.5),
        gap_p95=percentile(gaps, 0.95),
        gap_worst=percentile(gaps, 1.0),
        more=more or {},
    )


def percentile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least `share` of them do not exceed; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    rank = max(1, math.ceil(share * len(ordered)))
    return round(ordered[rank - 1], 4)


def median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(ours: float | None, theirs: float | None) -> float | None:
    if ours is None or theirs is None or theirs == 0:
        return None
    return ours / theirs
