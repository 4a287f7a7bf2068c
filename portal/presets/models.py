"""What a conversation is set to, and what people set again and again: presets and templates.

Not for what a setting means to a model: parameters.py and prompts.py of the chat know.
"""

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class Think(models.TextChoices):
    """Whether a model that can think does so; nothing chosen leaves it to the model."""

    DEFAULT = "", _("as the model does")
    OFF = "off", _("off")
    ON = "on", _("on")
    LOW = "low", _("a little")
    MEDIUM = "medium", _("some")
    HIGH = "high", _("much")


class Settings(models.Model):
    """The fields that a conversation and a preset have in common.

    `parameters` are those that differ from the model's own. `format` is empty, "json", or a JSON
    Schema as text.
    """

    system = models.TextField(_("system prompt"), blank=True)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    format = models.TextField(_("format"), blank=True)
    think = models.CharField(_("thinking"), max_length=8, choices=Think.choices, blank=True)

    class Meta:
        abstract = True


class Offered(models.Model):
    """Something of a person's own, or, without an owner, published by the administration.

    `client_key` names the press of the button that made it; the second press makes nothing.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.CASCADE,
        related_name="%(class)ss",
    )
    client_key = models.UUIDField(default=uuid.uuid4, editable=False)
    is_for_everyone = models.BooleanField(_("for everyone"), default=False)
    groups = models.ManyToManyField(
        Group, verbose_name=_("groups"), blank=True, related_name="%(class)ss"
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        abstract = True


class Preset(Offered, Settings):
    """Settings with a name and a face, to begin a conversation with. `model_name` may be empty."""

    name = models.CharField(_("name"), max_length=80)
    icon = models.CharField(_("icon"), max_length=16, blank=True)
    description = models.CharField(_("description"), max_length=200, blank=True)
    model_name = models.CharField(_("model"), max_length=512, blank=True)
    starters = models.JSONField(_("starters"), default=list, blank=True)

    class Meta:
        verbose_name = _("preset")
        verbose_name_plural = _("presets")
        ordering = (Lower("name"), "id")
        constraints = (
            models.UniqueConstraint(fields=("owner", "client_key"), name="one_preset_a_press"),
            models.UniqueConstraint("owner", Lower("name"), name="one_preset_a_name"),
            models.UniqueConstraint(
                Lower("name"), condition=Q(owner=None), name="one_published_preset_a_name"
            ),
        )

    def __str__(self) -> str:
        return self.name


class PromptTemplate(Offered):
    """A text with gaps such as {{topic}}, which is called by typing /name."""

    name = models.CharField(_("name"), max_length=40)
    text = models.TextField(_("text"))

    class Meta:
        verbose_name = _("prompt template")
        verbose_name_plural = _("prompt templates")
        ordering = (Lower("name"), "id")
        constraints = (
            models.UniqueConstraint(fields=("owner", "client_key"), name="one_template_a_press"),
            models.UniqueConstraint("owner", Lower("name"), name="one_template_a_name"),
            models.UniqueConstraint(
                Lower("name"), condition=Q(owner=None), name="one_published_template_a_name"
            ),
        )

    def __str__(self) -> str:
        return self.name


class ConversationSettings(Settings):
    """What one conversation is set to. `preset` is only where it came from, for its name."""

    conversation = models.OneToOneField(
        "chat.Conversation", primary_key=True, on_delete=models.CASCADE, related_name="set_to"
    )
    preset = models.ForeignKey(
        Preset, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return str(self.conversation_id)
