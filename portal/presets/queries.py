"""Everything that reads lists of presets and templates, or what a conversation is set to."""

from collections.abc import Sequence
from typing import TypeVar

from django.db.models import Q

from portal.accounts.models import Person
from portal.chat.models import Conversation
from portal.presets import chosen
from portal.presets.chosen import Chosen
from portal.presets.models import ConversationSettings, Offered, Preset, PromptTemplate

T = TypeVar("T", bound=Offered)


def presets_for(person: Person) -> Sequence[Preset]:
    """Her own and those published to her, by name: the same rule as `access.is_for`."""
    return _offered(Preset, person)


def templates_for(person: Person) -> Sequence[PromptTemplate]:
    return _offered(PromptTemplate, person)


def settings_of(conversation: Conversation) -> ConversationSettings:
    """The row, or one that is not stored: then nothing was chosen."""
    found = ConversationSettings.objects.select_related("preset").filter(conversation=conversation)
    return found.first() or ConversationSettings(conversation=conversation)


def chosen_of(conversation: Conversation) -> Chosen:
    row = settings_of(conversation)
    return chosen.of(row, preset_id=row.preset_id)


def is_written_for_all(row: ConversationSettings) -> bool:
    """Whether its system prompt is, to the letter, one that the administration gave to everybody.

    Only then may what a model made of it be shared between people (threat B12).
    """
    preset = row.preset
    if preset is None or preset.owner_id is not None:
        return False
    return preset.is_for_everyone and preset.system == row.system


def _offered(kind: type[T], person: Person) -> Sequence[T]:
    if not person.is_active:
        return []
    of_her_groups = Q(owner=None, groups__in=person.groups.all())
    hers = Q(owner=person) | Q(owner=None, is_for_everyone=True) | of_her_groups
    ids = kind._default_manager.filter(hers).values("id")
    return list(kind._default_manager.filter(id__in=ids))
