"""A step's turns as one batch, and what came of it, proved to belong. Not for running it."""

from collections.abc import Iterable
from collections.abc import Sequence as List
from uuid import UUID

from inference.engine.backend import BackendError, Chosen, Chunk
from inference.engine.scheduler import Turn


def chunk_of(turn: Turn) -> Chunk:
    sequence = turn.sequence
    slot = sequence.held_slot
    start = len(slot.tokens)
    placed = sequence.span_at(start)
    return Chunk(
        sequence=sequence.id,
        slot=slot.index,
        start=start,
        tokens=[*sequence.tokens[start : start + turn.token_count], *turn.guesses],
        sampler=sequence.sampler if turn.token_count == sequence.unread_count else None,
        drafted=len(turn.guesses),
        span=None if placed is None else placed[1],
        span_offset=0 if placed is None else start - placed[0],
    )


def computations(batch: Iterable[Chunk]) -> int:
    """How many computations a batch over separate streams falls apart into.

    Each takes neighbouring slots, and of every one of them equally many tokens.
    """
    left = {chunk.slot: len(chunk.tokens) for chunk in batch}
    count = 0
    while left:
        slot = min(left)
        together = [slot]
        while (slot := slot + 1) in left:
            together.append(slot)
        taken = min(left[slot] for slot in together)
        for slot in together:
            left[slot] -= taken
            if not left[slot]:
                del left[slot]
        count += 1
    return count


def by_sequence(chosen: List[Chosen], batch: List[Chunk]) -> dict[UUID, list[Chosen]]:
    """What was chosen, by sequence, each proved to be of its own row (B14).

    Behind a guess only when the guess was right, and then surely.
    """
    rows: dict[UUID, list[Chosen]] = {}
    for row in chosen:
        rows.setdefault(row.sequence, []).append(row)
    wanted = [chunk for chunk in batch if chunk.sampler is not None]
    if rows.keys() != {chunk.sequence for chunk in wanted}:
        raise BackendError("the rows of a batch do not belong to its sequences")
    for chunk in wanted:
        if not _are_of(chunk, rows[chunk.sequence]):
            raise BackendError("the rows of a batch do not belong to its sequences")
    return rows


def _are_of(chunk: Chunk, rows: List[Chosen]) -> bool:
    certain = len(chunk.tokens) - chunk.drafted
    guesses = chunk.tokens[certain:]
    right = 0
    while right < len(guesses) and right < len(rows) and rows[right].token == guesses[right]:
        right += 1
    places = [(row.slot, row.position) for row in rows]
    first = chunk.start + certain
    return places == [(chunk.slot, first + ahead) for ahead in range(right + 1)]
