"""Conversation, Message, Generation, and what can never be true of them. No rules of access
here."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """The life of a generation.

        QUEUED ──► RUNNING ──► COMPLETE | STOPPED | FAILED | INTERRUPTED
           │          └──► QUEUED again, as the next attempt, when its runner died
           └──► STOPPED | FAILED

    COMPLETE: the model finished, or reached the length limit (`reason` is then "length").
    STOPPED: a person, or an API client that went away, ended it. FAILED: no answer, `reason` says
    why. INTERRUPTED: a part of us died in mid-answer; the text is kept, Continue and Retry are
    offered.
    """

    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    COMPLETE = "complete", _("complete")
    STOPPED = "stopped", _("stopped")
    FAILED = "failed", _("failed")
    INTERRUPTED = "interrupted", _("interrupted")


OPEN = (State.QUEUED, State.RUNNING)
OVER = (State.COMPLETE, State.STOPPED, State.FAILED, State.INTERRUPTED)


class Door(models.TextChoices):
    """Where a generation was asked for. An API generation stops when its client goes away."""

    PAGE = "page", _("page")
    API = "api", _("API")


class Conversation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations"
    )
    title = models.CharField(max_length=200, blank=True)
    title_is_own = models.BooleanField(default=False)
    model_name = models.CharField(max_length=512, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(db_index=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-changed_at",)
        indexes = (
            models.Index(
                fields=("owner", "-changed_at"),
                name="conversation_list",
                condition=Q(deleted_at=None),
            ),
        )

    def __str__(self) -> str:
        return str(self.id)


class Message(models.Model):
    """What a person asked. `after` is the answer it follows, None for the first of a conversation.

    `client_key` names the press of the button; it is unique for the author (threat H5).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    after = models.ForeignKey(
        "Generation", null=True, blank=True, on_delete=models.CASCADE, related_name="followers"
    )
    text = models.TextField()
    client_key = models.UUIDField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("created_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("author", "client_key"), name="one_message_a_press"),
        )

    def __str__(self) -> str:
        return str(self.id)


class Generation(models.Model):
    """One try of a model to answer one message, or one API request.

    `attempt` counts the runners that tried; only the newest may write (threat F17).
    `recorded_number` is the number of the newest event of that attempt contained in `text`.
    `request` is what the worker needs besides the conversation; emptied when the generation is
    over.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="generations"
    )
    door = models.CharField(max_length=8, choices=Door.choices, default=Door.PAGE)
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.CASCADE, related_name="generations"
    )
    model = models.ForeignKey(
        "catalog.Model", null=True, on_delete=models.SET_NULL, related_name="generations"
    )
    model_name = models.CharField(max_length=512)
    client_key = models.UUIDField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=64, blank=True)
    attempt = models.PositiveIntegerField(default=1)
    deaths = models.PositiveIntegerField(default=0)
    request = models.JSONField(default=dict, blank=True)
    so_far = models.TextField(blank=True)
    text = models.TextField(blank=True)
    thinking = models.TextField(blank=True)
    recorded_number = models.PositiveBigIntegerField(default=0)
    stats = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        ordering = ("created_at", "id")
        indexes = (
            models.Index(
                fields=("state",),
                name="generation_open",
                condition=Q(state__in=["queued", "running"]),
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=("owner", "client_key"), name="one_generation_a_press"),
            models.CheckConstraint(
                name="page_generations_answer_a_message",
                condition=Q(door="api", message=None) | Q(door="page", message__isnull=False),
            ),
            models.CheckConstraint(
                name="over_means_ended",
                condition=Q(state__in=["queued", "running"], ended_at=None)
                | (~Q(state__in=["queued", "running"]) & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(name="attempts_count_from_one", condition=Q(attempt__gte=1)),
            models.CheckConstraint(
                name="deaths_within_attempts", condition=Q(deaths__lte=F("attempt"))
            ),
        )

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_over(self) -> bool:
        return self.state in OVER
