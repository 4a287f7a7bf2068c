"""Sharing a snapshot with named people or groups, and taking it back. Not for who may read it:
access.py."""

from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.chat import access as chat
from portal.chat.errors import Conflict, NotFound
from portal.chat.models import Conversation
from portal.sharing import access, queries, snapshot
from portal.sharing.errors import (
    LeavesNothing,
    NobodyNamed,
    TooManyReaders,
    TooManyShares,
    UnknownPerson,
)
from portal.sharing.models import Share
from portal.sharing.telling import tell_readers

MAX_PEOPLE = 50
MAX_GROUPS = 20
# Each is a whole copy.
MAX_SHARES = 200


def share_conversation(
    person: Person,
    *,
    conversation_id: UUID,
    emails: Sequence[str],
    group_ids: Sequence[int],
    client_key: UUID,
) -> Share:
    """A copy of what is shown now, readable by these. The same key again gives the same share."""
    share = partial(
        _share_conversation,
        person,
        conversation_id=conversation_id,
        emails=emails,
        group_ids=group_ids,
        client_key=client_key,
    )
    try:
        return share()
    except IntegrityError:
        # Two presses with one key at one moment: the other one is stored now.
        return share()


@transaction.atomic
def _share_conversation(
    person: Person,
    *,
    conversation_id: UUID,
    emails: Sequence[str],
    group_ids: Sequence[int],
    client_key: UUID,
) -> Share:
    conversation = chat.conversation_for_writing(person, conversation_id)
    earlier = access.share_of_press(person, client_key)
    if earlier is not None:
        if not _is_the_same(earlier, person, conversation, emails=emails, group_ids=group_ids):
            raise Conflict(_("This key was used for another command."))
        return earlier
    if conversation.is_temporary:
        raise LeavesNothing
    if queries.living_shares(person) >= MAX_SHARES:
        raise TooManyShares
    people = _people(person, emails)
    groups = _groups(person, group_ids)
    if not people and not groups:
        raise NobodyNamed
    share = Share.objects.create(
        owner=person,
        conversation=conversation,
        title=conversation.title,
        turns=snapshot.taken(conversation),
        client_key=client_key,
    )
    share.people.set(people)
    share.groups.set(groups)
    record(
        person,
        "conversation.shared",
        share,
        conversation=str(conversation.id),
        people=sorted(each.email for each in people),
        groups=sorted(each.name for each in groups),
    )
    tell_readers(share)
    return share


@transaction.atomic
def revoke_share(person: Person, *, share_id: UUID) -> None:
    """Nobody reads it from now on, and nothing of the copy stays. A second time changes nothing."""
    share = access.share_for_revoking(person, share_id)
    if share.revoked_at is not None:
        return
    tell_readers(share)
    share.revoked_at = clock.now()
    share.turns = []
    share.save(update_fields=["revoked_at", "turns"])
    record(person, "conversation.unshared", share)


def _is_the_same(
    share: Share,
    person: Person,
    conversation: Conversation,
    *,
    emails: Iterable[str],
    group_ids: Iterable[int],
) -> bool:
    """Whether this is what the press made; one that names other readers is no repeat of it."""
    readers = {each.email.lower() for each in share.people.all()}
    return (
        share.conversation_id == conversation.id
        and readers == set(_addresses(emails)) - {person.email.lower()}
        and {each.id for each in share.groups.all()} == set(group_ids)
    )


def _people(person: Person, emails: Iterable[str]) -> list[Person]:
    wanted = _addresses(emails)
    if len(wanted) > MAX_PEOPLE:
        raise TooManyReaders
    found = queries.people_with(wanted)
    for email in wanted:
        if email not in found:
            raise UnknownPerson(email)
    return [found[email] for email in wanted if found[email].id != person.id]


def _addresses(emails: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(email.strip().lower() for email in emails if email.strip()))


def _groups(person: Person, group_ids: Sequence[int]) -> list[Group]:
    wanted = set(group_ids)
    found = [each for each in queries.groups_of(person) if each.id in wanted]
    if len(found) != len(wanted):
        raise NotFound("group")
    return found
