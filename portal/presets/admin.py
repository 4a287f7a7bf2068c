"""What the administration publishes for people to begin with. A door: actions decide.

Never a person's own presets, nor what anybody's conversation is set to (threat B9).
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.console import ClosedLookups, administrator, column
from portal.presets import actions
from portal.presets.forms import PresetForm, TemplateForm
from portal.presets.models import Offered, Preset, PromptTemplate

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as _Admin


class PublishedAdmin(ClosedLookups, _Admin):
    """Only what has no owner is here at all."""

    list_filter = ("is_for_everyone", "groups")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        offered: QuerySet[Any] = super().get_queryset(request)
        return offered.filter(owner=None).prefetch_related("groups")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered: dict[str, Any] = super().get_actions(request)
        offered.pop("delete_selected", None)  # It would go past the record.
        return offered

    def save_model(self, request: HttpRequest, obj: Offered, form: Any, change: bool) -> None:
        actions.publish(administrator(request), obj, changed=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: Offered) -> None:
        actions.withdraw(administrator(request), obj)

    @column(_("published to"))
    def audience(self, offered: Offered) -> str:
        if offered.is_for_everyone:
            return str(_("everyone"))
        names = ", ".join(sorted(group.name for group in offered.groups.all()))
        return names or str(_("nobody (hidden)"))


@admin.register(Preset)
class PresetAdmin(PublishedAdmin):
    form = PresetForm
    list_display = ("shown_name", "description", "model_name", "audience")
    search_fields = ("name", "description")
    fieldsets = (
        (None, {"fields": ("name", "icon", "description")}),
        (_("Who may use it"), {"fields": ("is_for_everyone", "groups")}),
        (_("What it sets"), {"fields": ("model_name", "system", "starters")}),
        (_("Fine settings"), {"fields": ("parameters", "format", "think")}),
    )

    @column(_("name"), ordering="name")
    def shown_name(self, preset: Preset) -> str:
        return f"{preset.icon} {preset.name}".strip()


@admin.register(PromptTemplate)
class PromptTemplateAdmin(PublishedAdmin):
    form = TemplateForm
    list_display = ("shown_name", "audience")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "text")}),
        (_("Who may use it"), {"fields": ("is_for_everyone", "groups")}),
    )

    @column(_("name"), ordering="name")
    def shown_name(self, template: PromptTemplate) -> str:
        return f"/{template.name}"
