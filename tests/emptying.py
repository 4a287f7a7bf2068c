"""Empties the database behind a test that committed. Not for tests that are rolled back.

Django's own way empties every table by a command of its own and then makes the content types and
the permissions of every application again: more work than most tests are. Here both stay, which no
test changes, and an empty table costs next to nothing.
"""

from functools import cache
from typing import Any

from django.db import connection, transaction

DELETE = "DELETE FROM %s"
STAY = frozenset({"django_content_type", "auth_permission"})


def empty_the_database(_case: Any = None) -> None:
    """All tables of the portal, at once; in place of Django's own behind a transactional test."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Whoever is still writing in a thread of the test ends first, as with TRUNCATE.
            cursor.execute(f"LOCK TABLE {', '.join(_tables())} IN ACCESS EXCLUSIVE MODE")
            cursor.execute("; ".join(_deletes()))
            return
        for delete in _deletes():
            cursor.execute(delete)


@cache
def _tables() -> list[str]:
    found = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(name) for name in sorted(found) if name not in STAY]


@cache
def _deletes() -> list[str]:
    """References are checked when the transaction ends: the order does not matter."""
    return [DELETE % table for table in _tables()]
