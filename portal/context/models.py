"""Where a person cut a conversation for the model. Not for what did not fit: that is counted."""

from django.db import models


class ViewStart(models.Model):
    """Models read nothing up to and including this answer, in every branch that goes on from it."""

    generation = models.OneToOneField(
        "chat.Generation", primary_key=True, on_delete=models.CASCADE, related_name="view_start"
    )
    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.generation_id)
