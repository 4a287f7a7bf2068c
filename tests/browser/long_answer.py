"""Run in the house: a conversation of one question and one answer that somebody had before.

python manage.py shell --no-imports -c "from tests.browser.long_answer import kept; …"
"""

from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import Person
from portal.chat.models import Conversation, Generation, Message, State

LINE = "let number = 1 + 2; // a line of a program that does not end\n"
CODE_CHARS = 1_000_000


def kept(email: str, text: str, **fields: Any) -> Conversation:
    """`fields` are of the answer."""
    person = Person.objects.get(email=email)
    with transaction.atomic():
        conversation = Conversation.objects.create(
            owner=person,
            title="A long answer",
            model_name="smollm2:135m",
            changed_at=timezone.now(),
        )
        message = Message.objects.create(
            conversation=conversation, author=person, text="Write it", client_key=uuid4()
        )
        conversation.shown = Generation.objects.create(
            owner=person,
            message=message,
            model_name="smollm2:135m",
            client_key=uuid4(),
            state=State.COMPLETE,
            text=text,
            ended_at=timezone.now(),
            **fields,
        )
        conversation.save()
    return conversation


def code() -> str:
    """What a program of a megabyte looks like, without its fence."""
    return (LINE * (CODE_CHARS // len(LINE) + 1))[: CODE_CHARS - 1] + "\n"
