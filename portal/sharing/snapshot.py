"""What a reader of a shared conversation sees: the shown branch, as it was at that moment.

Questions, answers and which model gave them; neither thoughts nor ratings, nor other branches.
Reads rows, writes none.
"""

import datetime
from typing import Any

import msgspec
from msgspec import Struct

from portal.chat import frames
from portal.chat.models import Conversation
from portal.exchange.tree import Turn as Branch
from portal.exchange.tree import shown_branch, tree_of
from portal.files.queries import files_of
from portal.sharing.errors import NothingToShare, StillWriting, TooLong

MAX_TURNS = 2_000
MAX_CHARS = 4_000_000


class Answer(Struct, frozen=True, kw_only=True):
    model_name: str
    text: str
    state: str
    reason: str


class Turn(Struct, frozen=True, kw_only=True):
    """`files`: what went with the question was called so. Their bytes stay their owner's."""

    question: str
    asked_at: datetime.datetime
    answer: Answer | None
    files: list[str] = []


def taken(conversation: Conversation) -> list[dict[str, Any]]:
    """As it is stored."""
    branch = shown_branch(tree_of(conversation))
    if not branch:
        raise NothingToShare
    if any(turn.answer is not None and not turn.answer.is_over for turn in branch):
        raise StillWriting
    turns = [_turn(each) for each in branch]
    chars = sum(len(each.question) + len(each.answer.text if each.answer else "") for each in turns)
    if len(turns) > MAX_TURNS or chars > MAX_CHARS:
        raise TooLong
    stored: list[dict[str, Any]] = msgspec.to_builtins(turns)
    return stored


def shown(stored: object) -> list[Turn]:
    return msgspec.convert(stored, list[Turn])


def _turn(turn: Branch) -> Turn:
    answer = turn.answer
    return Turn(
        question=turn.message.text,
        asked_at=turn.message.created_at,
        files=[file.name for file in files_of(turn.message)],
        answer=None
        if answer is None
        else Answer(
            model_name=answer.model_name,
            text=answer.text,
            state=frames.state_word(answer),
            reason=answer.reason,
        ),
    )
