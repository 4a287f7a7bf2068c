"""Snapshots that people show to others. No rules of access here.

A snapshot is a copy of what was shown when it was made: what is said later in the conversation is
not in it. It goes when its conversation is deleted.
"""

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models


class Share(models.Model):
    """`turns` is what readers see: a list of `portal.sharing.snapshot.Turn`, and nothing beside.

    `people` and `groups` may read it, and nothing else; nobody may once `revoked_at` is set.
    `client_key` names the press of the button.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shares"
    )
    conversation = models.ForeignKey(
        "chat.Conversation", on_delete=models.CASCADE, related_name="shares"
    )
    title = models.CharField(max_length=200, blank=True)
    turns = models.JSONField(default=list)
    client_key = models.UUIDField()
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    people = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="shares_received"
    )
    groups = models.ManyToManyField(Group, blank=True, related_name="shares_received")

    class Meta:
        ordering = ("-created_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("owner", "client_key"), name="one_share_a_press"),
        )

    def __str__(self) -> str:
        return str(self.id)
