"""Run in the house: a conversation of so many questions, all answered. Gives its id.

python manage.py shell --no-imports -c "from tests.browser.long_talk import talk; …"
"""

from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import Person
from portal.chat.models import Conversation, Generation, Message, State

ANSWER = """Number {number} is **answered** at some length, so that it has a height of its own.

1. one thing
2. and another, with `code` in it

It ends here, after {number} words of no weight.
"""


def talk(email: str, questions: int) -> Conversation:
    person = Person.objects.get(email=email)
    conversation = Conversation.objects.create(
        owner=person,
        title=f"A long talk of {questions}",
        model_name="smollm2:135m",
        changed_at=timezone.now(),
    )
    messages, answers, after = [], [], None
    for number in range(1, questions + 1):
        message = Message(
            conversation=conversation,
            author=person,
            text=f"Question number {number}",
            after=after,
            client_key=uuid4(),
        )
        after = Generation(
            owner=person,
            message=message,
            model_name="smollm2:135m",
            client_key=uuid4(),
            state=State.COMPLETE,
            text=ANSWER.format(number=number),
            ended_at=timezone.now(),
        )
        messages.append(message)
        answers.append(after)
    # Each points to one of the other kind; that they are there is checked in the end.
    with transaction.atomic():
        Message.objects.bulk_create(messages)
        Generation.objects.bulk_create(answers)
        conversation.shown = after
        conversation.save()
    return conversation
