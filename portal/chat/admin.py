"""What runs now and how answers are rated, in the administration. Never what anybody asked or was
answered (threat B9); a rating's note is written for administrators, and the page says so."""

from datetime import datetime, timedelta

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from portal.chat.models import OPEN, Generation, Rating, State
from portal.chat.ratings import REASONS
from portal.console import ReadOnly, column

_TEXTS = ("text", "thinking", "so_far", "request")


class _Watched(ReadOnly, ModelAdmin):  # type: ignore[misc] # unfold brings no types
    """A list to look at."""


@admin.register(Generation)
class RunningGenerationAdmin(_Watched):
    list_display = (
        "person",
        "shown_model",
        "shown_state",
        "shown_door",
        "waited",
        "started",
        "pieces",
    )
    list_filter = ("state", "door")
    list_select_related = ("owner",)
    search_fields = ("owner__email", "model_name")
    ordering = ("created_at",)
    fields = (
        "person",
        "shown_model",
        "shown_state",
        "shown_door",
        "waited",
        "started",
        "pieces",
        "tries",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Generation]:
        generations: QuerySet[Generation] = super().get_queryset(request)
        return generations.filter(state__in=OPEN).defer(*_TEXTS)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        context = {"title": str(_("Running answers")), **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    @column(_("person"), ordering="owner__email")
    def person(self, generation: Generation) -> str:
        return str(generation.owner)

    @column(_("model"), ordering="model_name")
    def shown_model(self, generation: Generation) -> str:
        return generation.model_name

    @column(_("state"), ordering="state", label=True)
    def shown_state(self, generation: Generation) -> str:
        return generation.get_state_display()

    @column(_("asked through"), ordering="door")
    def shown_door(self, generation: Generation) -> str:
        return generation.get_door_display()

    @column(_("started"), ordering="started_at")
    def started(self, generation: Generation) -> datetime | None:
        return generation.started_at

    @column(_("attempt"))
    def tries(self, generation: Generation) -> int:
        return generation.attempt

    @column(_("waited"))
    def waited(self, generation: Generation) -> timedelta:
        """From being asked to being taken, or until now."""
        until = generation.started_at or timezone.now()
        if generation.state == State.QUEUED:
            until = timezone.now()
        return timedelta(seconds=round((until - generation.created_at).total_seconds()))

    @column(_("pieces so far"), ordering="recorded_number")
    def pieces(self, generation: Generation) -> int:
        return generation.recorded_number


@admin.register(Rating)
class RatingAdmin(_Watched):
    """Not who gave it: a rating is about the model."""

    list_display = ("rated_at", "model_name", "shown_verdict", "shown_reasons", "note")
    list_filter = ("verdict", "model_name")
    search_fields = ("model_name", "note")
    ordering = ("-rated_at",)
    fields = list_display
    readonly_fields = fields

    @column(_("verdict"), ordering="verdict", label=True)
    def shown_verdict(self, rating: Rating) -> str:
        return rating.get_verdict_display()

    @column(_("reasons"))
    def shown_reasons(self, rating: Rating) -> str:
        return ", ".join(str(REASONS.get(reason, reason)) for reason in rating.reasons)
