"""The forms of the account pages. They check what was typed; actions decide and write."""

import uuid
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.accounts import actions
from portal.accounts.keys import scopes_for
from portal.accounts.models import KeyScope, Person

if TYPE_CHECKING:
    _PasswordForm = AdminPasswordChangeForm[Person]
else:
    _PasswordForm = AdminPasswordChangeForm


def password_problems(password: str, *, email: str) -> list[str]:
    """Why this password is not good enough; empty when it is."""
    try:
        validate_password(password, Person(email=email))
    except ValidationError as problem:
        return problem.messages
    return []


class ProfileForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


# In days; after that the program asks again, and its person makes a new key.
EXPIRIES = (
    ("", _("until you revoke it")),
    ("30", _("for 30 days")),
    ("90", _("for 90 days")),
    ("365", _("for a year")),
)


class KeyForm(forms.Form):
    """`press` names the press of the button, so that a page sent twice makes one key."""

    name = forms.CharField(
        label=_("What is it for?"),
        max_length=100,
        widget=forms.TextInput(
            attrs={"placeholder": _("ChatBox on my laptop"), "autocomplete": "off"}
        ),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"), widget=forms.CheckboxSelectMultiple, choices=KeyScope.choices
    )
    expires = forms.TypedChoiceField(
        label=_("It works"),
        choices=EXPIRIES,
        coerce=int,
        empty_value=None,
        required=False,
    )
    for_path = forms.BooleanField(
        label=_("For a program without a field for a key: put it into the address"), required=False
    )
    press = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, owner: Person, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"press": uuid.uuid4(), "scopes": [KeyScope.CHAT]})
        super().__init__(*args, **kwargs)
        scopes = cast(forms.MultipleChoiceField, self.fields["scopes"])
        scopes.choices = [(scope.value, scope.label) for scope in scopes_for(owner)]


class FirstAdministratorForm(forms.Form):
    email = forms.EmailField(
        label=_("Email"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        help_text=_("At least 10 characters, and not a common one."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("Password again"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        password, again = given.get("password"), given.get("again")
        if password and again and password != again:
            self.add_error("again", _("The two passwords are not the same."))
        elif password:
            for problem in password_problems(password, email=given.get("email", "")):
                self.add_error("password", problem)
        return given


class PasswordByAdministratorForm(_PasswordForm):
    """The admin site's password form. It saves through the action, so that open sockets hear of it.

    `by` is set by the admin page; it is the person who will stand in the audit row.
    """

    by: Person | None = None

    def save(self, commit: bool = True) -> Person:
        actions.set_password(self.by, self.user, password=self.cleaned_data["password1"])
        return self.user
