"""Adding an audit row.

Call it inside the transaction of the act, so that neither is without the other.
"""

from typing import Any

from django.db import models

from portal.accounts.models import Person
from portal.audit.models import Entry


def record(
    person: Person | None, act: str, subject: models.Model | None = None, **details: Any
) -> None:
    """`person` None means the portal itself. `act` is "object.verb-ed", such as "message.sent"."""
    Entry.objects.create(
        person=person,
        person_label=person.email if person else "portal",
        act=act,
        subject=f"{subject._meta.label_lower} {subject.pk}" if subject else "",
        details=details,
    )
