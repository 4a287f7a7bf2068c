"""Events that wait to be sent: which two say the same as one, and what they weigh. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from inference import protocol

MAX_PIECE_CHARS = 64 * 1024
MAX_PIECE_LOGPROBS = 64
LOGPROB_BYTES = 100
ENTRY_BYTES = 100  # what an event costs besides its text


@dataclass(frozen=True, slots=True, kw_only=True)
class HandBack:
    """Put an untouched request back where it was in the queue, for another runner."""

    queue: str
    score: float


Sendable = protocol.Event | HandBack


def merged(last: Sendable | None, event: Sendable) -> protocol.Event | None:
    """One event in place of two that were not sent yet, when that says the same."""
    if isinstance(last, protocol.Reading) and isinstance(event, protocol.Reading):
        return event
    if (
        isinstance(last, protocol.Piece)
        and isinstance(event, protocol.Piece)
        and last.kind == event.kind
        and len(last.text) + len(event.text) <= MAX_PIECE_CHARS
        and len(last.logprobs) + len(event.logprobs) <= MAX_PIECE_LOGPROBS
    ):
        return protocol.Piece(
            text=last.text + event.text, kind=event.kind, logprobs=last.logprobs + event.logprobs
        )
    return None


def joined(events: Iterable[Sendable]) -> list[Sendable]:
    """The same in as few events as can be."""
    fewer: list[Sendable] = []
    for event in events:
        both = merged(fewer[-1], event) if fewer else None
        if both is None:
            fewer.append(event)
        else:
            fewer[-1] = both
    return fewer


def size(event: Sendable) -> int:
    match event:
        case protocol.Piece(text=text, logprobs=logprobs):
            named = sum(1 + len(one.top) for one in logprobs)
            return ENTRY_BYTES + len(text) + named * LOGPROB_BYTES
        case protocol.Called(call=call):
            return ENTRY_BYTES + len(call.name) + len(call.arguments)
        case protocol.Vectors(vectors=vectors):
            return ENTRY_BYTES + 2 * sum(map(len, vectors))
        case _:
            return ENTRY_BYTES
