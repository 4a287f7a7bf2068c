"""Each frame of searching → the query that answers it. A door."""

from collections.abc import Callable, Sequence
from typing import Any

from portal.accounts.models import Person
from portal.search import finding, frames


def _search(person: Person, command: frames.Search) -> frames.Frame:
    found = finding.find(person, words=command.words, after=command.after)
    return frames.Found(
        ref=command.ref,
        titles=[_title(each) for each in found.titles],
        hits=[_hit(each) for each in found.hits],
        after=found.after,
        is_complete=found.is_complete,
    )


def _title(hit: finding.TitleHit) -> frames.ShownTitle:
    return frames.ShownTitle(
        conversation_id=hit.conversation.id,
        is_archived=hit.conversation.archived_at is not None,
        changed_at=hit.conversation.changed_at,
        parts=_parts(hit.parts),
    )


def _hit(hit: finding.Hit) -> frames.ShownHit:
    return frames.ShownHit(
        conversation_id=hit.conversation.id,
        title=hit.conversation.title,
        is_archived=hit.conversation.archived_at is not None,
        message_id=hit.message_id,
        generation_id=hit.generation_id,
        said_at=hit.said_at,
        parts=_parts(hit.parts),
    )


def _parts(parts: Sequence[finding.Part]) -> list[frames.ShownPart]:
    return [frames.ShownPart(text=each.text, is_hit=each.is_hit) for each in parts]


BY_TYPE: dict[type, Callable[[Person, Any], frames.Frame]] = {frames.Search: _search}
