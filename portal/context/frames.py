"""What a tab may ask about a model's view of a conversation, and what it is told. Closed lists."""

from typing import Literal
from uuid import UUID

from portal.chat.vocabulary import Asked, Name, Told

Because = Literal["", "full", "cleared"]


class LookAtContext(Asked, frozen=True, kw_only=True, tag="context.look"):
    """For the shown branch; `model_name` is who would answer next."""

    conversation_id: UUID
    model_name: Name


class ClearContext(Asked, frozen=True, kw_only=True, tag="context.clear"):
    """Up to the end of the shown branch, as it is now."""

    conversation_id: UUID


class RestoreContext(Asked, frozen=True, kw_only=True, tag="context.restore"):
    generation_id: UUID


Command = LookAtContext | ClearContext | RestoreContext


class ContextFrame(Told, frozen=True, kw_only=True, tag="context"):
    """How full the window is, and where the model's view begins.

    `used_tokens` were read and written by the newest answer. `begins_with` is the first message in
    view, None for the next one to be sent; `because` is empty when all of it is in view.
    `hidden_messages` are questions and answers above. `cleared_at` is the answer behind which the
    person cut. `chars_a_token` is measured in this conversation, 0 where nothing is known yet.
    """

    conversation_id: UUID
    window_tokens: int
    used_tokens: int
    because: Because
    begins_with: UUID | None
    hidden_messages: int
    cleared_at: UUID | None
    chars_a_token: float


Frame = ContextFrame
