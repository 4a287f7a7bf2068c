"""Conversations that were had before the test begins: rows, without anybody answering."""

import datetime
from uuid import uuid4

from django.utils import timezone

from portal.accounts.models import Person
from portal.chat.models import Conversation, Door, Generation, Message, State

MODEL = "scripted:latest"


def said(
    person: Person, *turns: tuple[str, str], title: str = "Plans", ago_minutes: float = 0
) -> Conversation:
    """A conversation of these questions and answers, begun and ended so long ago."""
    conversation = Conversation.objects.create(
        owner=person, title=title, model_name=MODEL, changed_at=timezone.now()
    )
    after = None
    for question, answer in turns:
        after = answered(conversation, question, answer, after=after)
    moment = timezone.now() - datetime.timedelta(minutes=ago_minutes)
    conversation.changed_at, conversation.shown = moment, after
    conversation.save(update_fields=["changed_at", "shown"])
    return conversation


def answered(
    conversation: Conversation, question: str, answer: str, *, after: Generation | None = None
) -> Generation:
    """One more question and its answer, behind that one."""
    message = Message.objects.create(
        conversation=conversation,
        author=conversation.owner,
        after=after,
        text=question,
        client_key=uuid4(),
    )
    return answered_again(message, answer)


def answered_again(message: Message, answer: str, *, state: State = State.COMPLETE) -> Generation:
    return Generation.objects.create(
        owner=message.author,
        door=Door.PAGE,
        message=message,
        model_name=MODEL,
        client_key=uuid4(),
        state=state,
        text=answer,
        ended_at=timezone.now(),
    )
