"""Noting that conversations leave the portal. Taking them in is in taking_in.py."""

from collections.abc import Sequence

from portal.accounts.models import Person
from portal.audit.record import record
from portal.chat.models import Conversation


def note_export(person: Person, conversations: Sequence[Conversation] | None) -> None:
    """Before the first byte goes. None stands for all of hers."""
    if conversations is None:
        record(person, "conversations.exported")
    else:
        for each in conversations:
            record(person, "conversation.exported", each)
