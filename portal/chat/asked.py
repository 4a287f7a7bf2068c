"""What a tab may ask: one class a command. Not for doing it: commands.py acts."""

from typing import Annotated, Literal, get_args
from uuid import UUID

from msgspec import Meta

from portal.chat.ratings import Reason
from portal.chat.vocabulary import Asked, AskedByPage, Name, Number, Words
from portal.files.limits import MAX_FILES_A_QUESTION
from portal.presets.chosen import Chosen

# One more than may go with a question, so that too many are told so in a sentence.
Files = Annotated[tuple[UUID, ...], Meta(max_length=MAX_FILES_A_QUESTION + 1)]


class Hello(Asked, frozen=True, kw_only=True, tag="hello"):
    pass


class ListConversations(AskedByPage, frozen=True, kw_only=True, tag="conversations.list"):
    pass


class OpenConversation(Asked, frozen=True, kw_only=True, tag="conversation.open"):
    """Its newest questions; with `before`, a message of it, those that led there."""

    conversation_id: UUID
    before: UUID | None = None


class RenameConversation(Asked, frozen=True, kw_only=True, tag="conversation.rename"):
    conversation_id: UUID
    title: Words


class DeleteConversation(Asked, frozen=True, kw_only=True, tag="conversation.delete"):
    conversation_id: UUID


class SendMessage(Asked, frozen=True, kw_only=True, tag="message.send"):
    conversation_id: UUID | None
    text: Words
    client_key: UUID
    model_name: Name
    # The answer that the tab shows last; None: whatever is last.
    after: UUID | None = None
    # Taken although an answer is being written: it is asked when that one is there.
    may_wait: bool = False
    # What a new conversation is set to; one that is there has its own.
    settings: Chosen | None = None
    # Hers, and ready; with some of them the text may be empty.
    files: Files = ()


class EditMessage(Asked, frozen=True, kw_only=True, tag="message.edit"):
    message_id: UUID
    text: Words
    client_key: UUID
    model_name: Name
    # Those of the old version stay with it; the new one has these.
    files: Files = ()


class ShowMessage(Asked, frozen=True, kw_only=True, tag="message.show"):
    message_id: UUID


class CancelNext(Asked, frozen=True, kw_only=True, tag="next.cancel"):
    next_id: UUID


class SendNext(Asked, frozen=True, kw_only=True, tag="next.send"):
    next_id: UUID
    model_name: Name


class StopGeneration(Asked, frozen=True, kw_only=True, tag="generation.stop"):
    generation_id: UUID


class RetryGeneration(Asked, frozen=True, kw_only=True, tag="generation.retry"):
    generation_id: UUID
    client_key: UUID
    model_name: Name | None = None


class ContinueGeneration(Asked, frozen=True, kw_only=True, tag="generation.continue"):
    generation_id: UUID
    client_key: UUID


class ShowGeneration(Asked, frozen=True, kw_only=True, tag="generation.show"):
    generation_id: UUID


class RateGeneration(Asked, frozen=True, kw_only=True, tag="generation.rate"):
    """`verdict` None takes an earlier rating back."""

    generation_id: UUID
    verdict: Literal["good", "bad"] | None
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=len(get_args(Reason)))] = ()
    note: Words = ""


class Follow(Asked, frozen=True, kw_only=True, tag="follow"):
    generation_id: UUID
    attempt: Number
    number: Number


class Unfollow(Asked, frozen=True, kw_only=True, tag="unfollow"):
    generation_id: UUID


class Ping(Asked, frozen=True, kw_only=True, tag="ping"):
    pass


Command = (
    Hello
    | ListConversations
    | OpenConversation
    | RenameConversation
    | DeleteConversation
    | SendMessage
    | EditMessage
    | ShowMessage
    | CancelNext
    | SendNext
    | StopGeneration
    | RetryGeneration
    | ContinueGeneration
    | ShowGeneration
    | RateGeneration
    | Follow
    | Unfollow
    | Ping
)
