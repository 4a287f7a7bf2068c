"""The portal: people, chats, models, rights. Knows nothing of llama.cpp."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
