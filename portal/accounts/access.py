"""Who may change whose account. Not for what those changes are: actions.py has them."""

from portal.accounts.models import Person


def may_change_person(by: Person, *, person: Person) -> bool:
    """Whether `by` may change this account.

    Those with rights in the administration are changed by full administrators only: otherwise one
    could set the password of somebody with more rights and sign in as her.
    """
    if not by.has_perm("accounts.change_person"):
        return False
    if by.is_superuser:
        return True
    return not person.is_staff and not person.is_superuser


def may_set_password(by: Person, *, person: Person) -> bool:
    """Whether `by` may give this account a password. One that is nobody's never gets one."""
    if person.is_system:
        return False
    return may_change_person(by, person=person)


def fields_out_of_reach(by: Person, *, person: Person | None) -> tuple[str, ...]:
    """What `by` may not change on this account: more rights than her own, or her own sign-in."""
    out_of_reach: tuple[str, ...] = ()
    if not by.is_superuser:
        out_of_reach += ("is_staff", "is_superuser", "user_permissions")
    if person is not None and person.is_system:
        # Programs without a key act as this one; nobody must ever sign in as it.
        out_of_reach += ("email", "password", "is_staff", "is_superuser", "user_permissions")
    if person is not None and person.pk == by.pk:
        out_of_reach += ("is_active", "is_staff", "is_superuser")
    return tuple(dict.fromkeys(out_of_reach))
