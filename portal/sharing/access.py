"""The only doors to shared snapshots. One condition a line.

Readers may read, and nothing else (threat B5); the owner reads and revokes. Revoked, deleted and
never-existed look the same, at every reading anew.
"""

from uuid import UUID

from portal.accounts.models import Person
from portal.chat.errors import NotFound
from portal.sharing.models import Share


def share_for_reading(person: Person, share_id: UUID) -> Share:
    share = Share.objects.select_related("owner", "conversation").filter(id=share_id).first()
    if share is None:
        raise NotFound("share")
    if share.revoked_at is not None:
        raise NotFound("share")
    if share.conversation.deleted_at is not None:
        raise NotFound("share")
    if share.owner_id == person.id:
        return share
    if share.people.filter(id=person.id).exists():
        return share
    if share.groups.filter(user=person).exists():
        return share
    raise NotFound("share")


def share_for_revoking(person: Person, share_id: UUID) -> Share:
    """Also when it is revoked already: asking twice is no mistake."""
    share = Share.objects.select_related("owner", "conversation").filter(id=share_id).first()
    if share is None:
        raise NotFound("share")
    if share.owner_id != person.id:
        raise NotFound("share")
    if share.conversation.deleted_at is not None:
        raise NotFound("share")
    return share


def share_of_press(person: Person, client_key: UUID) -> Share | None:
    """What this press of the button has shared already."""
    return Share.objects.filter(owner=person, client_key=client_key).first()
