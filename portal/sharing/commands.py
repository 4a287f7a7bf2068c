"""Each frame of sharing → the action or query that answers it. A door."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.auth.models import Group

from portal.accounts.models import Person
from portal.chat import access as chat
from portal.chat import told
from portal.chat.vocabulary import Asked
from portal.sharing import access, actions, frames, queries, snapshot
from portal.sharing.models import Share

Answer = told.Ok | frames.Frame


def _list(person: Person, command: frames.ListShares) -> Answer:
    conversation = chat.conversation_for_reading(person, command.conversation_id)
    return frames.Shares(
        ref=command.ref,
        shares=[_mine(each) for each in queries.shares_of(conversation)],
        groups=_groups(queries.groups_of(person)),
    )


def _received(person: Person, command: Asked) -> Answer:
    shares = [_shown(each) for each in queries.received_by(person)]
    return frames.Received(ref=command.ref, shares=shares)


def _share(person: Person, command: frames.ShareConversation) -> Answer:
    actions.share_conversation(
        person,
        conversation_id=command.conversation_id,
        emails=command.emails,
        group_ids=command.group_ids,
        client_key=command.client_key,
    )
    return _list(
        person, frames.ListShares(ref=command.ref, conversation_id=command.conversation_id)
    )


def _revoke(person: Person, command: frames.RevokeShare) -> Answer:
    actions.revoke_share(person, share_id=command.share_id)
    return told.Ok(ref=command.ref)


def _open(person: Person, command: frames.OpenShare) -> Answer:
    share = access.share_for_reading(person, command.share_id)
    return frames.Shared(
        ref=command.ref,
        share=_shown(share),
        is_mine=share.owner_id == person.id,
        turns=snapshot.shown(share.turns),
    )


def _mine(share: Share) -> frames.ShownShare:
    return frames.ShownShare(
        id=share.id,
        created_at=share.created_at,
        people=[
            frames.ShownReader(name=each.name, email=each.email) for each in share.people.all()
        ],
        groups=_groups(share.groups.all()),
    )


def _shown(share: Share) -> frames.ReceivedShare:
    return frames.ReceivedShare(
        id=share.id,
        title=share.title,
        owner_name=str(share.owner),
        created_at=share.created_at,
    )


def _groups(groups: Iterable[Group]) -> list[frames.ShownGroup]:
    return [frames.ShownGroup(id=each.id, name=each.name) for each in groups]


BY_TYPE: dict[type, Callable[[Person, Any], Answer]] = {
    frames.ListShares: _list,
    frames.ListReceived: _received,
    frames.ShareConversation: _share,
    frames.RevokeShare: _revoke,
    frames.OpenShare: _open,
}
