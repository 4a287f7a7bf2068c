"""The audit in the administration: read, never changed."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from portal.audit.models import Entry
from portal.console import ReadOnly, column


@admin.register(Entry)
class EntryAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold brings no types
    list_display = ("at", "person_label", "act", "shown_details", "subject")
    list_filter = ("act", "at")
    search_fields = ("person_label", "act", "subject")
    fields = ("at", "person_label", "act", "subject", "details")

    @column(_("details"))
    def shown_details(self, entry: Entry) -> str:
        return ", ".join(f"{name}: {value}" for name, value in entry.details.items())
