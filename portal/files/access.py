"""The only doors to a person's files. Hidden, used up and never-existed look the same.

One condition a line. Nothing here writes.
"""

from collections.abc import Sequence
from uuid import UUID

from portal.accounts.models import Person
from portal.chat.errors import NotFound
from portal.chat.models import Conversation
from portal.files.errors import CannotBeUsed, StillReading, TooLongTogether, TooManyFiles
from portal.files.limits import MAX_CHARS_A_QUESTION, MAX_FILES_A_QUESTION
from portal.files.models import File, State


def file_for_reading(person: Person, file_id: UUID) -> File:
    """One of hers. What went with a conversation is gone with it."""
    file = File.objects.select_related("conversation").filter(id=file_id).first()
    if file is None:
        raise NotFound("file")
    if file.owner_id != person.id:
        raise NotFound("file")
    if file.conversation is not None and file.conversation.deleted_at is not None:
        raise NotFound("file")
    return file


def file_for_dropping(person: Person, file_id: UUID) -> File:
    return file_for_reading(person, file_id)


def files_for_asking(
    person: Person, file_ids: Sequence[UUID], *, conversation: Conversation | None
) -> list[File]:
    """These, in this order, to go with a question of that conversation; None: of a new one.

    Inside a transaction: until its end nobody takes them away.
    """
    wanted = list(dict.fromkeys(file_ids))
    if len(wanted) > MAX_FILES_A_QUESTION:
        raise TooManyFiles
    hers = File.objects.select_for_update().filter(owner=person, id__in=wanted)
    found = {file.id: file for file in hers} if wanted else {}
    files = [_usable(found.get(file_id), conversation) for file_id in wanted]
    if any(file.state == State.READING for file in files):
        raise StillReading
    if any(file.state == State.REFUSED for file in files):
        raise CannotBeUsed
    if sum(file.chars for file in files) > MAX_CHARS_A_QUESTION:
        raise TooLongTogether
    return files


def is_held_unsent(file: File) -> bool:
    """Whether it goes with no question, and with none before this transaction ends."""
    # Two statements: what was sent while we waited for the row is seen by the second alone.
    is_there = File.objects.select_for_update().filter(id=file.id).exists()
    return is_there and not file.attachments.exists()


def _usable(file: File | None, conversation: Conversation | None) -> File:
    if file is None:
        raise NotFound("file")
    if file.conversation_id is None:
        return file
    if conversation is None:
        raise NotFound("file")
    if file.conversation_id != conversation.id:
        raise NotFound("file")
    return file
