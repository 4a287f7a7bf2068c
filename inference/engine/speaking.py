"""From a chosen token to what people read. Not for choosing it, nor for memory."""

from collections.abc import Iterable
from typing import NamedTuple

from inference.engine.backend import Chosen, Limits, Vocabulary
from inference.engine.replies.pieces import Part
from inference.engine.sequence import Sequence, Why
from inference.engine.updates import Called, Over, Said, Update
from inference.protocol import TokenLogprob


class Ending(NamedTuple):
    """How an answer ends. `detail` is one of `protocol.DETAILS` when it has failed."""

    why: Why
    detail: str = ""
    words: str = ""


def say(
    sequence: Sequence, chosen: Chosen, *, vocabulary: Vocabulary, limits: Limits
) -> tuple[list[Update], Ending | None]:
    """What this token lets people read, and how the answer ends with it, if it does."""
    if chosen.fault:
        return [], Ending("failed", chosen.fault)
    sequence.said_count += 1
    sequence.tokens.append(chosen.token)
    if vocabulary.is_end(chosen.token):
        return [], Ending("done")
    piece = vocabulary.piece(chosen.token)
    mark = sequence.marks.get(chosen.token)
    text = sequence.text.feed(piece) if mark is None else sequence.text.feed_mark(mark)
    updates = _said(
        sequence,
        sequence.splitter.feed(text),
        logprobs=_told(sequence, chosen, text=text),
    )
    if sequence.text.is_stopped:
        return updates, Ending("done")
    return updates, _limit(sequence, piece, limits=limits)


def so_far(sequence: Sequence) -> list[Update]:
    """What earlier attempts said, once: who follows this attempt has only its own events."""
    if sequence.is_so_far_told or not sequence.request.so_far:
        return []
    sequence.is_so_far_told = True
    return [Said(sequence.id, sequence.request.so_far)]


def end(
    sequence: Sequence, ending: "Ending", *, now: float, vocabulary: Vocabulary
) -> list[Update]:
    """All that is still to be said, and that it is over."""
    updates = [*so_far(sequence), *rest(sequence)]
    if sequence.shown:
        updates.append(Said(sequence.id, sequence.shown))
    context = sequence.context(begin=vocabulary.bos_token, is_end=vocabulary.is_end)
    why, detail, words = ending
    stats = sequence.stats(now=now)
    return [*updates, Over(sequence.id, why, detail, stats, words, context)]


def rest(sequence: Sequence) -> list[Update]:
    """What was held back, now that nothing follows."""
    return _said(sequence, sequence.rest(), logprobs=sequence.odds.rest())


def _limit(sequence: Sequence, piece: bytes, *, limits: Limits) -> Ending | None:
    is_full = len(sequence.tokens) + sequence.spare_cells >= limits.context_length
    is_stuck = sequence.repeats.count(piece, most=limits.most_repeats)
    # Who asked for so many tokens gets so many.
    is_enough = is_stuck if sequence.max_said is None else sequence.said_count == sequence.max_said
    return Ending("length") if is_full or is_enough else None


def _told(sequence: Sequence, chosen: Chosen, *, text: str) -> tuple[TokenLogprob, ...]:
    if chosen.logprobs is None:
        return ()
    sequence.odds.add(chosen.logprobs)
    return sequence.odds.told(
        text, is_holding=sequence.text.is_holding, is_stopped=sequence.text.is_stopped
    )


def _said(
    sequence: Sequence, parts: Iterable[Part], *, logprobs: tuple[TokenLogprob, ...]
) -> list[Update]:
    updates: list[Update] = []
    for part in parts:
        if part.call is not None:
            updates.append(Called(sequence.id, part.call))
        elif part.text:
            updates.append(Said(sequence.id, part.text, part.kind, logprobs))
            logprobs = ()
    if logprobs:
        updates.append(Said(sequence.id, "", logprobs=logprobs))
    return updates
