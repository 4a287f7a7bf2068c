"""Registers the application with Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "portal.chat"
    verbose_name = _("Answers")
