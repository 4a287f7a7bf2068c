"""Everything that changes people and ends their sessions.

Whatever takes rights away says so at once.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F

from portal.accounts import notices
from portal.accounts.models import GroupWeight, Person
from portal.audit.record import record

# Changes of these end the person's open sockets: they decide what she may do, or who she is.
RIGHTS_FIELDS = frozenset(
    {"email", "password", "is_active", "is_staff", "is_superuser", "groups", "user_permissions"}
)


@transaction.atomic
def add_person(
    by: Person | None, *, email: str, password: str | None, name: str = "", is_admin: bool = False
) -> Person:
    """A new account.

    `by` is None when the portal itself makes it, at start or on the command line.
    """
    make = Person.objects.create_superuser if is_admin else Person.objects.create_user
    person = make(email, password, name=name)
    record(by, "person.added", person, is_admin=is_admin)
    return person


@transaction.atomic
def save_person(by: Person, person: Person, *, changed: Collection[str]) -> None:
    """Store what an administrator's form changed.

    Groups may be stored after this, in the same transaction.
    """
    is_new = person._state.adding
    person.email = person.email.lower()
    person.save()
    record(by, "person.added" if is_new else "person.changed", person, fields=sorted(changed))
    if not is_new and RIGHTS_FIELDS & set(changed):
        notices.rights_changed(person.pk)


@transaction.atomic
def set_password(by: Person | None, person: Person, *, password: str) -> None:
    """A new password; every session but the one that keeps its proof fresh ends."""
    person.set_password(password)
    person.save(update_fields=["password"])
    record(by, "password.changed", person)
    notices.rights_changed(person.pk)


@transaction.atomic
def set_active(by: Person, person: Person, *, is_active: bool) -> None:
    """Disable or enable an account.

    Disabled, neither its sessions nor its keys work (threat A12).
    """
    if Person.objects.filter(pk=person.pk).exclude(is_active=is_active).update(is_active=is_active):
        record(by, "person.enabled" if is_active else "person.disabled", person)
        notices.rights_changed(person.pk)
    person.is_active = is_active


@transaction.atomic
def set_groups(by: Person, person: Person, *, groups: Iterable[Group]) -> None:
    """The person is in these groups and no others."""
    person.groups.set(groups)
    record(by, "person.changed", person, fields=["groups"])
    notices.rights_changed(person.pk)


@transaction.atomic
def save_group(by: Person, group: Group, *, weight: int | None) -> None:
    """Store what an administrator's form changed; without a weight its members count as 1.

    Permissions may be stored after this, in the same transaction.
    """
    group.save()
    if weight is None:
        GroupWeight.objects.filter(group=group).delete()
    else:
        GroupWeight.objects.update_or_create(group=group, defaults={"weight": weight})
    group_changed(by, group)


@transaction.atomic
def group_changed(by: Person, group: Group) -> None:
    """What a group may do has changed, or it is about to go: its members' sockets end."""
    record(by, "group.changed", group)
    for person_id in group.user_set.values_list("pk", flat=True):
        notices.rights_changed(person_id)


@transaction.atomic
def end_sessions(person: Person) -> None:
    """Sign the person out everywhere.

    The caller may renew the proof of the session it stands in.
    """
    Person.objects.filter(pk=person.pk).update(sessions_ended=F("sessions_ended") + 1)
    person.refresh_from_db()
    record(person, "sessions.ended", person)
    notices.rights_changed(person.pk)


@transaction.atomic
def change_own_profile(person: Person, *, name: str, language: str) -> None:
    """What a person may change about herself without anybody's leave."""
    Person.objects.filter(pk=person.pk).update(name=name, language=language)
    person.name, person.language = name, language


def signed_out(person_id: UUID) -> None:
    """One session of this person has ended."""
    notices.rights_changed(person_id)
