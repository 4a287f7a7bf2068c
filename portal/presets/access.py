"""The only doors to presets and templates. One condition a line; hidden and never-existed look the
same.

What the administration published may be used by those it was published to, and changed there only.
"""

from typing import TypeVar
from uuid import UUID

from portal.accounts.models import Person
from portal.chat.errors import Forbidden, NotFound
from portal.presets.models import Offered, Preset, PromptTemplate

T = TypeVar("T", bound=Offered)


def preset_for_use(person: Person, preset_id: UUID) -> Preset:
    return _for_use(person, Preset.objects.filter(id=preset_id).first(), what="preset")


def preset_for_changing(person: Person, preset_id: UUID) -> Preset:
    return _for_changing(person, Preset.objects.filter(id=preset_id).first(), what="preset")


def template_for_changing(person: Person, template_id: UUID) -> PromptTemplate:
    found = PromptTemplate.objects.filter(id=template_id).first()
    return _for_changing(person, found, what="template")


def may_publish(person: Person, offered: Offered) -> None:
    """Raises `Forbidden` unless this person writes such things for everybody, and this one is
    nobody's own."""
    if offered.owner_id is not None:
        raise Forbidden
    if not person.is_active:
        raise Forbidden
    if not person.is_staff:
        raise Forbidden
    if not person.has_perm(f"presets.change_{offered._meta.model_name}"):
        raise Forbidden


def is_for(person: Person, offered: Offered) -> bool:
    """Whether she may use it: the rule that lists follow as well (queries.py)."""
    if not person.is_active:
        return False
    if offered.owner_id is not None:
        return offered.owner_id == person.id
    if offered.is_for_everyone:
        return True
    return offered.groups.filter(user=person).exists()


def _for_use(person: Person, found: T | None, *, what: str) -> T:
    if found is None:
        raise NotFound(what)
    if not is_for(person, found):
        raise NotFound(what)
    return found


def _for_changing(person: Person, found: T | None, *, what: str) -> T:
    """Published ones are seen by many, and changed by nobody from the page."""
    usable = _for_use(person, found, what=what)
    if usable.owner_id != person.id:
        raise Forbidden
    return usable
