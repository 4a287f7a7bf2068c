"""A question is answered, or the child dies of it; nobody pays for a child that died before."""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.engine.limited import ChildDied, LimitedChild
from tests.doubles import mortal

pytestmark = pytest.mark.threat("F7")


class Counted(LimitedChild):
    """Writes down how many children there have been."""

    started = 0

    def _start(self) -> "subprocess.Popen[bytes]":
        self.started += 1
        return super()._start()


@pytest.fixture
def child() -> Iterator[Counted]:
    found = Counted(mortal.__name__)
    yield found
    found.close()


def test_a_child_killed_while_idle_is_replaced_before_anybody_notices(child: Counted) -> None:
    first = child.pid
    assert child.ask(b"one") == b"one by %d" % first
    os.kill(first, signal.SIGKILL)

    assert child.ask(b"two") == b"two by %d" % child.pid
    assert child.pid != first


def test_a_child_that_dies_before_it_has_read_the_question_is_not_dead_of_it(
    child: Counted,
) -> None:
    child.ask(b"one")
    first = child.pid
    os.kill(first, signal.SIGSTOP)
    with ThreadPoolExecutor(max_workers=1) as beside:
        # More than a pipe holds: it is being handed over, or not even that, when the child dies.
        asked = beside.submit(child.ask, b"x" * 1_000_000)
        os.kill(first, signal.SIGKILL)

        assert asked.result().startswith(b"xxx")
    assert child.started == 2


def test_a_child_that_dies_of_a_question_is_not_asked_again(child: Counted) -> None:
    child.ask(b"one")

    with pytest.raises(ChildDied):
        child.ask(mortal.DIE)

    assert child.started == 2
    assert child.ask(b"two") == b"two by %d" % child.pid


def test_a_child_that_never_begins_is_given_up() -> None:
    child = Counted("tests.doubles.no_such_module")
    try:
        with pytest.raises(ChildDied):
            child.ask(b"one")
    finally:
        child.close()
