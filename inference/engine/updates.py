"""What happened to a sequence in a step. The runner makes numbered events of them."""

from dataclasses import dataclass
from uuid import UUID

from inference.engine.replies.pieces import Kind
from inference.engine.sequence import Why
from inference.protocol import Stats, TokenLogprob, ToolCall


@dataclass(frozen=True, slots=True)
class Read:
    """How much of the prompt is in the slot, what was found there included."""

    generation_id: UUID
    read_tokens: int
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Said:
    """`text` may be empty where only `logprobs` are news."""

    generation_id: UUID
    text: str
    kind: Kind = "answer"
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Called:
    generation_id: UUID
    call: ToolCall


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of the inputs from number `first` on, each as little-endian float32."""

    generation_id: UUID
    first: int
    vectors: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    generation_id: UUID
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Over:
    """`detail` is one of `protocol.DETAILS` when `why` is failed; `words` may say more.

    `context` are the tokens of prompt and answer, where they are wanted.
    """

    generation_id: UUID
    why: Why
    detail: str
    stats: Stats
    words: str = ""
    context: tuple[int, ...] = ()


Update = Read | Said | Called | Embedded | Scored | Over
