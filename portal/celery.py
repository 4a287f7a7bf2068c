"""The Celery application: background work on models, never on chats."""

from celery import Celery

# No default for DJANGO_SETTINGS_MODULE here: this module is imported with the package, before
# whoever started the process (manage.py, asgi.py, the group) could say which settings it means.
app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
