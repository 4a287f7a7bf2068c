"""The index of words: what of a message or an answer can be looked for, and nothing else.

`words` holds the tokens of one text (words.py), each once, behind one that stands for the owner.
SQLite keeps an FTS5 table beside this one, PostgreSQL an inverted index over it; both are made in
the migrations, for Django knows neither. Rows are made by index.py and go with what they are of.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Passage(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey(
        "chat.Conversation", on_delete=models.CASCADE, related_name="passages"
    )
    message = models.OneToOneField(
        "chat.Message", null=True, blank=True, on_delete=models.CASCADE, related_name="passage"
    )
    generation = models.OneToOneField(
        "chat.Generation", null=True, blank=True, on_delete=models.CASCADE, related_name="passage"
    )
    said_at = models.DateTimeField()
    words = models.TextField()

    class Meta:
        ordering = ("-said_at", "-id")
        indexes = (models.Index(fields=("owner", "-said_at", "-id"), name="passages_of_person"),)
        constraints = (
            models.CheckConstraint(
                name="passage_of_one_text",
                condition=Q(message=None, generation__isnull=False)
                | Q(message__isnull=False, generation=None),
            ),
        )

    def __str__(self) -> str:
        return str(self.id)
