"""Registers the application with Django."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "portal.api"
