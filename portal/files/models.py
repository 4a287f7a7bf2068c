"""A file that a person adds to a question, the text of it, and the questions it goes with.

The bytes lie on the disk (places.py), under the id. No rules of access here.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class Kind(models.TextChoices):
    IMAGE = "image"
    DOCUMENT = "document"


class State(models.TextChoices):
    """The life of a file.

        READING ──► READY | REFUSED

    READING: it is here, and a child process opens it, or will. READY: its text or its picture is
    there. REFUSED: `problem` says why; no byte of it is kept.
    """

    READING = "reading"
    READY = "ready"
    REFUSED = "refused"


class File(models.Model):
    """`conversation` is where it was sent first, and it goes with that one; None: not sent yet.

    `tries` counts the children that were begun for it: only the newest may say what it is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="files"
    )
    conversation = models.ForeignKey(
        "chat.Conversation", null=True, blank=True, on_delete=models.CASCADE, related_name="files"
    )
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    media_type = models.CharField(max_length=120)
    size_bytes = models.PositiveBigIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.READING)
    problem = models.CharField(max_length=32, blank=True)
    tokens = models.PositiveIntegerField(null=True, blank=True)
    chars = models.PositiveIntegerField(default=0)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = (
            # What the sweep looks for; few at any time.
            models.Index(fields=("created_at",), name="file_reading", condition=Q(state="reading")),
        )
        constraints = (
            models.CheckConstraint(
                name="refused_for_a_problem",
                condition=Q(state="refused") & ~Q(problem="") | ~Q(state="refused") & Q(problem=""),
            ),
        )

    def __str__(self) -> str:
        return str(self.id)


class DocumentText(models.Model):
    """Apart from its file, so that no list reads it by accident."""

    file = models.OneToOneField(
        File, primary_key=True, on_delete=models.CASCADE, related_name="words"
    )
    text = models.TextField()

    def __str__(self) -> str:
        return str(self.file_id)


class Attachment(models.Model):
    """A file goes with a question, or with one that waits for its turn."""

    file = models.ForeignKey(File, on_delete=models.CASCADE, related_name="attachments")
    message = models.ForeignKey(
        "chat.Message", null=True, blank=True, on_delete=models.CASCADE, related_name="attachments"
    )
    next_question = models.ForeignKey(
        "chat.NextQuestion",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="attachments",
    )
    place = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("place", "id")
        constraints = (
            models.CheckConstraint(
                name="goes_with_one_question",
                condition=Q(message=None, next_question__isnull=False)
                | Q(message__isnull=False, next_question=None),
            ),
            models.UniqueConstraint(fields=("message", "file"), name="once_a_message"),
            models.UniqueConstraint(fields=("next_question", "file"), name="once_a_next"),
        )

    def __str__(self) -> str:
        return str(self.id)
