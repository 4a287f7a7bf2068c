"""Tokens of each day, counted in the database with the answers themselves.

Not for how many anybody may have: quotas.py. Days are those of UTC, and the same for everybody.
"""

import datetime
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet, Sum

from portal import clock
from portal.accounts.models import ApiKey, Person, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a day's answers read and wrote."""

    prompt: int = 0
    answer: int = 0

    @property
    def total(self) -> int:
        return self.prompt + self.answer


def book(person_id: UUID, key_id: UUID | None, *, prompt_tokens: int, answer_tokens: int) -> None:
    """One more answer. Inside the transaction that ends it, so that neither is without the other.

    Added in the database, so that two that end at one moment both count (threat I1).
    """
    add = partial(_add, person_id, key_id, prompt_tokens, answer_tokens)
    if add():
        return
    try:
        with transaction.atomic():
            Usage.objects.create(
                person_id=person_id,
                key_id=key_id,
                day=today(),
                answers=1,
                prompt_tokens=prompt_tokens,
                answer_tokens=answer_tokens,
            )
    except IntegrityError:  # the day began elsewhere at the same moment
        add()


# Written out, since every answer ends with it: to put it together out of Django's parts costs more
# than to run it.
_ADD = """
UPDATE accounts_usage SET answers = answers + 1, prompt_tokens = prompt_tokens + %s,
    answer_tokens = answer_tokens + %s
WHERE person_id = %s AND day = %s AND key_id
"""


def _add(person_id: UUID, key_id: UUID | None, prompt_tokens: int, answer_tokens: int) -> bool:
    """False when this day has no row yet."""
    keys = [each for each in (person_id, key_id) if each is not None]
    person, *key = (Person._meta.pk.get_db_prep_value(each, connection) for each in keys)
    day = connection.ops.adapt_datefield_value(today())
    with connection.cursor() as cursor:
        statement = _ADD + ("= %s" if key else "IS NULL")
        cursor.execute(statement, [prompt_tokens, answer_tokens, person, day, *key])
        return bool(cursor.rowcount)


def of_person(person: Person) -> Tokens:
    """Today's, with whatever key, and on the page."""
    return _sum(Usage.objects.filter(person=person, day=today()))


def of_key(key: ApiKey) -> Tokens:
    return _sum(Usage.objects.filter(person_id=key.owner_id, key=key, day=today()))


def today() -> datetime.date:
    return clock.now().date()


def tomorrow() -> datetime.datetime:
    """When the next day begins."""
    midnight = datetime.datetime.combine(today(), datetime.time(), tzinfo=datetime.UTC)
    return midnight + datetime.timedelta(days=1)


def _sum(rows: QuerySet[Usage]) -> Tokens:
    found = rows.aggregate(prompt=Sum("prompt_tokens"), answer=Sum("answer_tokens"))
    return Tokens(prompt=found["prompt"] or 0, answer=found["answer"] or 0)
