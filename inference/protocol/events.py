"""What a runner says while it works on a request, one event at a time. Not for deaths."""

from typing import Annotated, Literal

from msgspec import Meta

from inference.protocol.plain import (
    MAX_INPUTS,
    MAX_TOP_LOGPROBS,
    Count,
    Name,
    Plain,
    ShortText,
    Text,
    Tokens,
)
from inference.protocol.requests import ToolCall


class Stats(Plain, frozen=True, kw_only=True):
    """Counts in tokens, durations in nanoseconds, defined as Ollama defines them.

    `prompt_tokens` includes the `cached_tokens` that were not computed again. `read_messages` is
    how many of the newest messages were read, those of the system aside, where older ones had to be
    left out; 0: all of them. `document_chars` is how long the documents in those messages are, and
    `cut_chars` how much of that was left out, for want of room. `thinking_ns` is from the first
    thought to the first word.
    """

    prompt_tokens: Count = 0
    cached_tokens: Count = 0
    answer_tokens: Count = 0
    load_ns: Count = 0
    prompt_ns: Count = 0
    answer_ns: Count = 0
    read_messages: Count = 0
    document_chars: Count = 0
    cut_chars: Count = 0
    thinking_ns: Count = 0


class Taken(Plain, tag="taken", frozen=True, kw_only=True):
    """A runner begins with the request. Always the first event of an attempt."""

    runner: Name


class Reading(Plain, tag="reading", frozen=True, kw_only=True):
    """How much of the prompt is in the KV cache, in tokens."""

    read_tokens: Count
    prompt_tokens: Count


class Alternative(Plain, frozen=True, kw_only=True):
    """A token that might have been said: text, natural logarithm of its probability, its bytes."""

    token: ShortText
    logprob: Annotated[float, Meta(le=0)]
    data: Annotated[bytes, Meta(max_length=4_000)] = b""


class TokenLogprob(Plain, frozen=True, kw_only=True):
    """The token that was said, and the likeliest ones at that place, likeliest first."""

    token: ShortText
    logprob: Annotated[float, Meta(le=0)]
    data: Annotated[bytes, Meta(max_length=4_000)] = b""
    top: Annotated[tuple[Alternative, ...], Meta(max_length=MAX_TOP_LOGPROBS)] = ()


class Piece(Plain, tag="piece", frozen=True, kw_only=True):
    """Some text of the answer. `kind` tells thinking from answer.

    `logprobs` are of the tokens since the last piece; the text may be empty while it is held back.
    """

    text: Text
    kind: Literal["answer", "thinking"] = "answer"
    logprobs: tuple[TokenLogprob, ...] = ()


class Called(Plain, tag="called", frozen=True, kw_only=True):
    """The model calls a tool; a whole call, never a part of one."""

    call: ToolCall


class Vectors(Plain, tag="vectors", frozen=True, kw_only=True):
    """Embeddings of the inputs from number `first` on, each as little-endian float32."""

    first: Count
    vectors: Annotated[tuple[bytes, ...], Meta(max_length=MAX_INPUTS)]


class Scores(Plain, tag="scores", frozen=True, kw_only=True):
    """How well each input fits the query, in their order; higher is better."""

    scores: Annotated[tuple[float, ...], Meta(max_length=MAX_INPUTS)]


class End(Plain, tag="end", frozen=True, kw_only=True):
    """The attempt is over. `detail` is one of `DETAILS` when `why` is failed or interrupted.

    `words` may say more about it to whoever asked, in plain English and without her own text.
    `context` are the tokens of prompt and answer, where the request wanted them.
    """

    why: Literal["done", "length", "stopped", "failed", "interrupted"]
    detail: Annotated[str, Meta(max_length=64)] = ""
    words: Annotated[str, Meta(max_length=200)] = ""
    stats: Stats | None = None
    context: Tokens = ()


Event = Taken | Reading | Piece | Called | Vectors | Scores | End

DETAILS = (
    "too-long",  # the prompt does not fit in the context
    "expired",  # nobody took it before its deadline
    "template",  # the chat template refused or ran away
    "format",  # the wanted format cannot be kept to
    "image",  # a picture cannot be read, or this model sees none
    "embedding",  # an input is too long, or its vector is not finite
    "no-room",  # memory for this sequence could not be had
    "engine",  # the engine refused this request; others go on
    "died",  # the runner died, killed from outside
    "quarantined",  # the runner died twice with this request in its batch
    "out-of-memory",  # the same, and each time the memory had run out
    "unloadable",  # the model cannot be loaded
    "device-lost",  # the accelerator it runs on does not answer
    "lost",  # the lease ran out, or Redis lost the stream
)
