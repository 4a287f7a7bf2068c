"""What `make test` runs on PostgreSQL and Redis: no folder that touches them is forgotten."""

import re

import pytest

from setup import suite
from tests.architecture.code import sources, text

# Their own servers, or the whole portal's: they start what they need, or stay with SQLite.
ELSEWHERE = {"tests/browser", "tests/clients", "tests/faults", "tests/group"}
TOUCHES = re.compile(r"pytest\.mark\.(django_db|redis|postgres)")


def folders() -> list[str]:
    """Where a file says that it touches the database."""
    touched = {
        "/".join(path.parts[:2])
        for path in sources("tests")
        if len(path.parts) > 2
        and re.search(r"pytest\.mark\.(django_db|redis|postgres)", text(path))
    }
    return sorted(touched - ELSEWHERE)


@pytest.mark.parametrize("folder", folders())
def test_what_touches_the_database_runs_on_postgresql_as_well(folder: str) -> None:
    assert folder in suite.SERVED


def test_there_is_such_a_folder() -> None:
    assert "tests/chat" in folders()
