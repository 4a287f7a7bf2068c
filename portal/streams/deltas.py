"""Entries of an event stream made into steps for whoever shows them. Not for waiting: events.py."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from inference import protocol
from portal.streams.transcript import Entry, placed, read_event


class Delta(Struct, frozen=True, kw_only=True):
    """Events `first` to `last` of one attempt, as one step for whoever shows them."""

    attempt: int
    first: int
    last: int
    text: str = ""
    thinking: str = ""
    state: Literal["reading", "writing"] | None = None
    read_fraction: float | None = None
    logprobs: tuple[protocol.TokenLogprob, ...] = ()
    calls: tuple[protocol.ToolCall, ...] = ()
    results: tuple[protocol.Vectors | protocol.Scores, ...] = ()
    end: protocol.End | None = None

    def and_then(self, later: "Delta") -> "Delta":
        """Both as one. A later attempt makes this one void."""
        if later.attempt != self.attempt:
            return later
        return Delta(
            attempt=self.attempt,
            first=self.first,
            last=later.last,
            text=self.text + later.text,
            thinking=self.thinking + later.thinking,
            state=later.state or self.state,
            read_fraction=later.read_fraction if later.state else self.read_fraction,
            logprobs=self.logprobs + later.logprobs,
            calls=self.calls + later.calls,
            results=self.results + later.results,
            end=later.end,
        )


def deltas(entries: Iterable[Entry], *, after: tuple[int, int]) -> list[Delta]:
    """Entries in order as the fewest deltas: one an attempt."""
    found: list[Delta] = []
    place = after
    for entry_id, fields in entries:
        event = read_event(fields)
        attempt, number = placed(entry_id, event, after=place)
        place = (attempt, number)
        delta = _delta(attempt, number, event)
        if found and found[-1].attempt == attempt:
            found[-1] = found[-1].and_then(delta)
        else:
            found.append(delta)
    return found


def _delta(attempt: int, number: int, event: protocol.Event | None) -> Delta:
    match event:
        case protocol.Piece(text=text, kind=kind, logprobs=logprobs):
            is_thinking = kind == "thinking"
            return Delta(
                attempt=attempt,
                first=number,
                last=number,
                text="" if is_thinking else text,
                thinking=text if is_thinking else "",
                state="writing",
                logprobs=logprobs,
            )
        case protocol.Called(call=call):
            return Delta(attempt=attempt, first=number, last=number, state="writing", calls=(call,))
        case protocol.Vectors() | protocol.Scores():
            return Delta(
                attempt=attempt, first=number, last=number, state="writing", results=(event,)
            )
        case protocol.Reading():
            fraction = event.read_tokens / event.prompt_tokens if event.prompt_tokens else None
            return Delta(
                attempt=attempt,
                first=number,
                last=number,
                state="reading",
                read_fraction=None if fraction is None else min(fraction, 1.0),
            )
        case protocol.Taken():
            # Number 0 is the portal's own mark that the attempt was given up: waiting again.
            state: Literal["reading"] | None = "reading" if number else None
            return Delta(attempt=attempt, first=number, last=number, state=state)
        case _:
            return Delta(attempt=attempt, first=number, last=number, end=event)
