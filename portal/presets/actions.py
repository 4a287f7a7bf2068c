"""Everything that writes settings, presets and templates. Rights are in access.py.

`client_key` names the press of a button: the same key again returns what the first press made.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Sum, TextField
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Length
from django.utils.translation import gettext as _

from portal.accounts.models import Person
from portal.audit.record import record
from portal.chat import access as chat
from portal.chat.errors import BadCommand, Conflict, NotFound, TooMuch
from portal.chat.models import Conversation
from portal.chat.wakeups import wake
from portal.presets import access, chosen, texts
from portal.presets.chosen import Chosen
from portal.presets.models import ConversationSettings, Offered, Preset, PromptTemplate

MAX_PRESETS = 200
MAX_TEMPLATES = 500
# Of all that one person has of a kind: they are listed in one frame.
MAX_CHARS_KEPT = 2_000_000

T = TypeVar("T", bound=Offered)

_CHARS: dict[type[Offered], Combinable] = {
    Preset: Length("system") + Length("format") + Length(Cast("starters", TextField())),
    PromptTemplate: Length("text"),
}


@transaction.atomic
def change_settings(person: Person, *, conversation_id: UUID, settings: Chosen) -> None:
    """From the next answer on; what is being written is not touched. Twice is as once."""
    conversation = chat.conversation_for_writing(person, conversation_id)
    begin_with(person, conversation, settings)
    record(person, "settings.changed", conversation)
    transaction.on_commit(partial(wake, person.id, conversation.id))


def begin_with(person: Person, conversation: Conversation, settings: Chosen) -> None:
    """What a conversation is set to, in the transaction that makes or changes it."""
    values = chosen.values_of(settings)
    ConversationSettings.objects.update_or_create(
        conversation=conversation,
        defaults={**values, "preset_id": _preset_named(person, settings.preset_id)},
    )


def save_preset(
    person: Person, *, preset_id: UUID | None, client_key: UUID, fields: texts.PresetFields
) -> Preset:
    """Make one of her own, or change it."""
    values = {**texts.values_of(fields), **chosen.values_of(fields.settings)}
    if preset_id is not None:
        find = partial(access.preset_for_changing, person, preset_id)
        return _change(person, find, values=values, act="preset.changed")
    return _make(person, Preset, client_key=client_key, values=values, most=MAX_PRESETS)


@transaction.atomic
def delete_preset(person: Person, *, preset_id: UUID) -> None:
    """Conversations that began with it keep what they were set to."""
    preset = access.preset_for_changing(person, preset_id)
    record(person, "preset.deleted", preset)
    preset.delete()


def save_template(
    person: Person, *, template_id: UUID | None, client_key: UUID, name: str, text: str
) -> PromptTemplate:
    values = {"name": texts.checked_template_name(name), "text": texts.checked_template(text)}
    if template_id is not None:
        find = partial(access.template_for_changing, person, template_id)
        return _change(person, find, values=values, act="template.changed")
    return _make(person, PromptTemplate, client_key=client_key, values=values, most=MAX_TEMPLATES)


@transaction.atomic
def delete_template(person: Person, *, template_id: UUID) -> None:
    template = access.template_for_changing(person, template_id)
    record(person, "template.deleted", template)
    template.delete()


@transaction.atomic
def publish(person: Person, offered: Offered, *, changed: Sequence[str]) -> None:
    """Store what an administrator wrote for others. Whom it is for may be stored after this, in
    the same transaction."""
    access.may_publish(person, offered)
    is_new = offered._state.adding
    offered.save()
    verb = "published" if is_new else "changed"
    record(person, f"{_kind_of(offered)}.{verb}", offered, fields=sorted(changed))


@transaction.atomic
def withdraw(person: Person, offered: Offered) -> None:
    """Nobody is offered it any more; what was begun with it stays as it is."""
    access.may_publish(person, offered)
    record(person, f"{_kind_of(offered)}.withdrawn", offered)
    offered.delete()


def _preset_named(person: Person, preset_id: UUID | None) -> UUID | None:
    """Only for its name and face: one that she may not use any more is forgotten quietly."""
    if preset_id is None:
        return None
    try:
        return access.preset_for_use(person, preset_id).id
    except NotFound:
        return None


def _change(person: Person, find: Callable[[], T], *, values: dict[str, Any], act: str) -> T:
    try:
        with transaction.atomic():
            found = find()
            before = _chars_kept(person, type(found))
            for name, value in values.items():
                setattr(found, name, value)
            found.save(update_fields=[*values, "changed_at"])
            _must_fit(person, type(found), before=before)
            record(person, act, found)
            return found
    except IntegrityError:
        raise _name_is_taken() from None


def _make(
    person: Person, kind: type[T], *, client_key: UUID, values: dict[str, Any], most: int
) -> T:
    make = partial(_make_once, person, kind, client_key=client_key, values=values, most=most)
    try:
        return make()
    except IntegrityError:
        pass
    try:
        # The other press with this key may be stored now; else the name is taken.
        return make()
    except IntegrityError:
        raise _name_is_taken() from None


@transaction.atomic
def _make_once(
    person: Person, kind: type[T], *, client_key: UUID, values: dict[str, Any], most: int
) -> T:
    hers = kind._default_manager.filter(owner=person)
    earlier = hers.filter(client_key=client_key).first()
    if earlier is not None:
        if any(getattr(earlier, name) != value for name, value in values.items()):
            raise Conflict(_("This key was used for another command."))
        return earlier
    if hers.count() >= most:
        raise TooMuch(_("You have very many of these already. Delete one first."))
    made = kind._default_manager.create(owner=person, client_key=client_key, **values)
    _must_fit(person, kind)
    record(person, f"{_kind_of(made)}.saved", made)
    return made


def _must_fit(person: Person, kind: type[Offered], *, before: int = 0) -> None:
    """In the transaction that has stored it. Whoever has too much already may still shorten it."""
    now = _chars_kept(person, kind)
    if now > max(before, MAX_CHARS_KEPT):
        raise TooMuch(
            _(
                "All that you have of these is very long together. Nothing was saved; shorten this"
                " one, or delete another first."
            )
        )


def _chars_kept(person: Person, kind: type[Offered]) -> int:
    hers = kind._default_manager.filter(owner=person)
    return hers.aggregate(chars=Sum(_CHARS[kind]))["chars"] or 0


def _kind_of(offered: Offered) -> str:
    return "preset" if isinstance(offered, Preset) else "template"


def _name_is_taken() -> BadCommand:
    return BadCommand(_("You have one of this name already. Choose another name."))
