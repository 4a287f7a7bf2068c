"""Telling the background workers that a file came. A wake-up: lost or doubled, nothing happens."""

import logging
from uuid import UUID

from kombu.exceptions import OperationalError

from portal.celery import app
from portal.streams.connection import AWAY

log = logging.getLogger(__name__)

TASK = "files.read"


def send(file_id: UUID) -> None:
    """When Redis is away the sweep says it later: the row is there."""
    try:
        app.send_task(TASK, args=[str(file_id)], retry=False)
    except (*AWAY, OperationalError) as error:
        log.warning("file %s waits for Redis: %s", file_id, type(error).__name__)
