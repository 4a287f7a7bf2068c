"""How likely tokens were: what a client asks, how each dialect is told. Not for computing it."""

from collections.abc import Sequence
from typing import Any

from inference import protocol
from portal.api.errors import Refused
from portal.api.go.goreading import Fields

MAX_TOP = 20

Entries = Sequence[protocol.TokenLogprob]


def wanted(fields: Fields) -> int | None:
    """How many alternatives to name with each token; None when nothing is asked."""
    top = fields.whole("top_logprobs") or 0
    must_be_in_range(top)
    return top if fields.flag("logprobs") else None


def must_be_in_range(top: int) -> None:
    if not 0 <= top <= MAX_TOP:
        raise Refused(status=400, message=f"top_logprobs must be between 0 and {MAX_TOP}")


def native(entries: Entries) -> dict[str, Any]:
    """The field, which is absent where there is nothing to say."""
    if not entries:
        return {}
    return {"logprobs": [_entry(entry) | _top(entry) for entry in entries]}


def openai(entries: Entries) -> dict[str, Any]:
    """Their clients expect every field of every entry."""
    if not entries:
        return {}
    content = [_full(entry) | {"top_logprobs": [*map(_full, entry.top)]} for entry in entries]
    return {"logprobs": {"content": content}}


def since(entries: Entries, text: str) -> tuple[protocol.TokenLogprob, ...]:
    """Those of the tokens at the end that said `text`."""
    left = len(text.encode("utf-8", "replace"))
    kept = len(entries)
    while kept and left >= len(entries[kept - 1].data) and left:
        kept -= 1
        left -= len(entries[kept].data)
    return tuple(entries[kept:])


def _entry(entry: protocol.TokenLogprob | protocol.Alternative) -> dict[str, Any]:
    written: dict[str, Any] = {"token": entry.token, "logprob": entry.logprob}
    return written | {"bytes": list(entry.data)} if entry.data else written


def _top(entry: protocol.TokenLogprob) -> dict[str, Any]:
    return {"top_logprobs": [*map(_entry, entry.top)]} if entry.top else {}


def _full(entry: protocol.TokenLogprob | protocol.Alternative) -> dict[str, Any]:
    return {"token": entry.token, "logprob": entry.logprob, "bytes": list(entry.data) or None}
