"""Folders that people put their conversations into. What is pinned, archived or temporary stands on
the conversation itself. No rules of access here.
"""

import uuid

from django.conf import settings
from django.db import models

MAX_NAME_CHARS = 80


class Folder(models.Model):
    """One person's own. When it is deleted, its conversations stand in the list again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="folders"
    )
    name = models.CharField(max_length=MAX_NAME_CHARS)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "id")
        constraints = (models.UniqueConstraint(fields=("owner", "name"), name="one_folder_a_name"),)

    def __str__(self) -> str:
        return str(self.id)
