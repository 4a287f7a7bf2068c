"""Models in the administration: looked at, published, hidden, removed. A door: actions decide."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError
from unfold.admin import ModelAdmin

from portal.catalog import actions, memory, queries, tasks, trials
from portal.catalog.forms import AudienceForm
from portal.catalog.models import Model, ModelState
from portal.chat.errors import ChatError
from portal.console import ClosedLookups, administrator, button, column

_STATE_COLOURS = {
    ModelState.ADDED.value: "info",
    ModelState.READY.value: "success",
    ModelState.UNLOADABLE.value: "danger",
    ModelState.BROKEN.value: "danger",
}


@admin.register(Model)
class ModelsAdmin(ClosedLookups, ModelAdmin):  # type: ignore[misc] # unfold brings no types
    list_display = (
        "name",
        "size",
        "family",
        "quantization",
        "context_length",
        "short_digest",
        "coloured_state",
        "audience",
    )
    list_filter = ("state", "is_published", "is_pinned", "family", "quantization")
    search_fields = ("name", "family")
    fieldsets = (
        (None, {"fields": ("name", "shown_state", "verdict", "audience", "kept_loaded")}),
        (
            _("Model"),
            {
                "fields": (
                    "family",
                    "parameter_size",
                    "quantization",
                    "size",
                    "context_length",
                    "used_context_length",
                    "embedding_length",
                    "abilities",
                    "parameters",
                    "system",
                )
            },
        ),
        (_("Files"), {"fields": ("digest", "weights", "modified_at", "added_at")}),
    )
    actions = (
        *("publish_to_everyone", "hide", "check_files", "try_again"),
        *("keep_loaded", "keep_loaded_no_longer", "unload"),
    )
    actions_detail = ("open_audience",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _title, part in self.fieldsets for name in part["fields"]]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        models: QuerySet[Model] = super().get_queryset(request)
        return models.prefetch_related("groups")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # Models come from files: `manage.py importmodel`.

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered: dict[str, Any] = super().get_actions(request)
        offered.pop("delete_selected", None)  # It would go past the files.
        return offered

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        nothing_to_save = {
            "show_save": False,
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
        }
        context = {**(extra_context or {}), **nothing_to_save}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

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

    @column(_("digest"))
    def short_digest(self, model: Model) -> str:
        return model.digest[:12]

    @column(_("state"), ordering="state", label=_STATE_COLOURS)
    def coloured_state(self, model: Model) -> tuple[str, str]:
        """By the state, not by its word, which is another one in every language."""
        state = model.get_state_display()
        if model.is_pinned:
            state = _("%(state)s, kept loaded") % {"state": state}
        return model.state, state

    @column(_("state"))
    def shown_state(self, model: Model) -> str:
        return model.get_state_display()

    @column(_("check"))
    def verdict(self, model: Model) -> str:
        return trials.sentence_about(model)

    @column(_("kept loaded"))
    def kept_loaded(self, model: Model) -> str:
        return str(_("yes") if model.is_pinned else _("no"))

    @column(_("capabilities"))
    def abilities(self, model: Model) -> str:
        return ", ".join(model.capabilities)

    @column(_("context length used"))
    def used_context_length(self, model: Model) -> int:
        return queries.context_length_of(model)

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
                tasks.check_bytes.delay(str(model.id))
        except OperationalError:
            messages.error(request, _("The queue does not answer. Try again soon."))
        else:
            messages.success(request, _("Every byte is being read again; the state will say."))

    @admin.action(description=_("Load once more as a check"), permissions=["change"])
    def try_again(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        for model in models:
            trials.check_again(administrator(request), model_id=model.id)
        messages.success(request, _("A worker loads it again; the state will say."))

    @admin.action(description=_("Keep loaded"), permissions=["change"])
    def keep_loaded(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        for model in models:
            memory.keep_loaded(administrator(request), model_id=model.id)
        messages.success(
            request, _("Kept loaded while there is room; it makes way for no other model.")
        )

    @admin.action(description=_("Keep loaded no longer"), permissions=["change"])
    def keep_loaded_no_longer(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        for model in models:
            memory.keep_loaded(administrator(request), model_id=model.id, is_pinned=False)
        messages.success(request, _("Let go when nobody has used it for a while, as others are."))

    @admin.action(description=_("Unload from memory"), permissions=["change"])
    def unload(self, request: HttpRequest, models: QuerySet[Model]) -> None:
        try:
            for model in models:
                memory.unload(administrator(request), model_id=model.id)
        except ChatError as error:
            messages.error(request, str(error))
        else:
            messages.success(
                request, _("Unloaded once running answers are done; asked for, it is back.")
            )

    @button(_("Publish or hide"), permission="change", icon="group")
    def open_audience(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:catalog_model_audience", args=[object_id]))

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<uuid:model_id>/audience/",
                self.admin_site.admin_view(self.audience_view),
                name="catalog_model_audience",
            )
        ]
        return own + list(super().get_urls())

    def audience_view(self, request: HttpRequest, model_id: UUID) -> HttpResponse:
        """One button a group, so that publishing to Sales is two clicks from the list."""
        model = self.get_object(request, str(model_id))
        if model is None:
            raise Http404
        if not self.has_change_permission(request, model):
            raise PermissionDenied
        if request.method == "POST":
            return self._change_audience(request, model)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": model.name,
            "model": model,
            "audience": queries.audience_of(model),
            "groups": queries.all_groups(),
            "chosen": {group.pk for group in model.groups.all()},
        }
        return TemplateResponse(request, "admin/catalog/model/audience.html", context)

    def _change_audience(self, request: HttpRequest, model: Model) -> HttpResponse:
        form = AudienceForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("Please choose a group."))
            return HttpResponseRedirect(request.path)
        group = form.cleaned_data["group"]
        try:
            match form.cleaned_data["act"]:
                case "publish":
                    actions.publish_to_groups(
                        administrator(request), model_id=model.id, group_ids=[group.pk]
                    )
                case "withdraw":
                    actions.withdraw_from_groups(
                        administrator(request), model_id=model.id, group_ids=[group.pk]
                    )
                case "everyone":
                    actions.publish_model(administrator(request), model_id=model.id)
                case _:
                    actions.hide_model(administrator(request), model_id=model.id)
        except ChatError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.path)
        model.refresh_from_db()
        words = {"name": model.name, "audience": queries.audience_of(model)}
        messages.success(request, _("%(name)s may now be used by: %(audience)s") % words)
        return HttpResponseRedirect(request.path)
