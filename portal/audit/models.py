"""Who did what, when. Rows are added, never changed."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Entry(models.Model):
    """One act. `subject` names the object as kind and id; `details` never holds text from chats."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(_("at"), auto_now_add=True, db_index=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    person_label = models.CharField(_("person"), max_length=254)
    act = models.CharField(_("act"), max_length=64)
    subject = models.CharField(_("subject"), max_length=600, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.act} {self.subject}"
