"""Who had better wait a moment: for what another is just reading, or having made. Pure.

Not for who may be given whose memory; `slots.py` moves it once it has been read.
"""

from collections.abc import Iterable
from collections.abc import Sequence as List

from inference.engine.grammar.compiling import Making
from inference.engine.sequence import Sequence
from inference.engine.slots import WORTH_MOVING_TOKENS


def is_being_read(sequence: Sequence, running: Iterable[Sequence], *, known: int) -> bool:
    """Whether one who runs will soon have read much more of it than the `known` first tokens.

    Only of one's own, or what was published, and never behind those who are served later.
    """
    return any(
        _shared(sequence, other) - max(known, other.held_count) >= WORTH_MOVING_TOKENS
        for other in running
        if other.is_reading and other.lane <= sequence.lane and not other.is_suspect
    )


def is_behind_own(sequence: Sequence, waiting: Iterable[Sequence]) -> bool:
    """Whether a grammar is being made for the same person: that is done one at a time (F7)."""
    if sequence.request.format is None or sequence.tokens:
        return False
    return any(other.is_being_made and other.person == sequence.person for other in waiting)


def grammars(waiting: Iterable[Sequence]) -> list[Making]:
    """What is still being made that one of these waits for."""
    return [s.grammar for s in waiting if s.grammar is not None and s.is_being_made]


def _shared(one: Sequence, other: Sequence) -> int:
    """How many tokens both begin with that one may be given of the other."""
    count = min(len(one.tokens) - 1, other.prompt_length)
    if one.person != other.person:
        count = min(count, one.shared_count, other.shared_count)
    return common_length(one.tokens[:count], other.tokens[:count])


def common_length(one: List[int], other: List[int]) -> int:
    if one == other:
        return len(one)
    pairs = zip(one, other, strict=False)
    return next(
        (at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other))
    )
