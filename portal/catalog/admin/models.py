"""The list of models in the administration, and what is done to several at once. A door."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from portal.catalog import actions, queries
from portal.catalog.admin import (
    acts,
    adding,
    audience,
    loaded,
    names,
    page,
    trying,
    uploading,
    ways,
)
from portal.catalog.memory import kept as memory
from portal.catalog.models import Model, ModelState
from portal.catalog.trying import trials
from portal.chat.errors import ChatError
from portal.console import ClosedLookups, administrator, column

_STATE_COLOURS = {
    ModelState.ADDED.value: "info",
    ModelState.READY.value: "success",
    ModelState.UNLOADABLE.value: "danger",
    ModelState.BROKEN.value: "danger",
    "retired": "default",
}


@admin.register(Model)
class ModelsAdmin(ClosedLookups, ModelAdmin):  # type: ignore[misc] # unfold brings no types
    list_display = (
        "name",
        "size",
        "family",
        "quantization",
        "context_length",
        "coloured_state",
        "audience",
    )
    list_filter = ("state", "is_published", "is_pinned", "family", "quantization")
    search_fields = ("name", "family")
    actions = (
        *("publish_to_everyone", "hide", "check_files", "try_again"),
        *("keep_loaded", "keep_loaded_no_longer", "unload"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in Model._meta.fields]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        models: QuerySet[Model] = super().get_queryset(request)
        return models.prefetch_related("groups", "aliases")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered: dict[str, Any] = super().get_actions(request)
        offered.pop("delete_selected", None)  # It would go past the files.
        return offered

    def get_urls(self) -> list[URLPattern]:
        pages = (page, adding, uploading, ways, audience, loaded, names, trying)
        own = [pattern for each in pages for pattern in each.urls(self)]
        return own + list(super().get_urls())

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return adding.add(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return page.show(self, request, object_id)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().delete_view(request, object_id, extra_context)
        except ChatError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:catalog_model_changelist"))
        return response

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        actions.delete_model(administrator(request), model_id=obj.id)

    # ── Columns ──────────────────────────────────────────────────────────────────────────────

    @column(_("size"), ordering="size_bytes")
    def size(self, model: Model) -> str:
        return filesizeformat(model.size_bytes)

    @column(_("state"), ordering="state", label=_STATE_COLOURS)
    def coloured_state(self, model: Model) -> tuple[str, str]:
        """By the state, not by its word, which is another one in every language."""
        if model.retired_at is not None:
            return "retired", str(_("retired"))
        state = model.get_state_display()
        if model.is_pinned:
            state = _("%(state)s, kept loaded") % {"state": state}
        return model.state, state

    @column(_("published to"))
    def audience(self, model: Model) -> SafeString:
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}" aria-label="{}">{}</a>',
            reverse("admin:catalog_model_audience", args=[model.pk]),
            _("Change who may use %(name)s") % {"name": model.name},
            queries.audience_of(model),
        )

    # ── Acts ─────────────────────────────────────────────────────────────────────────────────

    @admin.action(description=_("Publish to everyone"), permissions=["change"])
    def publish_to_everyone(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        for model in models:
            actions.publish_model(administrator(request), model_id=model.id)
        messages.success(request, _("Published to everyone."))

    @admin.action(description=_("Hide from everyone"), permissions=["change"])
    def hide(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        for model in models:
            actions.hide_model(administrator(request), model_id=model.id)
        messages.success(request, _("Hidden."))

    @admin.action(description=_("Check the files"), permissions=["change"])
    def check_files(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        try:
            for model in models:
                acts.check_files(request, model.id)
        except ChatError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, acts.CHECKING)

    @admin.action(description=_("Load once more as a check"), permissions=["change"])
    def try_again(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        for model in models:
            trials.check_again(administrator(request), model_id=model.id)
        messages.success(request, acts.TRIED)

    @admin.action(description=_("Keep loaded"), permissions=["change"])
    def keep_loaded(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        for model in models:
            memory.keep_loaded(administrator(request), model_id=model.id)
        messages.success(request, acts.KEPT)

    @admin.action(description=_("Keep loaded no longer"), permissions=["change"])
    def keep_loaded_no_longer(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        for model in models:
            memory.keep_loaded(administrator(request), model_id=model.id, is_pinned=False)
        messages.success(request, acts.KEPT_NO_LONGER)

    @admin.action(description=_("Unload from memory"), permissions=["change"])
    def unload(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        try:
            for model in models:
                memory.unload(administrator(request), model_id=model.id)
        except ChatError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, acts.UNLOADED)
