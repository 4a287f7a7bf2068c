"""A conversation as a whole, in memory: every question, every answer, and the branch that is shown.

For what copies conversations: exports and shared snapshots. The page never needs all of it at once
and reads stretches (portal/chat/branches.py). Few queries, whatever the length; asks no rights.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import prefetch_related_objects

from portal.chat.branches import last_answer
from portal.chat.models import Conversation, Generation, Message
from portal.files.queries import ATTACHED

_MESSAGES_A_READ = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """`answers` by the id of their question, oldest first, as `messages` are."""

    conversation: Conversation
    messages: Sequence[Message]
    answers: Mapping[UUID, Sequence[Generation]]

    def answered(self) -> Iterator[tuple[Message, Generation]]:
        """Every answer with its question."""
        for message in self.messages:
            for answer in self.answers[message.id]:
                yield message, answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question, and the answer that the branch goes on from."""

    message: Message
    answer: Generation | None


def tree_of(conversation: Conversation) -> Tree:
    messages = list(conversation.messages.order_by("created_at", "id"))
    # In lots, for SQLite takes no more than some ten thousand values in a statement.
    for start in range(0, len(messages), _MESSAGES_A_READ):
        prefetch_related_objects(messages[start : start + _MESSAGES_A_READ], ATTACHED)
    answers: dict[UUID, list[Generation]] = {message.id: [] for message in messages}
    found = Generation.objects.filter(message__conversation=conversation).defer("request")
    for answer in found.order_by("created_at", "id"):
        if answer.message_id in answers:
            answers[answer.message_id].append(answer)
    return Tree(conversation=conversation, messages=messages, answers=answers)


def shown_branch(tree: Tree) -> list[Turn]:
    """What the page shows when the conversation is opened, oldest first."""
    by_answer = {answer.id: (message, answer) for message, answer in tree.answered()}
    end = last_answer(tree.conversation)
    answer_id = end.id if end else None
    turns: list[Turn] = []
    while answer_id is not None and answer_id in by_answer:
        message, answer = by_answer.pop(answer_id)
        turns.append(Turn(message=message, answer=answer))
        answer_id = message.after_id
    return list(reversed(turns))
