"""What happened to a sequence in a step. The runner makes numbered events of them."""

from dataclasses import dataclass
from uuid import UUID

from inference.engine.replies.pieces import Kind
from inference.engine.sequence import Why
from inference.protocol import Stats


@dataclass(frozen=True, slots=True)
class Read:
    """How much of the prompt is in the slot, what was found there included."""

    generation_id: UUID
    read_tokens: int
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Said:
    generation_id: UUID
    text: str
    kind: Kind = "answer"


@dataclass(frozen=True, slots=True)
class Over:
    """`detail` is one of `protocol.DETAILS` when `why` is failed."""

    generation_id: UUID
    why: Why
    detail: str
    stats: Stats


Update = Read | Said | Over
