"""People, groups and API keys in the administration. A door: actions decide and keep the record."""

from typing import TYPE_CHECKING, Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from portal.accounts import access, actions, keys
from portal.accounts.models import MOST_WEIGHT, ApiKey, Person, Usage
from portal.console import ClosedLookups, ReadOnly, administrator, column

if TYPE_CHECKING:
    _GroupForm = forms.ModelForm[Group]
else:
    _GroupForm = forms.ModelForm

admin.site.unregister(Group)
# allauth shows its own tables: second factors with their secrets are nobody else's business.
for foreign in (EmailAddress, Authenticator):
    if admin.site.is_registered(foreign):
        admin.site.unregister(foreign)


class AddPersonForm(UserCreationForm):  # type: ignore[misc] # unfold brings no types
    class Meta:
        model = Person
        fields = ("email", "name")


class ChangePersonForm(UserChangeForm):  # type: ignore[misc] # unfold brings no types
    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("", _("as the browser asks")), *settings.LANGUAGES],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Person
        fields = (
            *("email", "name", "language", "weight", "tokens_a_day"),
            *("is_active", "groups", "is_staff", "is_superuser"),
        )
        widgets: ClassVar[dict[str, Any]] = {"groups": UnfoldAdminCheckboxSelectMultipleWidget}


class SetPasswordForm(AdminPasswordChangeForm):  # type: ignore[misc] # unfold brings no types
    """Checks only; `accounts.actions.set_password` stores."""

    usable_password = None

    def save(self, commit: bool = True) -> Any:
        return self.user


@admin.register(Person)
class PersonAdmin(ClosedLookups, UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg] # as above
    form = ChangePersonForm
    add_form = AddPersonForm
    change_password_form = SetPasswordForm
    list_display = ("email", "name", "is_active", "is_staff", "shown_groups", "last_login")
    list_filter = ("is_active", "is_staff", "groups")
    search_fields = ("email", "name")
    ordering = ("email",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "name", "language", "password")}),
        (
            _("Rights"),
            {"fields": ("is_active", "groups", "is_staff", "is_superuser")},
        ),
        (_("When many wait"), {"fields": ("weight",)}),
        (_("How much"), {"fields": ("tokens_a_day",)}),
        (_("Times"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "password1", "password2")}),)
    actions = ("disable", "enable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        people: QuerySet[Person] = super().get_queryset(request)
        return people.prefetch_related("groups")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Person | None = None
    ) -> tuple[str, ...]:
        return (
            *self.readonly_fields,
            *access.fields_out_of_reach(administrator(request), person=obj),
        )

    def has_change_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        if obj is None:
            return bool(super().has_change_permission(request))
        return access.may_change_person(administrator(request), person=obj)

    def has_delete_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        return False  # Deleting would take conversations along; an account is disabled instead.

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        actions.save_person(administrator(request), obj, changed=form.changed_data)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        person = self.get_object(request, id)
        if person is not None and person.pk == administrator(request).pk:
            # There the old password is asked for, and this session stays.
            return HttpResponseRedirect(reverse("account_change_password"))
        if person is not None and not access.may_set_password(
            administrator(request), person=person
        ):
            raise PermissionDenied
        with transaction.atomic():
            response: HttpResponse = super().user_change_password(request, id, form_url)
            if person is not None and request.method == "POST" and response.status_code == 302:
                actions.set_password(
                    administrator(request), person, password=request.POST["password1"]
                )
        return response

    @column(_("groups"))
    def shown_groups(self, person: Person) -> str:
        return ", ".join(sorted(group.name for group in person.groups.all()))

    @admin.action(description=_("Disable"), permissions=["change"])
    def disable(self, request: HttpRequest, people: QuerySet[Person]) -> None:
        self._set_active(request, people, is_active=False)

    @admin.action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, people: QuerySet[Person]) -> None:
        self._set_active(request, people, is_active=True)

    def _set_active(
        self, request: HttpRequest, people: QuerySet[Person], *, is_active: bool
    ) -> None:
        for person in people:
            if person.pk == administrator(request).pk or not self.has_change_permission(
                request, person
            ):
                messages.error(request, _("You may not change %(name)s.") % {"name": person})
                continue
            actions.set_active(administrator(request), person, is_active=is_active)


class GroupForm(_GroupForm):
    weight = forms.IntegerField(
        label=_("weight"),
        help_text=_(
            "How much a member counts where many wait: with 2 as much as two others. Empty: 1."
        ),
        required=False,
        min_value=1,
        max_value=MOST_WEIGHT,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = Group
        fields = ("name", "permissions")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        weighing = getattr(self.instance, "weighing", None)
        self.initial.setdefault("weight", weighing and weighing.weight)


@admin.register(Group)
class GroupsAdmin(ClosedLookups, GroupAdmin, ModelAdmin):  # type: ignore[misc] # unfold brings no types
    form = GroupForm
    fields = ("name", "weight", "permissions")
    list_display = ("name", "people_count")
    list_filter = ()
    # Side by side they would not fit on a phone.
    filter_horizontal = ()
    filter_vertical = ("permissions",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        groups: QuerySet[Group] = super().get_queryset(request)
        return groups.annotate(people_count=Count("user"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if administrator(request).is_superuser else ("permissions",)

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        actions.save_group(administrator(request), obj, weight=form.cleaned_data["weight"])

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        actions.group_changed(administrator(request), obj)
        obj.delete()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered: dict[str, Any] = super().get_actions(request)
        offered.pop("delete_selected", None)  # It would go past the action that tells the members.
        return offered

    @column(_("people"), ordering="people_count")
    def people_count(self, group: Any) -> int:
        count: int = group.people_count
        return count


class _Shown(ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold brings no types
    """A list and its pages, to be read."""


@admin.register(ApiKey)
class ApiKeyAdmin(_Shown):
    """Only the limits of a key are an administrator's to change."""

    list_display = (
        *("name", "owner", "hint", "shown_scopes", "last_client", "last_used_at", "expires_at"),
        "state",
    )
    list_filter = ("last_client", "created_at", "last_used_at")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email", "hint", "last_client")
    fieldsets = (
        (None, {"fields": ("name", "owner", "hint", "shown_scopes", "for_path")}),
        (_("Limits of this key"), {"fields": ("requests_a_minute", "tokens_a_day")}),
        (_("Last request"), {"fields": ("last_used_at", "last_client", "last_act", "last_status")}),
        (_("Times"), {"fields": ("created_at", "expires_at", "revoked_at")}),
    )
    readonly_fields = (
        *("name", "owner", "hint", "shown_scopes", "for_path", "last_used_at", "last_client"),
        *("last_act", "last_status", "created_at", "expires_at", "revoked_at"),
    )
    actions = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(ModelAdmin.has_change_permission(self, request, obj))

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        limits = keys.Limits(requests_a_minute=obj.requests_a_minute, tokens_a_day=obj.tokens_a_day)
        keys.set_limits(administrator(request), obj, limits)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("accounts.change_apikey"))

    @column(_("scopes"))
    def shown_scopes(self, key: ApiKey) -> str:
        return ", ".join(key.uses)

    @column(_("revoked"), boolean=True, ordering="revoked_at")
    def state(self, key: ApiKey) -> bool:
        return key.revoked_at is not None

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        for key in chosen.select_related("owner"):
            keys.revoke(key.owner, key_id=key.id, by=administrator(request))
        messages.success(request, _("Revoked. Programs with these keys are refused from now on."))


@admin.register(Usage)
class UsageAdmin(_Shown):
    list_display = ("day", "person", "key", "answers", "prompt_tokens", "answer_tokens")
    list_filter = ("day",)
    list_select_related = ("person", "key")
    search_fields = ("person__email", "key__name")
    date_hierarchy = "day"
    fields = list_display
