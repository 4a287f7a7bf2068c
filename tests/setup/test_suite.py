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


def test_what_drives_a_browser_is_where_browsers_run_and_nothing_else_is() -> None:
    tests = [path for path in sources("tests") if path.name.startswith("test_")]
    driving = {path for path in tests if re.search(r"pytest\.mark\.(?:browser)", text(path))}

    assert driving == {path for path in tests if path.is_relative_to(suite.SHOWN)}


def test_what_asks_for_the_queue_alone_lies_where_it_is_tried_with_redis() -> None:
    """The rest of the suite leaves it out then."""
    makers = [path for path in sources("tests") if "\ndef redis(" in text(path)]

    assert makers
    assert {"/".join(path.parts[:2]) for path in makers} <= set(suite.SERVED)
