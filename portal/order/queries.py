"""What stands on which shelf. A conversation stands on one: with the pinned, in a folder, in the
archive, or in the list of all others. Temporary ones stand on none.
"""

import datetime
from collections.abc import Sequence
from typing import Literal

from django.db.models import Count, Q, QuerySet

from portal.accounts.models import Person
from portal.chat.models import Conversation
from portal.chat.queries import Page, page_of
from portal.order.models import Folder

Shelf = Literal["folder", "archive"]
MAX_PINNED = 100
MAX_FOLDERS = 200


def folders_of(person: Person) -> Sequence[tuple[Folder, int]]:
    """By name, each with how many conversations stand in it. One query."""
    standing = Q(
        conversations__deleted_at=None,
        conversations__archived_at=None,
        conversations__is_temporary=False,
    )
    folders = Folder.objects.filter(owner=person)
    counted = folders.annotate(held=Count("conversations", filter=standing))
    return [(each, each.held) for each in counted.order_by("name", "id")[:MAX_FOLDERS]]


def in_folder(folder: Folder, *, before: datetime.datetime | None) -> Page:
    found = _standing(folder.owner).filter(folder=folder, archived_at=None)
    return page_of(found, before=before)


def in_archive(person: Person, *, before: datetime.datetime | None) -> Page:
    return page_of(_standing(person).filter(archived_at__isnull=False), before=before)


def _standing(person: Person) -> QuerySet[Conversation]:
    return Conversation.objects.filter(owner=person, deleted_at=None, is_temporary=False)
