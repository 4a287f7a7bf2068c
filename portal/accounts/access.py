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


def fields_out_of_reach(by: Person, *, person: Person | None) -> tuple[str, ...]:
    """What `by` may not change on this account: more rights than her own, or her own sign-in."""
    out_of_reach: tuple[str, ...] = ()
    if not by.is_superuser:
        out_of_reach += ("is_staff", "is_superuser", "user_permissions")
    if person is not None and person.pk == by.pk:
        out_of_reach += ("is_active", "is_staff", "is_superuser")
    return tuple(dict.fromkeys(out_of_reach))
