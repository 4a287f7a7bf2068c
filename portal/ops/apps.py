"""Registers the application with Django."""

from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "portal.ops"

    def ready(self) -> None:
        from portal import checks  # noqa: F401 - importing it registers the checks
