"""Ends that are no good ends, as a client is told them. Not for ends of whole answers."""

import re

from inference import protocol
from portal.api.errors import BUSY, BUSY_RETRY_SECONDS, CONTEXT_CODE, Refused, too_long
from portal.api.go import gojson

_KEPT = "the answer is not complete"
_DETAILS: dict[str, tuple[int, str]] = {
    "expired": (503, BUSY),
    "template": (500, "the model's chat template cannot write these messages"),
    "no-room": (503, BUSY),
    "engine": (500, "the model could not compute this request"),
    "died": (500, f"the model stopped working in mid-answer; {_KEPT}"),
    "image": (400, "an image cannot be read"),
    "format": (400, "the wanted format cannot be kept to"),
    # Not a server error to the client: those it repeats, and this must not be repeated.
    "quarantined": (400, "this request made the model stop working twice; do not repeat it"),
    "out-of-memory": (400, "this request used up the machine's memory twice; make it smaller"),
    "device-lost": (503, "the graphics card was lost; an administrator must look at it"),
    "unloadable": (500, "the model cannot be loaded; an administrator must look at it"),
    "lost": (500, f"the answer was lost on its way; {_KEPT}"),
}


def refusal_of_end(end: protocol.End) -> Refused | None:
    """None when the answer is whole: only then may its stream end with a closing mark."""
    if end.why in ("done", "length"):
        return None
    if end.why == "stopped":
        return Refused(status=499, message="request canceled")
    if end.detail == "too-long":
        return _of_engine(end.words) if end.words else too_long()
    status, message = _DETAILS.get(end.detail, (500, f"the model failed; {_KEPT}"))
    if end.detail == "template" and end.words:
        message = end.words  # what the template's language says of itself, as clients know it
    elif end.words:
        message = f"{message}: {end.words}"
    retry = BUSY_RETRY_SECONDS if status == 503 else None
    return Refused(status=status, message=message, retry_after_seconds=retry)


def _of_engine(words: str) -> Refused:
    """What llama.cpp's server answers itself, which Ollama passes on as the text that it is."""
    counts = map(int, re.findall(r"\((\d+) tokens\)", words))
    error = {
        "code": 400,
        "message": words,
        "type": "exceed_context_size_error",
        **dict(zip(("n_prompt_tokens", "n_ctx"), counts, strict=False)),
    }
    return Refused(status=400, message=gojson.dumps({"error": error}), code=CONTEXT_CODE)
