"""Which models exist and who may use them. Not for files: those are in store.py."""

import uuid

from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _


class ModelState(models.TextChoices):
    """ADDED (bytes are whole, a worker tries them) → READY, or UNLOADABLE when they did not
    survive; any → BROKEN when its bytes rot. People choose among those that are READY."""

    ADDED = "added", _("being checked")
    READY = "ready", _("ready")
    UNLOADABLE = "unloadable", _("cannot be loaded")
    BROKEN = "broken", _("broken")


class Model(models.Model):
    """A name in the store, as its manifest says. `digest` is the sha256 of the manifest file."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=512, unique=True)
    digest = models.CharField(_("digest"), max_length=64, editable=False)
    weights = models.CharField(_("weights"), max_length=64, editable=False)
    projector = models.CharField(_("projector"), max_length=64, blank=True, editable=False)
    adapters = models.JSONField(_("adapters"), default=list, blank=True, editable=False)
    state = models.CharField(
        _("state"), max_length=16, choices=ModelState.choices, default=ModelState.ADDED
    )
    # How its trial went, as `portal/catalog/trials.py` keeps it.
    trial = models.JSONField(_("check"), default=dict, blank=True, editable=False)
    size_bytes = models.PositiveBigIntegerField(_("size"), default=0)
    family = models.CharField(_("family"), max_length=100, blank=True)
    parameter_size = models.CharField(_("parameters"), max_length=20, blank=True)
    quantization = models.CharField(_("quantisation"), max_length=20, blank=True)
    context_length = models.PositiveBigIntegerField(_("context length"), default=0)
    embedding_length = models.PositiveIntegerField(_("embedding length"), default=0)
    capabilities = models.JSONField(_("capabilities"), default=list, blank=True)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    system = models.TextField(_("system prompt"), blank=True)
    is_published = models.BooleanField(_("published"), default=False)
    is_for_everyone = models.BooleanField(_("for everyone"), default=False)
    is_pinned = models.BooleanField(_("kept loaded"), default=False)
    groups = models.ManyToManyField(
        Group, verbose_name=_("groups"), blank=True, related_name="models"
    )
    added_at = models.DateTimeField(_("added"), auto_now_add=True)
    modified_at = models.DateTimeField(_("modified"))

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
