"""What was taken in from a file, so that the same press of the button takes it in once."""

import uuid

from django.conf import settings
from django.db import models


class Arrival(models.Model):
    """`client_key` names the press of the button. Holds counts, and nothing of what was said."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client_key = models.UUIDField()
    conversation_count = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("owner", "client_key"), name="one_arrival_a_press"),
        )

    def __str__(self) -> str:
        return str(self.id)
