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
    folder = models.ForeignKey(
        "order.Folder",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="conversations",
    )
    pinned_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    # The last answer of the branch that is shown; None in conversations from before there were any.
    shown = models.ForeignKey(
        "Generation", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # In no list and in no search; removed when its owner leaves it (portal/order).
    is_temporary = models.BooleanField(default=False, db_default=False)
    # When a model was asked for a title, which happens once.
    title_asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-changed_at",)
        indexes = (
            models.Index(
                fields=("owner", "-changed_at"),
                name="conversation_list",
                condition=Q(deleted_at=None),
            ),
            # What the sweep removes for good; few at any time.
            models.Index(
                fields=("changed_at",),
                name="conversation_leaving",
                condition=~Q(deleted_at=None) | Q(is_temporary=True),
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
        indexes = (
            models.Index(fields=("conversation", "-created_at"), name="message_from_the_end"),
        )

    def __str__(self) -> str:
        return str(self.id)


class NextQuestion(models.Model):
    """What a person asks next, while the answer before it is being made. Becomes a message with
    the same `client_key`, and is gone then.

    `follows` is that answer. `reason` says why the portal did not send it by itself: the code of
    the refusal.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="next_questions"
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    follows = models.ForeignKey("Generation", on_delete=models.CASCADE, related_name="+")
    text = models.TextField()
    model_name = models.CharField(max_length=512)
    client_key = models.UUIDField()
    reason = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("created_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("author", "client_key"), name="one_next_a_press"),
        )

    def __str__(self) -> str:
        return str(self.id)

    @property
    def why_held(self) -> str:
        """Why the person herself must say that it goes; "" while it goes by itself."""
        if self.reason:
            return self.reason
        is_lost = self.follows.state in (State.FAILED, State.INTERRUPTED)
        return str(self.follows.state) if is_lost else ""


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
    # With which key a program asked; its use counts towards the limits of that key too.
    key = models.ForeignKey(
        "accounts.ApiKey", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
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
        # Of all rows: SQLite takes one of the open rows alone only for states that stand in the
        # statement itself, and Django passes them beside it. Every question would read every row.
        indexes = (models.Index(fields=("state",), name="generation_state"),)
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


class Verdict(models.TextChoices):
    GOOD = "good", _("good")
    BAD = "bad", _("bad")


class Rating(models.Model):
    """What a person thinks of an answer of hers: one an answer, and the last word counts.

    `reasons` are words of the closed list in ratings.py.
    """

    generation = models.OneToOneField(Generation, on_delete=models.CASCADE, related_name="rating")
    model_name = models.CharField(_("model"), max_length=512)
    verdict = models.CharField(_("verdict"), max_length=8, choices=Verdict.choices)
    reasons = models.JSONField(_("reasons"), default=list, blank=True)
    note = models.TextField(_("note"), blank=True)
    rated_at = models.DateTimeField(_("rated"))

    class Meta:
        verbose_name = _("rating")
        verbose_name_plural = _("ratings")
        ordering = ("-rated_at",)

    def __str__(self) -> str:
        return f"{self.get_verdict_display()}, {self.model_name}"
