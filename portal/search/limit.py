"""No search takes longer than people wait: the database is told to give up (threat I4)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext_lazy as _

from portal.chat.errors import Unavailable

MOST_SECONDS = 3.0
# Steps of SQLite's machine between two looks at the clock; some microseconds each.
_STEPS_A_LOOK = 5_000


class TookTooLong(Unavailable):
    """The words are in too many texts, or the machine is busy."""

    sentence = _(
        "This search took too long and was given up. Nothing was changed. Try it with a rarer word."
    )


@contextmanager
def limited(seconds: float = MOST_SECONDS) -> Iterator[float]:
    """Queries in here end in time, with `TookTooLong`. Gives the monotonic deadline."""
    deadline = time.monotonic() + seconds
    watched = _watched_sqlite if connection.vendor == "sqlite" else _watched_postgresql
    try:
        with watched(seconds, deadline):
            yield deadline
    except OperationalError as error:
        if time.monotonic() < deadline:
            raise
        raise TookTooLong from error


@contextmanager
def _watched_sqlite(_seconds: float, deadline: float) -> Iterator[None]:
    # No transaction: ours begin with the right to write, and reading must not hold up writers.
    connection.ensure_connection()
    handle = connection.connection
    handle.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS_A_LOOK)
    try:
        yield
    finally:
        handle.set_progress_handler(None, 0)


@contextmanager
def _watched_postgresql(seconds: float, _deadline: float) -> Iterator[None]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            # For this transaction only. SET takes no parameters, this does.
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true)", [f"{seconds * 1000:.0f}"]
            )
        yield
